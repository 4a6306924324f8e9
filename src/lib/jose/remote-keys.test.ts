import { describe, expect, it } from 'vitest'
import type { Fetched, GuardedFetch } from '../guarded-fetch.ts'
import { bad, good, type Outcome } from '../outcome.ts'
import { reasonOf } from './refusals.fixture.ts'
import { createKeyRing, createRemoteKeys, type KeySource } from './remote-keys.ts'
import { newSigningKey } from './signing-key.ts'

const ISSUER = 'https://issuer.example'
const [one, two] = [newSigningKey().jwk, newSigningKey().jwk]

/** An issuer that behaves: it serves what it has, or is down, and counts how often it is asked for its keys. */
function issuer() {
  const state = {
    keys: [one] as unknown[],
    up: true,
    asked: 0,
    issuer: ISSUER,
    uri: `${ISSUER}/keys` as unknown,
    urls: [] as string[],
    options: [] as unknown[],
    /** Answers wait for it. */
    gate: Promise.resolve(),
  }
  const fetch: GuardedFetch = async (url, options) => {
    state.urls.push(url)
    state.options.push(options)
    await state.gate
    if (!state.up) return bad('stale', 'fetch.failed', 'The issuer does not answer.')
    if (url.endsWith('openid-configuration')) return document({ issuer: state.issuer, jwks_uri: state.uri })
    state.asked++
    return document({ keys: state.keys })
  }
  return { state, fetch }
}

function document(value: unknown): Outcome<Fetched> {
  return good({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(value)),
  })
}

function setUp(source: Partial<KeySource> = {}) {
  const { state, fetch } = issuer()
  const keys = createRemoteKeys({ issuer: ISSUER, ...source }, fetch)
  const find = async (kid: string | undefined, now: number) => {
    const found = await keys.find(kid, now)
    if (!found.ok) return reasonOf(found)
    return kid !== undefined && found.value.byKid.has(kid) ? 'known' : 'unknown'
  }
  return { state, find }
}

