import { beforeEach, expect, test, vi } from 'vitest'
import { fakeTicketKeys } from '../../test/fakes/ticket-keys.ts'
import { changesOf, PORTS } from '../../test/properties/decide-world.ts'
import { applyChanges } from '../core/apply-changes.ts'
import { addDocuments, type Documents } from '../core/documents.ts'
import { OPERATOR } from '../core/identity/tenant.ts'
import type { Revision, TenantName } from '../core/ids.ts'
import type { Change } from '../core/registry.ts'
import { emptySnapshot } from '../core/snapshot.ts'
import type { AuthorizedGateway } from './authorize-gateway.ts'
import { createGatewayFeeds, type FeedMessage } from './feed-gateway.ts'

const a = 'a' as TenantName
const tool = { hint: 'read' } as const
const customer = (resource: string) => ({
  resource: [{ resource, type: 'mcp', at: 'https://x.example/', tools: { read: tool } }],
  trust: [{ trust: 'own', attestor: 'oidc-token' }],
  policy: [],
})
const entry = (tenants: readonly string[]) => ({ gateway: 'edge', is: { trust: 'prod' }, tenants })

/** An authority's live view that the test commits to. */
function registry() {
  let snapshot = emptySnapshot()
  let documents: Documents = new Map()
  const changed = new Set<(changes: readonly Change[], revision: Revision) => void>()
  const confirmed = new Set<(revision: Revision) => void>()
  const clock = { ms: 0, age: 0 }
  const listen =
    <T>(to: Set<T>) =>
    (listener: T) => {
      to.add(listener)
      return () => void to.delete(listener)
    }
  return {
    clock,
    ports: {
      snapshot: () => snapshot,
      documents: () => documents,
      ageMs: () => clock.age,
      onChange: listen(changed),
      onConfirmed: listen(confirmed),
      ticketKeys: (tenant: string) => fakeTicketKeys(tenant, clock.ms),
      now: () => clock.ms as never,
      monotonic: () => clock.ms,
    },
    commit: (changes: readonly Change[]) => {
      const revision = (snapshot.revision + 1) as Revision
      const stamped = changes.map((change) => ({ ...change, revision }))
      documents = addDocuments(documents, stamped)
      snapshot = applyChanges(snapshot, stamped, PORTS)
      for (const listener of changed) listener(stamped, revision)
      return revision
    },
    confirm: () => {
      for (const listener of confirmed) listener(snapshot.revision)
    },
  }
}

type Registry = ReturnType<typeof registry>
let live: Registry
beforeEach(async () => {
  live = registry()
  const world = { operator: { gateway: [entry(['a'])] }, a: customer('orders'), b: customer('ledger') }
  live.commit(await changesOf(world))
})

const authorized = (more: Partial<AuthorizedGateway> = {}): AuthorizedGateway => ({
  gateway: entry(['a']) as AuthorizedGateway['gateway'],
  instance: 'edge-1',
  jkt: 'key-1',
  links: ['gateway:edge', 'key:key-1'],
  rev: 1 as Revision,
  expires: 3600 as never,
  ...more,
})
function listening(feeds: ReturnType<typeof createGatewayFeeds>, who = authorized()) {
  const told: FeedMessage[] = []
  const keyed: Extract<FeedMessage, { type: 'ticket-keys' }>['tenants'][] = []
  const take = (message: FeedMessage) =>
    message.type === 'ticket-keys' ? keyed.push(message.tenants) : told.push(message)
  return { told, keyed, stop: feeds.open(who, take) }
}
const write = (tenant: string, kind: string, name: string, doc: object | null) =>
  live.commit([{ tenant, kind, name, doc, revision: 0 } as unknown as Change])
const revocation = (tenant: string, link: string) =>
  write(tenant, 'revocation', link, { revocation: link, standing: true, reason: 'test' })
const shown = (message: FeedMessage | undefined) =>
  message && 'changes' in message
    ? message.changes.map(({ tenant, kind, name }) => `${tenant}/${kind}/${name}`)
    : []

test('begins with what the gateway may see, and says that it is current only when the database said so', () => {
  const feeds = createGatewayFeeds(live.ports)
  const { told } = listening(feeds)
  expect(shown(told[0])).toEqual(['a/tenant/a', 'a/resource/orders'])
  expect(told.slice(1)).toEqual([{ type: 'heartbeat', revision: 1 }])
  live.clock.age = 1500
  expect(listening(feeds, authorized({ jkt: 'key-2' })).told).toHaveLength(1)
})

test('tells of changes that are visible, and of the revision for those that are not', () => {
  const { told } = listening(createGatewayFeeds(live.ports))
  revocation('a', 'session:ses_1')
  revocation('b', 'session:ses_2')
  expect(told.slice(2).map(shown)).toEqual([['a/revocation/session:ses_1'], []])
  expect(told.slice(2).map((message) => 'revision' in message && message.revision)).toEqual([2, 3])
})

