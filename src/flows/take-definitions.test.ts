import { beforeEach, describe, expect, it } from 'vitest'
import { type MemoryRegistry, memoryRegistry } from '../../test/fakes/admin.ts'
import { changesOf, STORIES } from '../../test/properties/decide-world.ts'
import type { Revision, TenantName } from '../core/ids.ts'
import { epochMillis } from '../core/time.ts'
import { acceptDefinition } from './accept-definition.ts'
import type { AuthorizedGateway } from './authorize-gateway.ts'
import { type DefinitionPorts, takeDefinitions } from './take-definitions.ts'

const A = 'a' as TenantName
const ACTION = 'orders/get_order'
const edge = (over: object = {}): AuthorizedGateway =>
  ({
    gateway: { gateway: 'edge', is: { trust: 'prod' }, tenants: ['a'], ...over },
    ...{ instance: 'gw-1', jkt: 'thumb', expires: 2_000_000_000 },
  }) as unknown as AuthorizedGateway

let memory: MemoryRegistry
let ports: DefinitionPorts
const clock = { now: 1_000_000 }
beforeEach(async () => {
  memory = memoryRegistry()
  const changes = await changesOf(STORIES)
  await memory.store.commit({ events: [], changes })
  await memory.refresh()
  clock.now = 1_000_000
  const { store, snapshot, refresh } = memory
  ports = { store, snapshot, refresh, now: () => epochMillis(clock.now) }
})

const words = (description: string) => ({ name: 'get_order', description, inputSchema: { type: 'object' } })
const report = (...descriptions: readonly string[]) => ({
  ...{ tenant: A, resource: 'orders' },
  seen: descriptions.map((each) => ({ tool: 'get_order', definition: words(each) })),
})
const see = async (...descriptions: readonly string[]) => {
  const taken = await takeDefinitions(ports, edge(), report(...descriptions))
  return taken.ok ? taken.value.tools : taken.error.reason
}
const known = () => memory.snapshot().tenants.get(A)?.definitions.get(ACTION)
const reasons = () => memory.log('a').map(({ event }) => event.reason)
const accept = (sha256 = '') =>
  acceptDefinition(ports, { tenant: A, definition: ACTION, sha256, reason: 'looked', by: 'root' })

describe('what gateways see of a tool', () => {
  it('counts when it is the first, whatever the order of its members', async () => {
    const [first] = await see('Reads.')
    expect(first).toEqual({ tool: 'get_order', sha256: known()?.accepted?.sha256 })
    const { name, description, inputSchema } = words('Reads.')
    const turned = { tool: 'get_order', definition: { inputSchema, description, name } }
    const again = await takeDefinitions(ports, edge(), { tenant: A, resource: 'orders', seen: [turned] })
    expect(again).toMatchObject({ ok: true, value: { tools: [first] } })
    expect(reasons()).toEqual(['definition.first_seen'])
  })
  it('waits when it differs in anything, with one alarm, and then nothing counts', async () => {
    await see('Reads.')
    expect(await see('Reads all.')).toEqual([{ tool: 'get_order' }])
    expect(await see('Reads all.')).toEqual([{ tool: 'get_order' }])
    expect(await see('Reads.')).toEqual([{ tool: 'get_order' }])
    expect(reasons()).toEqual(['definition.first_seen', 'definition.changed'])
    expect(memory.log('a').at(-1)?.event).toMatchObject({
      ...{ kind: 'alarm', outcome: 'failed', resource: 'orders', tool: 'get_order' },
      facts: { gateway: 'edge', accepted: known()?.accepted?.sha256, seen: known()?.waiting?.sha256 },
    })
  })
  it('is a change already in one report that says two things of one tool', async () => {
    expect(await see('Reads.', 'Reads all.')).toEqual([{ tool: 'get_order' }])
    expect([known()?.accepted?.text, known()?.waiting?.text]).toEqual([
      expect.stringContaining('Reads.'),
      expect.stringContaining('Reads all.'),
    ])
  })
  it('changes the registry once a minute where a server says something else each time', async () => {
    await see('Reads.')
    await see('1')
    for (const each of ['2', '3', '4']) await see(each)
    expect(known()?.waiting?.text).toContain('"1"')
    clock.now += 60_000
    await see('5')
    expect(known()?.waiting?.text).toContain('"5"')
    expect(reasons()).toHaveLength(3)
  })
  it('is compared with what another authority has committed meanwhile', async () => {
    const text = '{"description":"Theirs.","name":"get_order"}'
    const accepted = { sha256: 'x'.repeat(43), at: 1, text, by: 'first-seen' } as const
    const doc = { definition: ACTION, accepted }
    memory.interfere({
      events: [],
      changes: [{ tenant: A, kind: 'definition', name: ACTION, doc }],
    })
    expect(await see('Reads.')).toEqual([{ tool: 'get_order' }])
    expect(known()).toMatchObject({
      accepted: { text },
      waiting: { text: expect.stringContaining('Reads.') },
    })
  })
  it('is nothing for tools that are not declared, and for what is too long to be kept', async () => {
    const long = { tool: 'get_order', definition: words('x'.repeat(70_000)) }
    const other = { tool: 'undeclared', definition: { name: 'undeclared' } }
    const taken = await takeDefinitions(ports, edge(), { tenant: A, resource: 'orders', seen: [long, other] })
    expect(taken).toMatchObject({
      ok: true,
      value: { tools: [{ tool: 'get_order' }, { tool: 'undeclared' }] },
    })
    expect(memory.snapshot().tenants.get(A)?.definitions.size).toBe(0)
  })
  it.each([
    ['of a tenant that is not listed', edge({ tenants: ['b'] })],
    ['of a resource that is not listed', edge({ resources: ['catalogue'] })],
  ])('is not taken %s, and that is an alarm', async (_says, gateway) => {
    const taken = await takeDefinitions(ports, gateway, report('Reads.'))
    expect(taken).toMatchObject({ ok: false, error: { reason: 'gateway.not_listed' } })
    expect(known()).toBeUndefined()
    expect(memory.log('operator').at(-1)?.event.reason).toBe('gateway.not_listed')
  })
})

