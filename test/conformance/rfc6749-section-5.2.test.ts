import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RefusalKind } from '../../src/core/refusal.ts'
import { refuse } from '../../src/core/refusal.ts'
import { oauthCode, oauthError } from '../../src/protocols/oauth/wire-errors.ts'
import { type FakeAuthority, postForm } from '../fakes/authority.ts'
import { type Runner, runner, startStory } from '../fakes/authority-story.ts'

let authority: FakeAuthority
let support: Runner
let token: string
beforeAll(async () => {
  authority = await startStory()
  support = runner(authority, 'support')
  token = `${authority.issuer('a')}/token`
})
afterAll(() => authority.close())

describe('RFC 6749 §5.2: one code for each refusal', () => {
  it.each([
    ['malformed', 'request.x', 400, 'invalid_request'],
    ['malformed', 'grant.unsupported', 400, 'unsupported_grant_type'],
    ['malformed', 'scope.malformed', 400, 'invalid_scope'],
    ['unauthenticated', 'client.unknown', 401, 'invalid_client'],
    ['unauthenticated', 'evidence.untrusted', 401, 'invalid_client'],
    ['unauthenticated', 'jwt.signature', 401, 'invalid_client'],
    ['stale', 'jwt.expired', 401, 'invalid_client'],
    ['unauthenticated', 'subject.audience', 400, 'invalid_grant'],
    ['unauthenticated', 'user.unlisted', 400, 'invalid_grant'],
    ['stale', 'login.ended', 400, 'invalid_grant'],
    ['unauthenticated', 'actor.other', 400, 'invalid_grant'],
    ['unauthenticated', 'dpop.missing', 400, 'invalid_dpop_proof'],
    ['stale', 'dpop.time', 400, 'invalid_dpop_proof'],
    ['stale', 'dpop.nonce', 400, 'use_dpop_nonce'],
    ['denied', 'agent.suspended', 400, 'unauthorized_client'],
    ['denied', 'user.no_permit', 400, 'unauthorized_client'],
    ['denied', 'scope.unknown', 400, 'invalid_scope'],
    ['ask', 'approval.needed', 400, 'access_denied'],
    ['unknown', 'resource.unknown', 400, 'invalid_target'],
    ['limited', 'rate.agent', 429, 'temporarily_unavailable'],
  ] as const)('%s %s is %i %s', (kind, reason, status, error) => {
    const refusal = refuse(kind satisfies RefusalKind, reason, 'says "so" \\ \u00e9')
    expect(oauthCode(refusal)).toBe(error)
    const answer = oauthError(refusal)
    if (!('json' in answer)) throw new Error('no body')
    expect([answer.status, answer.headers?.['cache-control']]).toEqual([status, 'no-store'])
    const { error_description: described } = answer.json as { error_description: string }
    expect(described).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
  })

  it.each([
    [
      'a repeated parameter (§3.2)',
      'grant_type=client_credentials&grant_type=client_credentials',
      'http.form',
    ],
    ['nothing', '', 'request.grant_type'],
    ['a malformed escape', 'grant_type=%', 'http.form'],
  ])('answers %s with invalid_request', async (_name, body, reason) => {
    const response = await fetch(token, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({ error: 'invalid_request', reason }),
    ])
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it('answers other methods and types in its own shape', async () => {
    const got = await fetch(token)
    expect([got.status, got.headers.get('allow'), (await got.json()) as object]).toEqual([
      405,
      'POST',
      expect.objectContaining({ error: 'invalid_request' }),
    ])
    const json = await fetch(token, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    })
    expect([json.status, (await json.json()) as object]).toEqual([
      415,
      expect.objectContaining({ error: 'invalid_request' }),
    ])
  })

  it('says nothing of a tenant that does not exist', async () => {
    const answered = await postForm(`${authority.issuer('nowhere')}/token`, {
      grant_type: 'client_credentials',
    })
    expect(answered.status).toBe(404)
  })

  it('§5.1 forbids caching of what it gives', async () => {
    const { headers } = await support.ask('a', {})
    expect([headers.get('cache-control'), headers.get('pragma')]).toEqual(['no-store', 'no-cache'])
  })

  it('refuses all of a suspended tenant, and of no other', async () => {
    const change = (state: string) =>
      authority.store.apply([
        {
          tenant: 'b',
          kind: 'tenant',
          name: 'b',
          doc: { tenant: 'b', state, user_attributes: {}, agent_attributes: {}, staleness: '30s' },
        } as never,
      ])
    const assertion = await support.agentToken('b')
    change('suspended')
    const answered = await support.ask('b', { client_assertion: assertion })
    expect(answered.body).toMatchObject({ error: 'unauthorized_client', reason: 'tenant.suspended' })
    expect((await support.ask('a', {})).status).toBe(200)
    change('active')
    expect((await support.ask('b', {})).status).toBe(200)
  })
})
