import { afterAll, beforeAll, expect, it } from 'vitest'
import { closeCedar, type FakeAdmin, fakeAdmin } from '../../../test/fakes/admin.ts'
import { FILES, startAdmin } from '../../../test/fakes/admin-server.ts'
import type { TenantName } from '../../core/ids.ts'

afterAll(closeCedar)

let ports: FakeAdmin
let api: Awaited<ReturnType<typeof startAdmin>>
beforeAll(async () => {
  ports = fakeAdmin()
  api = await startAdmin(ports)
  await api.call('/apply', { body: { files: FILES } })
  const doc = { quarantine: 'own-orders', at: 1_764_115_200_000, decision: 'dec_7', says: 'they differed' }
  const change = { tenant: 'a' as TenantName, kind: 'quarantine', name: 'own-orders', doc } as const
  await ports.memory.store.commit({ events: [], changes: [change] })
  await ports.memory.refresh()
})
afterAll(() => api.close())

it('what is in quarantine is listed, and lifted with a reason, once', async () => {
  const { body } = await api.call('/t/a/quarantine')
  expect(body).toEqual({
    quarantine: [
      { quarantine: 'own-orders', at: 1_764_115_200_000, decision: 'dec_7', says: 'they differed' },
    ],
  })
  expect(await api.call('/t/a/quarantine/own-orders', { method: 'DELETE' })).toMatchObject({ status: 400 })
  const lift = { method: 'DELETE' } as const
  expect(await api.call('/t/a/quarantine/own-orders?reason=looked', lift)).toMatchObject({
    status: 200,
    body: { policy: 'own-orders' },
  })
  expect(await api.call('/t/a/quarantine/own-orders?reason=looked', lift)).toMatchObject({
    status: 404,
    body: { reason: 'quarantine.none' },
  })
  expect((await api.call('/t/a/quarantine')).body).toEqual({ quarantine: [] })
})

it('of a tenant that is not there is answered like anything that is not there', async () => {
  expect(await api.call('/t/x/quarantine')).toMatchObject({ status: 404, body: { reason: 'admin.unknown' } })
})

it('how the engines fare is told for each process', async () => {
  expect((await api.call('/engines')).body.engines).toEqual([
    { role: 'authority', again: 12, differed: 0, dropped: 0 },
    { role: 'gateway', gateway: 'edge', instance: 'gw-1', again: 345, differed: 1, dropped: 2 },
  ])
})
