import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FakeAuthority } from '../fakes/authority.ts'
import { idToken, type Runner, runner, startStory, TYPE } from '../fakes/authority-story.ts'

let authority: FakeAuthority
let support: Runner
beforeAll(async () => {
  authority = await startStory()
  support = runner(authority, 'support')
})
afterAll(() => authority.close())

describe("RFC 8693 §3: a provider's token", () => {
  it.each([
    ['id_token', 'JWT', false, 'ok'],
    ['id_token', 'JWT', true, 'ok'],
    ['id_token', 'at+jwt', true, 'subject.type'],
    ['access_token', 'at+jwt', true, 'ok'],
    ['access_token', 'JWT', true, 'ok'],
    ['access_token', 'JWT', false, 'subject.type'],
    ['jwt', 'JWT', false, 'ok'],
    ['jwt', 'at+jwt', true, 'ok'],
  ])('said to be of the type %s, of the kind %s (for us: %s) is %s (§3)', async (type, typ, us, expected) => {
    const token = idToken(us ? { aud: authority.issuer('a') } : {}, typ)
    const form = { subject_token_type: TYPE + type }
    // Remembered or not, it is judged each time.
    for (const _time of ['first', 'again'])
      expect((await support.exchange('a', token, form)).body.reason ?? 'ok').toBe(expected)
  })
})
