import { hash } from 'node:crypto'
import type { Credential } from '../core/credential/credential.ts'
import type { UpstreamChallenge } from '../core/credential/upstream-challenge.ts'
import { reveal } from '../core/secret.ts'
import type { UpstreamAnswer } from '../lib/upstream-answer.ts'
import type { GatewayCaller } from './authenticate-at-gateway.ts'

/** Characters of a `WWW-Authenticate` that are passed on; a longer one says nothing. */
const MOST = 4096

/**
 * What a server behind said to a credential that may be got anew, or for more: a 401, or a 403 for want of scopes (RFC 6750 §3.1). Undefined
 * where it took it, or where a new one would be the same.
 */
export function challengeIn(
  { status, headers }: UpstreamAnswer,
  credential: Credential | undefined,
): UpstreamChallenge | undefined {
  if ((status !== 401 && status !== 403) || credential?.again === undefined) return undefined
  const said = headers['www-authenticate']
  const authenticate = typeof said === 'string' && said.length <= MOST ? said : ''
  if (status === 403 && !authenticate.includes('insufficient_scope')) return undefined
  return { status, authenticate, shown: hash('sha256', reveal(credential.secret), 'base64url') }
}

/**
 * Whether the authority can be asked again for the same call: a proof is good for one question (RFC 9449 §11.1), so not with one that
 * was shown there already. Then the next call's question says what the server said.
 */
export function mayAskAgain({ access, presented }: GatewayCaller, asked: boolean): boolean {
  return !access.once && (!asked || presented.dpop === undefined)
}
