import type { AdminClient } from '../src/sdk/admin-client.ts'

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
  for await (const { token, decision } of issued(admin, from)) decisions.set(token, decision)
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

async function* issued(
  admin: AdminClient,
  from: number,
): AsyncGenerator<{ token: string; decision: string }> {
  let after = from - 1
  for (;;) {
    const { events } = await admin.audit('acme', {
      limit: '1000',
      ...(after < 0 ? {} : { after: String(after) }),
    })
    for (const { kind, token, decision } of events) {
      if (kind === 'issue' && token !== undefined && decision !== undefined) yield { token, decision }
    }
    const last = events.at(-1)
    if (last === undefined || events.length < 1000) return
    after = last.index
  }
}
