import { expect, test } from 'vitest'
import { completeDraft } from '../core/audit/record-event.ts'
import type { RecorderId, TenantName } from '../core/ids.ts'
import type { ShippedRecord, Store } from '../core/ports.ts'
import { canonicalBody, chainStart, recordHash } from '../lib/record-chain.ts'
import { draftOf, leavesOf, rootOf, type StoresUnderTest } from './contract-drafts.ts'

type Body = ShippedRecord['body']

const SALT = 'AAAAAAAAAAAAAAAAAAAAAA'

function bodyOf(recorder: RecorderId, tenant: TenantName, reason: string): Body {
  const marks = { id: `evt_${reason}`, recorder, newSalt: () => SALT }
  return completeDraft(draftOf(tenant, { reason, personal: { user: 'ann' } }), marks)
}

/** Records as a gateway's Journal makes them. */
function chainOf(recorder: RecorderId, bodies: readonly Body[]): ShippedRecord[] {
  let head = chainStart(recorder)
  return bodies.map((body) => {
    const record = {
      n: head.n + 1,
      prev: head.hash,
      hash: recordHash(head.hash, canonicalBody(body)),
      body,
    }
    head = record
    return record
  })
}

function gatewayOf(tenant: TenantName) {
  const recorder = `rec_${tenant}` as RecorderId
  const tenants = [tenant, `${tenant}-b` as TenantName]
  const bodies = (from: number, count: number) =>
    Array.from({ length: count }, (_, at) => bodyOf(recorder, tenants[at % 2] ?? tenant, `r${from + at}`))
  const ship = (store: Store, records: readonly ShippedRecord[]) =>
    store.takeJournal(recorder, 'gate', tenants, records)
  return { recorder, tenants, bodies, ship }
}

export function journalContract(stores: () => Promise<StoresUnderTest>): void {
  test('a gateway’s records go to their tenants’ logs in order, under the numbers of the chain', async () => {
    const { one, two, tenant } = await stores()
    const { recorder, tenants, bodies, ship } = gatewayOf(tenant)
    const records = chainOf(recorder, bodies(0, 10))
    expect(await ship(one, [])).toEqual({ ok: true, next: 1 })
    expect(await ship(one, records.slice(0, 4))).toEqual({ ok: true, next: 5 })
    expect(await ship(two, records.slice(4))).toEqual({ ok: true, next: 11 })
    const logs = await Promise.all(tenants.map((each) => leavesOf(one, each)))
    expect(logs.map((log) => log.map(({ event }) => [event.n, event.reason]))).toEqual([
      [1, 3, 5, 7, 9].map((n) => [n, `r${n - 1}`]),
      [2, 4, 6, 8, 10].map((n) => [n, `r${n - 1}`]),
    ])
    expect(logs[0]?.[0]?.openings.user?.value).toBe('ann')
    expect((await one.tree(tenant)).root).toBe(rootOf(logs[0] ?? []))
  })

  test('records that do not fit are refused, and nothing changes', async () => {
    const { one, tenant } = await stores()
    const { recorder, bodies, ship } = gatewayOf(tenant)
    const records = chainOf(recorder, bodies(0, 6))
    await ship(one, records.slice(0, 3))
    const before = await one.tree(tenant)
    const next = records.slice(3)
    const swap = (at: number, with_: object) => next.map((one, i) => (i === at ? { ...one, ...with_ } : one))
    const other = chainOf(recorder, [...bodies(50, 3), ...bodies(3, 3)])
    const outsider = bodyOf(recorder, 'elsewhere' as TenantName, 'x')
    const stranger = bodyOf('rec_other' as RecorderId, tenant, 'x')
    const extra = { ...records[3]?.body, more: 1 } as Body
    const after = (body: Body) => chainOf(recorder, [...bodies(0, 3), body]).slice(3)
    const cases: [string, readonly ShippedRecord[]][] = [
      ['gap', records.slice(4)],
      ['gap', [...records.slice(3, 4), ...records.slice(5)]],
      ['altered', swap(1, { body: bodyOf(recorder, tenant, 'changed') })],
      ['altered', swap(2, { hash: records[0]?.hash })],
      ['altered', after(stranger)],
      ['altered', after(extra)],
      ['fork', other.slice(3)],
      ['tenant', after(outsider)],
    ]
    for (const [why, shipped] of cases) {
      expect(await ship(one, shipped), why).toEqual({ ok: false, why, next: 4 })
    }
    expect(await one.tree(tenant)).toEqual(before)
    expect(await ship(one, next)).toEqual({ ok: true, next: 7 })
  })

  test('a first record must begin the chain of this recorder', async () => {
    const { one, tenant } = await stores()
    const { recorder, bodies, ship } = gatewayOf(tenant)
    const borrowed = chainOf('rec_other' as RecorderId, bodies(0, 1))
    expect(await ship(one, borrowed)).toEqual({ ok: false, why: 'fork', next: 1 })
    expect(await ship(one, chainOf(recorder, bodies(0, 2)).slice(1))).toEqual({
      ok: false,
      why: 'gap',
      next: 1,
    })
  })
}

