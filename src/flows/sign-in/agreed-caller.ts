import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import type { EpochSeconds } from '../../core/time.ts'
import { PROOF_REQUIRED, proofKey } from '../attest-agent.ts'
import type { AuthorityView } from '../authority.ts'
import { type AgentCaller, mustBeBound } from '../caller.ts'
import type { TokenTarget, Wire } from '../token-ask.ts'
import type { Subject } from '../verify-subject.ts'
import type { Agreement } from './answer-consent.ts'
import type { FoundClient } from './find-client.ts'

/** Whom a token is for, by a person's consent: everything that `issueAccessToken` asks for. */
export type AgreedCall = {
  readonly caller: AgentCaller
  readonly subject: Subject
  readonly target: TokenTarget
}

/** Who it turned out to be, for the record of a refusal. */
export type Seen = { agent?: string; user?: string }

const KEY_MISMATCH = refuse(
  'unauthenticated',
  'dpop.key_mismatch',
  'The DPoP proof was made with another key than this is bound to.',
)
/**
 * The client as the caller that its person agreed to. `rev` is the agreement's own, so
 * that `decide` refuses what was revoked since.
 * `jkt` is the key that what is presented is bound to; a bound one goes on with its key alone (RFC 9449 §5, §10).
 */
export function agreedCaller(
  view: AuthorityView,
  agreement: Agreement,
  found: FoundClient,
  bound: string | undefined,
  wire: Wire,
): Result<AgreedCall, Refusal> {
  const links = [...new Set([...found.links, ...agreement.links])]
  const jkt = proofKey(view, wire)
  if (!jkt.ok) return jkt
  if (bound !== undefined && jkt.value !== bound) return err(KEY_MISMATCH)
  if (jkt.value === undefined && mustBeBound(found.workload, found.proof)) return err(PROOF_REQUIRED)
  const { request, signedIn, session, rev } = agreement
  const expires = session.expires as EpochSeconds
  const key = jkt.value === undefined ? {} : { jkt: jkt.value }
  const scope = request.scope === undefined ? {} : { scope: request.scope }
  return ok({
    caller: { workload: found.workload, proof: found.proof, links, rev, expires, ...key },
    subject: {
      user: signedIn.user,
      login: session.id,
      session: session.id,
      links,
      rev,
      expires,
      actors: [],
      ...scope,
    },
    target: { resource: request.resource, singleUse: false },
  })
}
