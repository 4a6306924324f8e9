import { z } from 'zod'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { reveal } from '../../core/secret.ts'
import { fetchJson } from '../../lib/guarded-fetch.ts'
import type { Ports } from '../contract.ts'
import type { NamedClaims } from './claims.ts'
import type { OidcTrust } from './trust.ts'

const POD_UID = 'authentication.kubernetes.io/pod-uid'

const reviewSchema = z.looseObject({
  status: z.looseObject({
    authenticated: z.boolean().default(false),
    audiences: z.array(z.string()).default([]),
    error: z.string().optional(),
    user: z
      .looseObject({
        uid: z.string().default(''),
        extra: z.record(z.string(), z.array(z.string())).default({}),
      })
      .optional(),
  }),
})

/**
 * Asks the cluster whether a token still stands (authentication.k8s.io/v1 TokenReview): a signature alone can't show
 * that the pod or the account was deleted since. Refuses when the cluster can't be asked.
 */
export async function reviewToken(
  compact: string,
  trust: OidcTrust,
  claims: NamedClaims,
  ports: Ports,
): Promise<Refusal | undefined> {
  if (!trust.token_review) return undefined
  const credential = await ports.secret(trust.token_review.credential)
  if (!credential) return unavailable('The credential for TokenReview is not available.')
  const answer = await fetchJson(
    ports.fetch,
    `${trust.token_review.at.replace(/\/$/, '')}/apis/authentication.k8s.io/v1/tokenreviews`,
    {
      method: 'POST',
      headers: { authorization: `Bearer ${reveal(credential)}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token: compact, audiences: [trust.audience] },
      }),
      signal: ports.signal(),
      allow: trust.allow_private,
      ...(trust.ca === undefined ? {} : { ca: trust.ca }),
    },
  )
  if (!answer.ok) return unavailable(`The cluster could not be asked: ${answer.error.says}`)
  const review = reviewSchema.safeParse(answer.value)
  return review.success
    ? verdict(review.data, trust, claims)
    : unavailable('The cluster gave no TokenReview.')
}

function verdict(
  { status }: z.infer<typeof reviewSchema>,
  trust: OidcTrust,
  claims: NamedClaims,
): Refusal | undefined {
  if (!status.authenticated || status.error !== undefined)
    return denied('The cluster no longer takes the token.')
  // An API server that does not know about audiences answers for its own (TokenReview status.audiences).
  if (!status.audiences.includes(trust.audience))
    return denied('The cluster took the token for another audience.')
  if (status.user?.uid !== claims.get('sa-uid')) return denied('The cluster names another service account.')
  const pod = status.user?.extra[POD_UID]
  if (pod !== undefined && !pod.includes(String(claims.get('pod-uid'))))
    return denied('The cluster names another pod.')
  return undefined
}

function denied(says: string): Refusal {
  return refuse('unauthenticated', 'evidence.review_denied', says)
}

function unavailable(says: string): Refusal {
  return refuse('stale', 'evidence.review_unavailable', says)
}
