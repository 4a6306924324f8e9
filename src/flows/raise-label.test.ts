import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type FakeAuthority,
  GATEWAY,
  type Instance,
  instanceOf,
  START,
  startAuthority,
} from '../../test/fakes/authority.ts'
import { upstream } from '../../test/fakes/border-world.ts'
import { signAs } from '../../test/fakes/tenant.ts'
import type { Lease } from '../core/credential/lease.ts'
import type { DecisionId, SessionId, TenantName } from '../core/ids.ts'
import { emptyMap } from '../core/persistent-map.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { epochMillis } from '../core/time.ts'
import { type AuthorityPorts, viewOf } from './authority.ts'
import type { AuthorizedGateway } from './authorize-gateway.ts'
import { forgetLabels } from './forget-labels.ts'
import { leaseCredential } from './lease-credential.ts'
import { leaseLogin } from './lease-login.ts'
import { leaseOver } from './lease-over.ts'
import { createLeaseSweep } from './sweep-leases.ts'

const A = 'a' as TenantName
const credential = { provider: 'upstream', life: '5m' }
const mcp = {
  type: 'mcp',
  at: 'https://behind.example/mcp',
  alone: true,
  credential,
  tools: { use: { hint: 'read' } },
}
const postgres = {
  type: 'postgres',
  at: 'postgres://db.example:5432/x',
  alone: true,
  credential,
  tools: { write: ['t'] },
}
const bot = { kind: 'workforce', owner: 'lee@a.example', session_life: '2h' }
const world = () => ({
  a: {
    credential: [{ credential: 'upstream', provider: 'test' }],
    agent: [
      { agent: 'bot', is: { trust: 'none', sa: 'bot' }, ...bot },
      { agent: 'clerk', is: { trust: 'none', sa: 'clerk' }, ...bot, session_life: '1h' },
    ],
    resource: [
      { ...mcp, resource: 'files', labels: ['internal', 'confidential'] },
      { ...mcp, resource: 'wiki', labels: ['internal'] },
      { ...mcp, resource: 'plain' },
      { ...mcp, resource: 'board', clearance: 'public' },
      { ...postgres, resource: 'vault', labels: ['confidential'] },
      { ...postgres, resource: 'ledger', clearance: 'internal' },
    ],
    cedar: '@id("all") permit (principal is Agent, action, resource);',
  },
})

let authority: FakeAuthority
let agent: Instance
/** This authority's view is as old as its last look, as that of one of several is. */
let seen: Snapshot
let ports: AuthorityPorts
let session: string
let sessions = 0
beforeAll(async () => {
  authority = await startAuthority(world, [])
})
afterAll(() => authority.close())
beforeEach(() => {
  agent = instanceOf(authority)
  seen = authority.store.snapshot()
  sessions += 1
  session = `ses_${sessions}`
  authority.store.events.length = 0
  const refresh = async () => {
    seen = authority.store.snapshot()
  }
  ports = { ...authority.ports, snapshot: () => seen, refresh }
})

function tokenFor(uri: string, over: object = {}): string {
  const key = authority.keys.get('a')
  if (!key) throw new Error('no key')
  return signAs(key, 'at+jwt', {
    ...{
      iss: authority.issuer('a'),
      sub: 'a/bot',
      aud: uri,
      client_id: 'a/bot',
      iat: START,
      exp: START + 300,
    },
    ...{ jti: crypto.randomUUID(), sid: session, rev: 1_000_000_000, lin: [`session:${session}`] },
    ...{ chn: ['a/bot'], prf: 'attested', cnf: { jkt: agent.jkt } },
    ...over,
  })
}
const edge = {
  gateway: { gateway: 'edge', tenants: ['a'] },
  instance: 'edge-1',
} as unknown as AuthorizedGateway

/** A gateway asks for a credential for one call. */
async function reach(resource: string, over: object = {}, leasing = upstream()): Promise<string> {
  const url = `${GATEWAY}/t/a/mcp/${resource}`
  const token = tokenFor(url, over)
  const presented = { authorization: `DPoP ${token}`, dpop: agent.proof(url, {}, token), method: 'POST', url }
  const decision = ports.newId('decision') as DecisionId
  const ask = { tenant: A, resource, tool: 'use', input: {}, decision, presented }
  const leased = await leaseCredential(ports, leasing, edge, ask)
  return leased.ok ? 'leased' : leased.error.reason
}
async function login(resource: string): Promise<string> {
  const view = viewOf(ports, 'a')
  if (!view) throw new Error('no tenant')
  const url = `${view.issuer}/leases`
  const token = tokenFor(`${GATEWAY}/t/a/postgres/${resource}`)
  const presented = {
    authorization: [`DPoP ${token}`],
    dpop: [agent.proof(url, {}, token)],
    method: 'POST',
    url,
  }
  const leased = await leaseLogin(view, { presented, address: '127.0.0.1' }, upstream())
  return leased.ok ? 'leased' : leased.error.reason
}
const labels = () => [...(authority.store.snapshot().tenants.get(A)?.sessionLabels.keys() ?? [])]
const own = () => labels().filter((name) => name.startsWith(`${session}/`))
const raises = () => authority.store.events.filter(({ reason }) => reason === 'label.raised')

