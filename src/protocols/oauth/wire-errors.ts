import { type Refusal, type RefusalKind, unreachable } from '../../core/refusal.ts'
import type { DoorResponse } from '../../lib/http/route.ts'

/** OAuth's words for a no: RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 8707 §2, RFC 9449 §5. */
export type OAuthCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'access_denied'
  | 'unsupported_response_type'
  | 'temporarily_unavailable'

/** Reasons that have a code of their own, by prefix; the kind decides for all others. */
const BY_REASON: readonly (readonly [prefix: string, kinds: readonly RefusalKind[], code: OAuthCode])[] = [
  ['grant.unsupported', ['malformed'], 'unsupported_grant_type'],
  ['dpop.nonce', ['stale'], 'use_dpop_nonce'],
  ['dpop.', ['unauthenticated', 'stale', 'malformed'], 'invalid_dpop_proof'],
  ['subject.', ['unauthenticated', 'stale', 'denied'], 'invalid_grant'],
  ['actor.', ['unauthenticated', 'stale'], 'invalid_grant'],
  ['user.', ['unauthenticated', 'stale'], 'invalid_grant'],
  ['login.', ['unauthenticated', 'stale'], 'invalid_grant'],
  ['chain.', ['stale'], 'invalid_grant'],
  ['assertion.', ['unauthenticated', 'stale', 'malformed', 'denied'], 'invalid_grant'],
  ['code.', ['unauthenticated', 'stale'], 'invalid_grant'],
  ['refresh.', ['stale'], 'invalid_grant'],
  ['request.response_type', ['malformed'], 'unsupported_response_type'],
  ['scope.', ['denied', 'malformed'], 'invalid_scope'],
]

/** The token endpoint's code for a refusal: exhaustive over kinds (ARCHITECTURE §8). */
export function oauthCode(refusal: Refusal): OAuthCode {
  const { refused, reason } = refusal
  const special = BY_REASON.find(([prefix, kinds]) => reason.startsWith(prefix) && kinds.includes(refused))
  if (special) return special[2]
  switch (refused) {
    case 'malformed':
      return 'invalid_request'
    case 'unauthenticated':
    case 'stale':
      return 'invalid_client'
    case 'denied':
      return 'unauthorized_client'
    case 'ask':
      return 'access_denied'
    case 'unknown':
      return 'invalid_target'
    case 'limited':
      return 'temporarily_unavailable'
    default:
      return unreachable(refused)
  }
}

/** What is answered where there is nothing, and where there may be something that is nobody's to know. */
export const NOTHING_HERE: DoorResponse = {
  status: 404,
  json: {
    error: 'invalid_request',
    error_description: 'There is nothing at this path.',
    reason: 'http.not_found',
  },
}

/** The same where what proves the caller is the grant itself: that it doesn't count is `invalid_grant` (RFC 7523 §3.1). */
export function grantError(refusal: Refusal): DoorResponse {
  return oauthCode(refusal) === 'invalid_client' ? answer(refusal, 'invalid_grant') : oauthError(refusal)
}

/** Answers a refusal as RFC 6749 §5.2. What may not be known to exist is answered alike, whatever the reason was. */
export function oauthError(refusal: Refusal): DoorResponse {
  return answer(refusal, oauthCode(refusal))
}

function answer(refusal: Refusal, error: OAuthCode): DoorResponse {
  const status = statusOf(error)
  const headers = headersOf(error)
  if (refusal.refused === 'unknown') {
    return {
      status,
      headers,
      json: {
        error,
        error_description: 'There is nothing here that you may ask for.',
        reason: 'target.unknown',
      },
    }
  }
  return { status, headers, json: { error, error_description: plain(refusal.says), reason: refusal.reason } }
}

function statusOf(code: OAuthCode): number {
  if (code === 'invalid_client') return 401
  return code === 'temporarily_unavailable' ? 429 : 400
}

function headersOf(code: OAuthCode): Readonly<Record<string, string>> {
  const never = { 'cache-control': 'no-store', pragma: 'no-cache' }
  if (code === 'invalid_client')
    return { ...never, 'www-authenticate': 'DPoP algs="ES256 Ed25519 RS256 PS256"' }
  return code === 'temporarily_unavailable' ? { ...never, 'retry-after': '1' } : never
}

/** RFC 6749 §5.2: `error_description` is printable ASCII without quotation mark and backslash. */
function plain(says: string): string {
  return says.replace(/["`\\]/g, "'").replace(/[^\x20-\x7e]/g, '?')
}
