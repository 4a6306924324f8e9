import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { memoryHeld } from '../../test/fakes/held.ts'
import type { HeldKey } from '../core/held.ts'
import type { TenantName, UserId } from '../core/ids.ts'
import { reveal, Secret } from '../core/secret.ts'
import type { SealingKey } from '../lib/sealed.ts'
import { createHeldSecrets } from './held-secrets.ts'

const root = (kid: string): SealingKey => ({ kid, secret: randomBytes(32) })
const acme = 'acme' as TenantName
const at = (more: Partial<HeldKey> = {}): HeldKey => {
  return { tenant: acme, user: 'usr_ana' as UserId, place: 'resource:tracker', ...more }
}
const TOKEN = 'a-very-secret-refresh-token'

async function heldOnce(key = root('r1')) {
  const store = memoryHeld(() => 1000)
  const held = createHeldSecrets(store, [key])
  await held.hold(at(), new Secret(TOKEN), '{"issuer":"https://as.example"}')
  return { store, held, key }
}

describe('held secrets', () => {
  it('are given back where they were put, and stand nowhere in what is stored', async () => {
    const { store, held } = await heldOnce()
    const opened = await held.open(at())
    expect(opened.ok && opened.value && reveal(opened.value.secret)).toBe(TOKEN)
    expect(JSON.stringify(store.dump())).not.toContain(TOKEN)
    expect(await held.open(at({ user: 'usr_ben' as UserId }))).toEqual({ ok: true, value: undefined })
  })

  it.each<[string, Partial<HeldKey>]>([
    ['another person', { user: 'usr_ben' as UserId }],
    ['another place', { place: 'resource:payroll' }],
    ['another tenant', { tenant: 'blue' as TenantName }],
    ['the tenant itself', { user: '' }],
  ])('that were moved to %s in the database do not open', async (_whose, more) => {
    const { store, held } = await heldOnce()
    // Both tenants have keys of their own by now, as they would.
    await held.hold(at({ tenant: 'blue' as TenantName, user: '' }), new Secret('other'), '{}')
    const row = await store.held(at())
    if (row) await store.hold({ ...row, ...at(more) })
    expect(await held.open(at(more))).toMatchObject({ ok: false, error: { reason: 'sealing.broken' } })
  })

  it('open in no other tenant when its wrapped key is moved along: the wrapping says whose it is', async () => {
    const { store, key } = await heldOnce()
    const row = await store.held(at())
    const moved = memoryHeld(() => 1000)
    const blue = 'blue' as TenantName
    if (row) await moved.hold({ ...row, tenant: blue })
    await moved.saveTenantKey(blue, (await store.tenantKey(acme)) ?? '', undefined)
    expect(await createHeldSecrets(moved, [key]).open(at({ tenant: blue }))).toMatchObject({
      ok: false,
      error: { reason: 'sealing.broken' },
    })
  })

  it('outlive a change of the root key: the old one still opens, and the new one wraps from then on', async () => {
    const { store, key } = await heldOnce()
    const next = root('r2')
    expect((await createHeldSecrets(store, [next, key]).open(at())).ok).toBe(true)
    const opened = await createHeldSecrets(store, [next]).open(at())
    expect(opened.ok && opened.value && reveal(opened.value.secret)).toBe(TOKEN)
  })

  it('whose root key is lost are refused, and are not covered by a new one', async () => {
    const { store } = await heldOnce()
    const held = createHeldSecrets(store, [root('r2')])
    const refused = { ok: false, error: { refused: 'denied', reason: 'sealing.no_key' } }
    expect(await held.open(at())).toMatchObject(refused)
    expect(await held.hold(at(), new Secret('new'), '{}')).toMatchObject(refused)
    expect(await held.letGo(at())).toEqual({ gone: true })
  })

  it('are sealed under one key when two authorities begin at once', async () => {
    const store = memoryHeld(() => 1000)
    const key = root('r1')
    const [one, two] = [createHeldSecrets(store, [key]), createHeldSecrets(store, [key])]
    await Promise.all([
      one.hold(at(), new Secret('one'), '{}'),
      two.hold(at({ place: 'resource:b' }), new Secret('two'), '{}'),
    ])
    const opened = await one.open(at({ place: 'resource:b' }))
    expect(opened.ok && opened.value && reveal(opened.value.secret)).toBe('two')
  })
})