export function repeatContract(stores: () => Promise<StoresUnderTest>): void {
  test('records that are shipped again, at once or to another authority, are taken once', async () => {
    const { one, two, tenant } = await stores()
    const { recorder, tenants, bodies, ship } = gatewayOf(tenant)
    const records = chainOf(recorder, bodies(0, 20))
    const answers = await Promise.all([
      ship(one, records),
      ship(two, records),
      ship(one, records.slice(0, 12)),
    ])
    expect(answers).toEqual([20, 20, 20].map(() => ({ ok: true, next: expect.any(Number) })))
    expect(await ship(two, records.slice(5))).toEqual({ ok: true, next: 21 })
    const sizes = await Promise.all(tenants.map(async (each) => (await one.tree(each)).size))
    expect(sizes).toEqual([10, 10])
  })

  test('another history under numbers that were taken is a fork, wherever it ends', async () => {
    const { one, tenant } = await stores()
    const { recorder, bodies, ship } = gatewayOf(tenant)
    const records = chainOf(recorder, bodies(0, 6))
    await ship(one, records)
    const before = await one.tree(tenant)
    const other = chainOf(recorder, [...bodies(0, 2), ...bodies(70, 6)])
    for (const shipped of [other.slice(0, 4), other.slice(2, 6), other, other.slice(6)]) {
      expect(await ship(one, shipped)).toEqual({ ok: false, why: 'fork', next: 7 })
    }
    expect(await one.tree(tenant)).toEqual(before)
  })

  test('nobody else continues a recorder’s numbering: not another gateway, not as an authority', async () => {
    const { one, tenant } = await stores()
    const { recorder, tenants, bodies, ship } = gatewayOf(tenant)
    const records = chainOf(recorder, bodies(0, 4))
    await ship(one, records.slice(0, 2))
    const thief = await one.takeJournal(recorder, 'other-gate', tenants, records.slice(2))
    expect(thief).toEqual({ ok: false, why: 'fork', next: 3 })
    await one.commit({ events: [draftOf(tenant)] })
    const [own] = (await leavesOf(one, tenant)).slice(-1)
    const authority = own?.event.recorder ?? recorder
    const forged = chainOf(authority, [bodyOf(authority, tenant, 'forged')])
    expect(await one.takeJournal(authority, 'gate', tenants, forged)).toMatchObject({ why: 'fork' })
  })

  test('a repeated record is known again after its person was forgotten', async () => {
    const { one, tenant } = await stores()
    const { recorder, bodies, ship } = gatewayOf(tenant)
    const records = chainOf(recorder, bodies(0, 3))
    await ship(one, records)
    expect(await one.eraseOpenings(tenant, 'ann')).toBe(2)
    expect(await ship(one, records)).toEqual({ ok: true, next: 4 })
    expect((await leavesOf(one, tenant))[0]?.openings).toEqual({})
  })
}