describe('a person who accepts', () => {
  it('names what was looked at, and from then on it counts', async () => {
    await see('Reads.')
    await see('Reads all.')
    const waiting = known()?.waiting?.sha256 ?? ''
    expect(await accept(waiting)).toMatchObject({ ok: true, value: { definition: ACTION, sha256: waiting } })
    expect(known()).toMatchObject({ accepted: { sha256: waiting, by: 'person' } })
    expect(await see('Reads all.')).toEqual([{ tool: 'get_order', sha256: waiting }])
    expect(memory.log('a').at(-1)).toMatchObject({
      event: { kind: 'admin', reason: 'definition.accepted', tool: 'get_order', facts: { why: 'looked' } },
      openings: { user: { value: 'root' } },
    })
  })
  it('may keep what was accepted before', async () => {
    await see('Reads.')
    await see('Reads all.')
    const before = known()?.accepted?.sha256 ?? ''
    expect(await accept(before)).toMatchObject({ ok: true })
    expect([known()?.accepted?.sha256, known()?.waiting]).toEqual([before, undefined])
  })
  it('accepts nothing else than what was looked at', async () => {
    await see('Reads.')
    await see('Reads all.')
    const looked = known()?.waiting?.sha256 ?? ''
    clock.now += 60_000
    await see('Reads and sends.')
    expect(await accept(looked)).toMatchObject({ ok: false, error: { reason: 'definition.other' } })
    expect(known()?.waiting?.text).toContain('sends')
  })
  it('accepts nothing that was never seen', async () => {
    expect(await accept('x'.repeat(43))).toMatchObject({ ok: false, error: { reason: 'definition.none' } })
    const nowhere = { tenant: 'x' as TenantName, definition: ACTION, sha256: '', reason: 'x', by: 'root' }
    expect(await acceptDefinition(ports, nowhere)).toMatchObject({
      ok: false,
      error: { reason: 'tenant.unknown' },
    })
  })
  it('looks again when the registry has moved on', async () => {
    await see('Reads.')
    await see('Reads all.')
    const user = {
      user: 'x@a.example',
      idp: 'company',
      sub: 'x',
      state: 'active',
      groups: [],
      attributes: {},
    }
    memory.interfere({
      events: [],
      changes: [{ tenant: A, kind: 'user', name: 'x@a.example', doc: user as never }],
    })
    const accepted = await accept(known()?.waiting?.sha256)
    expect(accepted).toMatchObject({ ok: true, value: { revision: 5 as Revision } })
  })
})
