import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FakeAuthority } from '../../test/fakes/authority.ts'
import { idToken, startStory } from '../../test/fakes/authority-story.ts'
import { type AuthorityView, viewOf } from './authority.ts'
import { verifySignIn } from './verify-user-token.ts'

let authority: FakeAuthority
beforeAll(async () => {
  authority = await startStory()
})
afterAll(() => authority.close())

const view = () => viewOf(authority.ports, 'a') as AuthorityView
const OURS = { client: 'countersign', nonce: 'n-1' }
const signIn = { aud: 'countersign', nonce: 'n-1' }

describe('the ID token that a sign-in of ours ended with (OpenID Connect Core §3.1.3.7)', () => {
  test('names the person who signed in, and what a logout there would end', async () => {
    const found = await verifySignIn(view(), idToken(signIn), OURS)
    expect(found.ok && found.value.links.some((link) => link.startsWith('login:'))).toBe(true)
  })

  test.each([
    ['of another sign-in', { nonce: 'n-2' }, 'subject.nonce'],
    ['without a nonce', { nonce: undefined }, 'subject.nonce'],
    ['of the client of an agent', { aud: 'a-support' }, 'subject.audience'],
    ['of another client too', { aud: ['countersign', 'other'] }, 'subject.audience'],
    ['that was asked for by another client', { azp: 'other' }, 'subject.audience'],
    ['that has expired', { exp: 1 }, 'subject.expired'],
    ['of another issuer', { iss: 'https://evil.example' }, 'subject.issuer_untrusted'],
  ])('is refused when it is one %s', async (_what, over, reason) => {
    const found = await verifySignIn(view(), idToken({ ...signIn, ...over }), OURS)
    expect(found.ok ? 'taken' : found.error.reason).toBe(reason)
  })

  test('is no access token', async () => {
    const found = await verifySignIn(view(), idToken(signIn, 'at+jwt'), OURS)
    expect(found.ok).toBe(false)
  })
})
