import { describe, expect, it } from 'vitest'
import { issued, issuerKeys, outcome, testPorts } from '../../../test/fakes/workload-issuer.ts'
import { Secret } from '../../core/secret.ts'
import type { FetchOptions, GuardedFetch } from '../../lib/guarded-fetch.ts'
import { bad, good } from '../../lib/outcome.ts'
import { oidcTrustSchema } from './trust.ts'

const AUDIENCE = 'https://countersign.example/t/acme'
const trust = {
  attestor: 'oidc-token',
  preset: 'kubernetes',
  issuer: 'https://cluster.example',
  audience: AUDIENCE,
  pin: { 'sa-uid': 'sa-1' },
  jwks: issuerKeys(),
  token_review: { at: 'https://cluster.example:6443', credential: 'cluster-reviewer' },
}
const token = issued({
  iss: trust.issuer,
  aud: AUDIENCE,
  'kubernetes.io': {
    namespace: 'data',
    serviceaccount: { name: 'pipeline', uid: 'sa-1' },
    pod: { name: 'p', uid: 'pod-1' },
  },
})
const extra = { 'authentication.kubernetes.io/pod-uid': ['pod-1'] }
const taken = { authenticated: true, audiences: [AUDIENCE], user: { uid: 'sa-1', extra } }

function cluster(status: object, asked: { url: string; options: FetchOptions }[] = []) {
  const fetch: GuardedFetch = async (url, options = {}) => {
    asked.push({ url, options })
    const body = Buffer.from(JSON.stringify({ kind: 'TokenReview', status }))
    return good({ status: 201, headers: { 'content-type': 'application/json' }, body })
  }
  return testPorts({
    fetch,
    secret: async (name) => (name === 'cluster-reviewer' ? new Secret('r') : undefined),
  })
}

describe('TokenReview', () => {
  it('asks the cluster for our audience, with the credential of the operator', async () => {
    const asked: { url: string; options: FetchOptions }[] = []
    expect(await outcome(token, trust, cluster(taken, asked))).toContain('k8s:sa:pipeline')
    expect(asked[0]?.url).toBe('https://cluster.example:6443/apis/authentication.k8s.io/v1/tokenreviews')
    expect(asked[0]?.options.headers?.authorization).toBe('Bearer r')
    expect(JSON.parse(asked[0]?.options.body ?? '{}').spec).toEqual({ token, audiences: [AUDIENCE] })
  })

  it.each([
    ['the pod was deleted', { ...taken, authenticated: false }],
    ['an error beside it', { ...taken, error: 'token has expired' }],
    ['the API server does not know about audiences', { ...taken, audiences: undefined }],
    ['another audience', { ...taken, audiences: ['https://kubernetes.default.svc'] }],
    ['another account', { ...taken, user: { uid: 'sa-2', extra } }],
    [
      'another pod',
      { ...taken, user: { ...taken.user, extra: { [Object.keys(extra)[0] ?? '']: ['pod-2'] } } },
    ],
    ['nothing at all', {}],
  ])('refuses when it answers: %s', async (_name, status) => {
    expect(await outcome(token, trust, cluster(status))).toBe('evidence.review_denied')
  })

  it('refuses when the cluster can not be asked', async () => {
    const down = { ...cluster(taken), fetch: async () => bad('stale', 'fetch.failed', 'down') }
    expect(await outcome(token, trust, down)).toBe('evidence.review_unavailable')
    const without = { ...cluster(taken), secret: async () => undefined }
    expect(await outcome(token, trust, without)).toBe('evidence.review_unavailable')
  })

  it('exists for Kubernetes only', () => {
    const { attestor: _, ...settings } = trust
    const gitlab = { ...settings, preset: 'gitlab', pin: { 'project-id': '1', 'namespace-id': '2' } }
    expect(oidcTrustSchema.safeParse(settings).success).toBe(true)
    expect(oidcTrustSchema.safeParse(gitlab).error?.issues[0]?.path).toEqual(['token_review'])
  })
})
