/**
 * What a server behind said when it did not take a credential of ours: its status and its `WWW-Authenticate`, cut short. `shown` is the
 * SHA-256 of what it was shown, base64url: a newer one may be there by now.
 */
export type UpstreamChallenge = {
  readonly status: 401 | 403
  readonly authenticate: string
  readonly shown: string
}
