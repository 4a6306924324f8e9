import type { AgentId, Revision, SessionId, UserId } from '../core/ids.ts'
import type { Link } from '../core/lifecycle/revocation.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { EpochSeconds } from '../core/time.ts'
import type { AuthorityView } from './authority.ts'
import { tokenKey } from './authority-memory.ts'
import type { Caller } from './caller.ts'
import type { SubjectToken } from './token-ask.ts'
import { verifySignedToken } from './verify-access-token.ts'
import { knownUserToken, readJwt, type VerifiedUser, verifyUserToken } from './verify-user-token.ts'

/** For whom a token is asked, and what it inherits from the subject token. */
export type Subject = {
  readonly user?: { readonly id: UserId; readonly name: string }
  /** What tells the session apart: the sign-in, or the session of the token that goes onward. */
  readonly login: string
  readonly session?: SessionId
  readonly links: readonly Link[]
  readonly rev?: Revision
  readonly expires?: EpochSeconds
  /** Who acted before, oldest first. */
  readonly actors: readonly AgentId[]
  /** The `sub` of a token that names no user. */
  readonly sub?: string
  readonly scope?: readonly string[]
  /** `aud` of the token that goes onward. */
  readonly audience?: string
  /** A user without an entry yet, of a provider that lists none. */
  readonly fresh?: VerifiedUser['fresh']
}

export const NOBODY: Subject = { login: '', links: [], actors: [] }

/** A subject token: one of ours that goes onward, or the user's from an identity provider of this tenant. */
export async function verifySubject(
  view: AuthorityView,
  subject: SubjectToken,
  caller: Caller,
): Promise<Result<Subject, Refusal>> {
  const key = tokenKey(view.name, subject.token)
  const known = knownUserToken(view, key, caller, subject.type)
  if (known) return subjectOf(known)
  const read = readJwt(subject.token)
  if (read.ok && read.value.claims.iss === view.issuer) {
    return subject.type === 'id_token' ? no('subject.type') : verifyOwnToken(view, subject.token, caller)
  }
  return subjectOf(await verifyUserToken(view, read, key, caller, subject.type))
}

function subjectOf(user: Result<VerifiedUser, Refusal>): Result<Subject, Refusal> {
  if (!user.ok) return user
  const { id, name, links, login, expires, fresh } = user.value
  const found = { user: { id, name }, login, links, expires, actors: [] }
  return ok(fresh ? { ...found, fresh } : found)
}

/**
 * Our own token again: to narrow it, or by another agent that it was handed to. A token bound to a key goes onward under the same agent
 * only with that key; a single-use one never does, since its use would be multiplied.
 */
function verifyOwnToken(view: AuthorityView, compact: string, caller: Caller): Result<Subject, Refusal> {
  const expected = { issuer: view.issuer, audience: null }
  const verified = verifySignedToken(compact, expected, view.tenant, view.now, view.ports.memory.tokens)
  if (!verified.ok) {
    const { refused, reason, says } = verified.error
    return err(refuse(refused, reason.replace(/^token\./, 'subject.'), says))
  }
  const { claims, chain } = verified.value
  if (claims.once) return no('subject.single_use')
  const same = chain.agent === caller.workload.id
  if (same && chain.jkt !== undefined && chain.jkt !== caller.jkt) return no('subject.bound')
  const user =
    chain.user === undefined
      ? {}
      : { user: { id: chain.user, name: view.tenant.users.get(chain.user)?.user ?? chain.user } }
  const scope = chain.scope === undefined ? {} : { scope: chain.scope }
  const session = same ? { session: chain.session } : {}
  const { links, rev, expires, actors } = chain
  return ok({
    ...user,
    ...scope,
    ...session,
    login: chain.session,
    links,
    rev,
    expires,
    actors,
    sub: claims.sub,
    audience: claims.aud,
  })
}

const SAYS = {
  'subject.type': 'This is not a token of the type that subject_token_type says.',
  'subject.single_use': 'A token for a single use can not be exchanged.',
  'subject.bound': 'The subject token is bound to another key than this request.',
} as const

function no(reason: keyof typeof SAYS): Result<never, Refusal> {
  return err(refuse('unauthenticated', reason, SAYS[reason]))
}