describe('the keys of a trust provider', () => {
  it('come by discovery, and stay in memory', async () => {
    const { state, find } = setUp()
    expect(await find(one.kid, 0)).toBe('known')
    expect(await find(one.kid, 59)).toBe('known')
    expect(state.asked).toBe(1)
  })

  it('are good for a minute whatever the hour, also for a token that names none', async () => {
    const { state, find } = setUp()
    await find(undefined, 5000)
    expect(await find(undefined, 5060)).toBe('unknown')
    expect(await find(one.kid, 5060)).toBe('known')
    expect(state.asked).toBe(1)
    await find(one.kid, 5061)
    await expect.poll(() => state.asked).toBe(2)
  })

  it('are renewed beside the answer while they are young, and before it when they are old', async () => {
    const { state, find } = setUp()
    await find(one.kid, 5000)
    state.keys = [two]
    const { promise, resolve } = Promise.withResolvers<void>()
    state.gate = promise
    expect(await find(one.kid, 5300)).toBe('known')
    const waiting = find(two.kid, 5301)
    resolve()
    expect(await waiting).toBe('known')
    expect(await find(one.kid, 5302)).toBe('unknown')
  })

  it('are read anew before a token is judged by what is older than five minutes', async () => {
    const { state, find } = setUp()
    await find(one.kid, 5000)
    state.keys = [two]
    expect(await find(one.kid, 5301)).toBe('unknown')
  })

  it('are asked for at the issuer, one slash or none at its end', async () => {
    const { state, find } = setUp({ issuer: `${ISSUER}/realms/x/` })
    state.issuer = `${ISSUER}/realms/x/`
    expect(await find(one.kid, 0)).toBe('known')
    expect(state.urls).toEqual([`${ISSUER}/realms/x/.well-known/openid-configuration`, `${ISSUER}/keys`])
  })

  it('are asked for at the URL that is written down, without discovery', async () => {
    const { state, find } = setUp({ jwksUri: `${ISSUER}/other` })
    expect(await find(one.kid, 0)).toBe('known')
    expect(state.urls).toEqual([`${ISSUER}/other`])
  })

  it.each([
    ['nothing', {}, {}],
    ['a bundle of certificates', { ca: 'PEM' }, { ca: 'PEM' }],
    ['places', { allow: ['127.0.0.1:1'] }, { allow: ['127.0.0.1:1'] }],
  ])('are fetched with what the provider allows and no more: %s', async (_name, source, options) => {
    const { state, find } = setUp(source)
    await find(one.kid, 0)
    expect(state.options).toEqual([expect.objectContaining(options), expect.objectContaining(options)])
    for (const given of state.options as readonly object[])
      for (const name of ['ca', 'allow']) expect(name in given).toBe(name in options)
  })

  it('are nowhere when the discovery document does not say where', async () => {
    const { state, find } = setUp()
    state.uri = [`${ISSUER}/keys`]
    expect(await find(one.kid, 0)).toBe('keys.malformed')
  })

  it('are none when asking breaks, and that ends nothing', async () => {
    const keys = createRemoteKeys({ issuer: ISSUER }, () => Promise.reject(new Error('broken')))
    expect(reasonOf(await keys.find(one.kid, 0))).toBe('keys.unavailable')
  })

  it('come from a discovery document that names exactly this issuer', async () => {
    const { state, find } = setUp()
    state.issuer = `${ISSUER}/`
    expect(await find(one.kid, 0)).toBe('keys.issuer_mismatch')
  })

  it('are asked for once, however many ask at the same time', async () => {
    const { state, find } = setUp({ jwksUri: `${ISSUER}/keys` })
    const found = await Promise.all(Array.from({ length: 100 }, () => find(one.kid, 0)))
    expect(new Set(found)).toEqual(new Set(['known']))
    expect(state.asked).toBe(1)
  })

  it('are asked for again when a key is unknown, at most once in 30 s', async () => {
    const { state, find } = setUp()
    await find(one.kid, 0)
    state.keys = [one, two]
    expect(await find(two.kid, 29)).toBe('unknown')
    expect(state.asked).toBe(1)
    expect(await find(two.kid, 30)).toBe('known')
    for (let at = 0; at < 1000; at++) await find(`random-${at}`, 31)
    expect(state.asked).toBe(2)
  })

  it('no longer hold a key that the issuer withdrew, a minute later', async () => {
    const { state, find } = setUp()
    await find(one.kid, 0)
    state.keys = [two]
    await find(one.kid, 61)
    await new Promise((settled) => setTimeout(settled, 5))
    expect(await find(one.kid, 62)).toBe('unknown')
  })

  it('survive an outage of the issuer for the stated time, and not longer', async () => {
    const { state, find } = setUp({ survive: 3600 })
    await find(one.kid, 5000)
    state.up = false
    expect(await find(one.kid, 8600)).toBe('known')
    expect(await find(one.kid, 8601)).toBe('keys.stale')
    state.up = true
    expect(await find(one.kid, 8631)).toBe('known')
  })

  it('say why there are none', async () => {
    const { state, find } = setUp()
    state.up = false
    expect(await find(one.kid, 0)).toBe('fetch.failed')
  })

  it('refuse a set that shows a private key', async () => {
    const { state, find } = setUp()
    state.keys = [{ ...one, d: 'AAAA' }]
    expect(await find(one.kid, 0)).toBe('keys.private')
  })

  it('may be written down instead of fetched', async () => {
    const { state, find } = setUp({ jwks: { keys: [two] } })
    expect(await find(two.kid, 0)).toBe('known')
    expect(state.asked).toBe(0)
  })

  it('belong to one provider: another provider with the same issuer asks by itself', async () => {
    const { state, fetch } = issuer()
    const ring = createKeyRing(fetch)
    const source = { issuer: ISSUER }
    await ring.keysOf('a/cluster')(source).find(one.kid, 0)
    await ring
      .keysOf('a/cluster')({ ...source })
      .find(one.kid, 0)
    expect(state.asked).toBe(1)
    await ring.keysOf('b/cluster')(source).find(one.kid, 0)
    expect(state.asked).toBe(2)
    await ring
      .keysOf('a/cluster')({ issuer: ISSUER, jwksUri: `${ISSUER}/keys` })
      .find(one.kid, 0)
    expect(state.asked).toBe(3)
    ring.forget('b/cluster')
    await ring.keysOf('b/cluster')(source).find(one.kid, 0)
    expect(state.asked).toBe(4)
  })
})