describe('a lease at labelled data', () => {
  it.each([
    ['a gateway', () => reach('files')],
    ['a database login', () => login('vault')],
  ])(
    'leaves its highest label with the session, through %s, in the commit of the decision',
    async (_name, lease) => {
      expect(await lease()).toBe('leased')
      expect(own()).toEqual([`${session}/confidential`])
      const [write] = authority.store.writes.filter(({ changes }) =>
        changes?.some(({ name }) => name === own()[0]),
      )
      expect(write?.lease).toHaveProperty('open')
      expect(write?.events.map(({ kind, reason }) => [kind, reason])).toEqual([
        ['decision', 'allowed'],
        ['session', 'label.raised'],
      ])
      expect(raises()[0]).toMatchObject({
        session,
        agent: 'a/bot',
        facts: { label: 'confidential', from: 'public' },
      })
    },
  )

  it('is there before the credential is made', async () => {
    const leasing = upstream()
    leasing.during = async () => expect(own()).toEqual([`${session}/confidential`])
    expect(await reach('files', {}, leasing)).toBe('leased')
    expect.assertions(2)
  })

  it('writes only what rises, and lasts until the end of the session', async () => {
    for (const resource of ['plain', 'wiki', 'wiki', 'files', 'wiki', 'files']) {
      await ports.refresh()
      await reach(resource)
    }
    expect(own().sort()).toEqual([`${session}/confidential`, `${session}/internal`])
    expect(raises().map(({ facts }) => [facts?.['from'], facts?.['label']])).toEqual([
      ['public', 'internal'],
      ['internal', 'confidential'],
    ])
    const found = authority.store.snapshot().tenants.get(A)?.sessionLabels.get(`${session}/internal`)
    expect(found?.until).toBe((Math.floor(START / 7200) + 1) * 7200)
  })

  it('marks whoever handed the chain on as well, for as long as the longest of them', async () => {
    const first = `${session}_first`
    const lin = [`session:${first}`, `session:${session}`]
    await reach('files', { chn: ['a/bot', 'a/clerk'], client_id: 'a/clerk', sub: 'a/clerk', lin })
    expect(labels()).toEqual(expect.arrayContaining([`${session}/confidential`, `${first}/confidential`]))
    const found = authority.store.snapshot().tenants.get(A)?.sessionLabels.get(`${session}/confidential`)
    expect(found?.until).toBe((Math.floor(START / 7200) + 1) * 7200)
  })

  it('leaves nothing when the single use was spent before', async () => {
    const jti = crypto.randomUUID()
    await reach('plain', { once: true, jti })
    expect(await reach('files', { once: true, jti })).toBe('token.spent')
    expect(own()).toEqual([])
  })
})

describe('a place where not everything may flow', () => {
  it('is judged with what was committed before, however old this view is', async () => {
    expect(await reach('board')).toBe('leased')
    expect(await login('ledger')).toBe('leased')
    const before = seen
    await reach('files')
    for (const lease of [() => reach('board'), () => login('ledger')]) {
      seen = before
      expect(await lease()).toBe('label.flow')
    }
    expect(authority.store.events.filter(({ reason }) => reason === 'label.flow').length).toBeGreaterThan(1)
  })

  it('is refused when the view can not be brought up to date', async () => {
    ports = { ...ports, refresh: () => Promise.reject(new Error('the database is away')) }
    await expect(reach('board')).rejects.toThrow('away')
    await expect(login('ledger')).rejects.toThrow('away')
    expect(await reach('plain')).toBe('leased')
  })

  it('is closed to a login that is open already, and nothing else of the session is', async () => {
    await reach('files')
    await ports.refresh()
    const lease = (resource: string) =>
      ({
        ...{ id: 'lea_1', tenant: 'a', agent: 'a/bot', session, resource, links: [], rev: 1_000_000_000 },
      }) as unknown as Lease
    expect(leaseOver(seen, lease('ledger'))).toBe('label.flow')
    expect(leaseOver(seen, { ...lease('ledger'), session: 'ses_other' as SessionId })).toBeUndefined()
    expect(leaseOver(seen, lease('vault'))).toBeUndefined()
  })
})

describe('a label that rose', () => {
  const sweepAt = (snapshot: Snapshot) => {
    const store = { commit: authority.store.commit, openLeases: async () => [] }
    const now = () => epochMillis(START * 1000)
    return createLeaseSweep({ store, snapshot: () => snapshot, leasing: upstream(), now, monotonic: () => 0 })
  }
  it('has all leases looked at where that may end one, and nowhere else', async () => {
    await ports.refresh()
    const change = (label: 'internal' | 'confidential') => {
      const name = `ses_x/${label}`
      const doc = { 'session-label': name, session: 'ses_x', label, until: 1 }
      return { tenant: A, kind: 'session-label', name, doc, revision: seen.revision } as const
    }
    expect(sweepAt(seen).concerns([change('internal')])).toBe(true)
    expect(sweepAt(seen).concerns([{ ...change('internal'), doc: null }])).toBe(false)
    expect(sweepAt({ ...seen, tenants: emptyMap() }).concerns([change('internal')])).toBe(false)
  })

  it('is forgotten an hour after the session, by the sweep, and by the next look no more', async () => {
    await reach('files')
    await ports.refresh()
    const until = (Math.floor(START / 7200) + 1) * 7200
    const at = (now: number) => ({
      store: authority.store,
      snapshot: () => seen,
      now: () => epochMillis(now * 1000),
    })
    const before = labels().length
    expect(await forgetLabels(at(until + 3600))).toBe(0)
    expect(await forgetLabels(at(until + 3601))).toBe(before)
    expect(labels()).toEqual([])
    await ports.refresh()
    expect(await forgetLabels(at(until + 3601))).toBe(0)
    await reach('files')
    await ports.refresh()
    authority.clock.now = START + 50_000
    const ended = createLeaseSweep({
      ...{ store: { commit: authority.store.commit, openLeases: async () => [] }, leasing: upstream() },
      ...{ snapshot: () => seen, monotonic: () => 0, now: authority.ports.now },
    })
    await ended.sweep()
    authority.clock.now = START
    expect(labels()).toEqual([])
  })
})
