import type { AuditDraft } from '../core/audit/audit-event.ts'
import { type AgentId, parseAgentId } from '../core/ids.ts'
import type { Refusal } from '../core/refusal.ts'
import { parseJws } from '../lib/jose/jws.ts'
import { unverifiedClaims } from '../lib/jose/jwt.ts'

/**
 * Refusals of tokens that the tenant did sign: somebody who is known was refused. A stranger's are not recorded, since anybody could
 * fill the record with them.
 */
const SIGNED: ReadonlySet<string> = new Set([
  'token.audience',
  'token.expired',
  'token.revoked',
  'token.bound',
  'token.not_bound',
])

/** What a refused token was shown for. */
export type ShownFor = Pick<AuditDraft, 'tenant' | 'at' | 'revision' | 'resource'>

/** The record of a refused access token, when it was a genuine one; nothing for a stranger's. */
export function refusedTokenEvent(
  shown: ShownFor,
  authorization: string | undefined,
  refusal: Refusal,
): AuditDraft | undefined {
  if (!SIGNED.has(refusal.reason) && !refusal.reason.startsWith('dpop.')) return undefined
  const agent = agentOf(authorization)
  const event = { ...shown, kind: 'decision', outcome: 'deny', reason: refusal.reason } as const
  return agent === undefined ? event : { ...event, agent }
}

/** The agent that a token names whose signature was found good. */
function agentOf(authorization = ''): AgentId | undefined {
  const jws = parseJws(/^\S+ +(\S+)$/.exec(authorization)?.[1] ?? '')
  const claims = jws.ok ? unverifiedClaims(jws.value) : jws
  const client: unknown = claims.ok ? claims.value['client_id'] : undefined
  return typeof client === 'string' ? parseAgentId(client) : undefined
}