test('a tenant taken from the entry is taken from the gateway, and one that is added is shown whole', () => {
  const { told } = listening(createGatewayFeeds(live.ports))
  write('operator', 'gateway', 'edge', entry(['b']))
  const last = told.at(-1)
  expect(last).toMatchObject({ type: 'changes', tenants: ['b'] })
  const changes = last && 'changes' in last ? last.changes : []
  expect(changes.filter(({ doc }) => doc === null).map(({ tenant }) => tenant)).toEqual(['a', 'a'])
  expect(changes.filter(({ doc }) => doc !== null).map(({ tenant }) => tenant)).toEqual(['b', 'b'])
})

test('hands out the ticket keys of listed tenants alone, again when those change or the day does, and not otherwise', () => {
  const { keyed } = listening(createGatewayFeeds(live.ports))
  revocation('a', 'session:ses_1')
  live.confirm()
  expect(keyed).toEqual([{ a: fakeTicketKeys('a', 0) }])
  write('operator', 'gateway', 'edge', entry(['b']))
  expect(keyed[1]).toEqual({ b: fakeTicketKeys('b', 0) })
  live.clock.ms += 86_400_000
  live.confirm()
  expect(keyed.slice(2)).toEqual([{ b: fakeTicketKeys('b', 86_400_000) }])
})

test('a heartbeat goes out for a confirmed revision, not more than twice a second, and none without', () => {
  const { told } = listening(createGatewayFeeds(live.ports))
  const beats = () => told.filter(({ type }) => type === 'heartbeat').length
  expect(beats()).toBe(1)
  live.confirm()
  live.confirm()
  expect(beats()).toBe(2)
  live.clock.ms += 1000
  expect(beats()).toBe(2)
  live.confirm()
  expect(beats()).toBe(3)
})

test.each([
  ['gateway.revoked', () => revocation('operator', 'gateway:edge')],
  ['gateway.revoked', () => revocation('operator', 'key:key-1')],
  ['gateway.removed', () => write('operator', 'gateway', 'edge', null)],
  [
    'tenant.suspended',
    () => write('operator', 'tenant', 'operator', { tenant: 'operator', state: 'suspended' }),
  ],
])('ends with %s, before anything else is told', (reason, end) => {
  const feeds = createGatewayFeeds(live.ports)
  const { told } = listening(feeds)
  end()
  revocation('a', 'session:ses_1')
  expect(told.at(-1)).toEqual({ type: 'end', reason })
  expect(feeds.connected()).toEqual([])
})

test('another instance of a revoked key goes on', () => {
  const feeds = createGatewayFeeds(live.ports)
  listening(feeds)
  const other = listening(feeds, authorized({ jkt: 'key-2', links: ['gateway:edge', 'key:key-2'] }))
  revocation('operator', 'key:key-1')
  expect(feeds.connected().map(({ key }) => key)).toEqual(['key-2'])
  expect(other.told.at(-1)).toMatchObject({ type: 'changes' })
})

test('ends when the credential does, and when the same key listens again', () => {
  vi.useFakeTimers()
  const feeds = createGatewayFeeds(live.ports)
  const first = listening(feeds)
  const second = listening(feeds)
  expect(first.told.at(-1)).toEqual({ type: 'end', reason: 'gateway.feed_replaced' })
  vi.advanceTimersByTime(3_600_000)
  expect(second.told.at(-1)).toEqual({ type: 'end', reason: 'gateway.token_expired' })
  vi.useRealTimers()
})

test('an acknowledgement is measured from the push, and covers what came before', async () => {
  const feeds = createGatewayFeeds(live.ports)
  listening(feeds)
  const other = listening(feeds, authorized({ jkt: 'key-2', instance: 'edge-2' }))
  const revision = revocation('a', 'session:ses_1')
  const document = { tenant: a, kind: 'revocation', name: 'session:ses_1' } as const
  const waiting = feeds.acknowledged(document, revision, 1000)
  live.clock.ms += 7
  feeds.acknowledge(authorized(), (revision + 5) as Revision)
  other.stop()
  expect(await waiting).toEqual([
    { gateway: 'edge', instance: 'edge-1', ms: 7 },
    { gateway: 'edge', instance: 'edge-2' },
  ])
  expect(await feeds.acknowledged(document, revision, 0)).toEqual([
    { gateway: 'edge', instance: 'edge-1', ms: 7 },
  ])
  expect(feeds.connected()).toEqual([
    { gateway: 'edge', instance: 'edge-1', key: 'key-1', connectedMs: 7, revision, ms: 7 },
  ])
})

test('nobody is waited for who may not see the document', async () => {
  const feeds = createGatewayFeeds(live.ports)
  listening(feeds)
  const revision = revocation('b', 'session:ses_1')
  const document = { tenant: 'b' as TenantName, kind: 'revocation', name: 'session:ses_1' } as const
  expect(await feeds.acknowledged(document, revision, 1000)).toEqual([])
  const own = revocation('operator', 'session:ses_2')
  const hidden = { tenant: OPERATOR, kind: 'revocation', name: 'session:ses_2' } as const
  expect(await feeds.acknowledged(hidden, own, 1000)).toEqual([])
})

test('closing ends every feed with a word', () => {
  const feeds = createGatewayFeeds(live.ports)
  const { told } = listening(feeds)
  feeds.close()
  expect(told.at(-1)).toEqual({ type: 'end', reason: 'gateway.authority_closing' })
  revocation('a', 'session:ses_1')
  expect(told.at(-1)?.type).toBe('end')
})
