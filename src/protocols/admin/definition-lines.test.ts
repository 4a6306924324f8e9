import { afterAll, beforeAll, expect, it } from 'vitest'
import { closeCedar, type FakeAdmin, fakeAdmin } from '../../../test/fakes/admin.ts'
import { FILES, startAdmin } from '../../../test/fakes/admin-server.ts'
import type { TenantName } from '../../core/ids.ts'
import { canonicalDefinition } from '../../core/policy/definition.ts'

afterAll(closeCedar)

const seen = (description: string) => {
  const made = canonicalDefinition({ name: 'get_order', description })
  return { sha256: made?.sha256 ?? '', text: made?.text ?? '', at: 1_764_115_200_000 }
}
const [old, newer] = [seen('Reads.'), seen('Reads, and sends.')]
const DEFINITION = 'orders/get_order'

let ports: FakeAdmin
let api: Awaited<ReturnType<typeof startAdmin>>
beforeAll(async () => {
  ports = fakeAdmin()
  api = await startAdmin(ports)
  await api.call('/apply', { body: { files: FILES } })
  const doc = { definition: DEFINITION, accepted: { ...old, by: 'first-seen' as const }, waiting: newer }
  const change = { tenant: 'a' as TenantName, kind: 'definition', name: DEFINITION, doc } as const
  await ports.memory.store.commit({ events: [], changes: [change] })
  await ports.memory.refresh()
})
afterAll(() => api.close())

it('what counts and what waits is listed by its hash, without what the server behind says', async () => {
  const { at } = old
  expect((await api.call('/t/a/definitions')).body).toEqual({
    definitions: [
      {
        definition: DEFINITION,
        accepted: { sha256: old.sha256, at, by: 'first-seen' },
        waiting: { sha256: newer.sha256, at },
      },
    ],
  })
})

it('one tool is shown with both sides and where they differ', async () => {
  const { body } = await api.call(`/t/a/definitions/${DEFINITION}`)
  expect(body).toMatchObject({
    accepted: { says: { description: 'Reads.' } },
    waiting: { says: { description: 'Reads, and sends.' } },
    differences: [{ at: 'description', before: 'Reads.', after: 'Reads, and sends.' }],
  })
})

it('is accepted by the hash of what was looked at, with a reason, and then waits no longer', async () => {
  const path = `/t/a/definitions/${DEFINITION}`
  const { sha256 } = newer
  expect(await api.call(path, { body: { sha256 } })).toMatchObject({ status: 400 })
  const other = { sha256: 'x'.repeat(43), reason: 'looked' }
  expect(await api.call(path, { body: other })).toMatchObject({
    status: 400,
    body: { reason: 'definition.other' },
  })
  expect(await api.call(path, { body: { sha256, reason: 'looked' } })).toMatchObject({
    status: 200,
    body: { definition: DEFINITION, sha256 },
  })
  const { body } = await api.call(path)
  expect(body).toMatchObject({ accepted: { sha256, by: 'person' }, differences: [] })
})

it.each(['/t/x/definitions', '/t/x/definitions/orders/get_order', '/t/a/definitions/orders/nothing'])(
  '%s is answered like anything that is not there',
  async (path) => {
    expect(await api.call(path)).toMatchObject({ status: 404, body: { reason: 'admin.unknown' } })
  },
)
