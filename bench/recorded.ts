import { setTimeout as pause } from 'node:timers/promises'
import type { AdminClient } from '../src/sdk/admin-client.ts'
import type { AuditLine } from '../src/sdk/admin-contract.ts'

/** Throws unless every answer is a token of its own, each with its own decision and its own record in the audit after index `from`. */
export async function requireRecorded(
  admin: AdminClient,
  from: number,
  answers: readonly string[],
  count: number,
): Promise<void> {
  const given = new Set(answers.map(jtiOf))
  if (given.size !== count) throw new Error(`${count} answers held ${given.size} different tokens`)
  const decisions = new Map<string, string>()
  for await (const { kind, token, decision } of eventsAfter(admin, from)) {
    if (kind === 'issue' && token !== undefined && decision !== undefined) decisions.set(token, decision)
  }
  const missing = [...given].filter((jti) => !decisions.has(jti))
  if (missing.length > 0) throw new Error(`${missing.length} of ${count} tokens are not in the audit`)
  const own = new Set([...given].map((jti) => decisions.get(jti)))
  if (own.size !== count) throw new Error(`${count} tokens stand on ${own.size} decisions`)
}

function jtiOf(answer: string): string {
  const { access_token: token } = JSON.parse(answer) as { readonly access_token: string }
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }
  return claims.jti
}

const SHIPPED_WITHIN_MS = 30_000

/** Throws unless, once the gateway's Journal has been shipped, `count` calls are in the audit: each a decision that allowed it, and an outcome. */
export async function requireDecided(admin: AdminClient, from: number, count: number): Promise<void> {
  const until = performance.now() + SHIPPED_WITHIN_MS
  for (;;) {
    const { size } = await admin.checkpoint('acme')
    if (size - from >= 2 * count || performance.now() > until) break
    await pause(200)
  }
  const decided = new Set<string>()
  const outcomes = new Set<string>()
  for await (const { kind, outcome, decision } of eventsAfter(admin, from)) {
    if (decision === undefined) continue
    if (kind === 'decision' && outcome === 'allow') decided.add(decision)
    if (kind === 'outcome') outcomes.add(decision)
  }
  if (decided.size < count || outcomes.size < count) {
    throw new Error(
      `of ${count} calls, the audit has ${decided.size} decisions and ${outcomes.size} outcomes`,
    )
  }
}

async function* eventsAfter(admin: AdminClient, from: number): AsyncGenerator<AuditLine> {
  let after = from - 1
  for (;;) {
    const { events } = await admin.audit('acme', {
      limit: '1000',
      ...(after < 0 ? {} : { after: String(after) }),
    })
    yield* events
    const last = events.at(-1)
    if (last === undefined || events.length < 1000) return
    after = last.index
  }
}
