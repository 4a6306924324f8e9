import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Ask,
  ana,
  change,
  changesOf,
  NOW,
  PORTS,
  policyChanges,
  request,
  STORIES,
} from '../../test/properties/decide-world.ts'
import { applyChanges } from './apply-changes.ts'
import { addDocuments, type Documents, documentKey } from './documents.ts'
import { nextView, openView } from './gateway-view.ts'
import type { Gateway } from './identity/gateway.ts'
import type { Revision } from './ids.ts'
import { decide } from './policy/decide.ts'
import { type Change, DOCUMENTS } from './registry.ts'
import { emptySnapshot } from './snapshot.ts'
import { visibleChanges, visibleTo } from './visible.ts'

const gateway = (tenants: readonly string[], resources?: readonly string[]): Gateway =>
  DOCUMENTS.gateway.parse({
    gateway: 'edge',
    is: { trust: 'prod' },
    tenants,
    ...(resources ? { resources } : {}),
  })

const HASH = 'x'.repeat(43)
const stories = await changesOf(STORIES)
const more: Change[] = [
  ...(await policyChanges(
    'operator',
    `@id("no-support") forbid (principal == Agent::"support", action in Action::"*write", resource) when { context.conditions.contains("frozen") };
     @id("no-scanner") forbid (principal == Agent::"scanner", action, resource);
     @id("nobody") forbid (principal, action in Action::"*write", resource) when { context.conditions.contains("frozen") };
     @id("no-users") forbid (principal is User, action, resource);
     @id("no-agent") forbid (principal == ?principal, action == Action::"a/orders/cancel_order", resource)
       unless { context.conditions.contains("thawed") };
     @id("may") permit (principal == ?principal, action, resource);`,
  )),
  ...Object.entries({ 'no-cancelling': 'support', 'no-scanning': 'scanner' }).map(([name, agent]) =>
    change('operator', 'policy', name, {
      policy: name,
      template: 'no-agent',
      principal: `Agent::"${agent}"`,
    }),
  ),
  change('operator', 'policy', 'support-may', {
    ...{ policy: 'support-may', template: 'may', principal: 'Agent::"support"' },
  }),
  change('operator', 'condition', 'thawed', {
    ...{ condition: 'thawed', type: 'test', config: { state: 'fails' } },
  }),
  change('operator', 'condition', 'frozen', {
    condition: 'frozen',
    type: 'test',
    config: { state: 'fails' },
  }),
  change('operator', 'trust', 'prod', {
    trust: 'prod',
    attestor: 'oidc-token',
    issuer: 'https://cluster.internal',
  }),
  change('operator', 'revocation', 'agent:operator/scanner', {
    ...{ revocation: 'agent:operator/scanner', standing: true, reason: 'scanner incident' },
  }),
  change('operator', 'revocation', 'agent:operator/support', {
    ...{ revocation: 'agent:operator/support', standing: false, reason: 'support incident' },
  }),
  change('a', 'definition', 'orders/old_tool', {
    definition: 'orders/old_tool',
    accepted: { sha256: HASH, at: 1, by: 'person', text: '{"name":"get_order"}' },
    waiting: { sha256: HASH, at: 2, text: '{"description":"x","name":"get_order"}' },
  }),
  change('a', 'credential', 'orders-token', { credential: 'orders-token', provider: 'signed-token' }),
  change('operator', 'fact', 'agent:operator/scanner/av', {
    ...{
      fact: 'agent:operator/scanner/av',
      subject: 'agent:operator/scanner',
      source: 'av',
      says: 'x',
      at: 1,
    },
  }),
  change('a', 'idp', 'company', {
    ...{ idp: 'company', issuer: 'https://idp.example', clients: { 'operator/support': 'client-7' } },
    ...{ allow_private: ['10.0.0.7'], keys_survive: '24h', users: 'listed', attributes: {} },
  }),
  change('a', 'trust', 'ci', { trust: 'ci', attestor: 'oidc-token' }),
  ...['a', 'b', 'operator'].map((tenant) =>
    change(tenant, 'session-label', 'ses_1/internal', {
      ...{ 'session-label': 'ses_1/internal', session: 'ses_1', label: 'internal', until: 1 },
    }),
  ),
]
const documents: Documents = addDocuments(new Map(), [...stories, ...more])
const seen = visibleTo(gateway(['a']), documents)
const namesOf = (changes: readonly Change[], tenant: string) =>
  changes
    .filter((each) => each.tenant === tenant)
    .map(({ kind, name }) => `${kind}/${name}`)
    .sort()

describe('what a gateway may see', () => {
  it('is nothing of a tenant that it is not listed for', () => {
    expect(namesOf(seen, 'b')).toEqual([])
    expect(JSON.stringify(seen)).not.toContain('bo@b.example')
  })

  it("is of a guest's home only the tenant, the agent, what meets it, and no reasons", () => {
    expect(namesOf(seen, 'operator')).toEqual([
      'agent/support',
      'condition/frozen',
      'condition/thawed',
      'policy/no-cancelling',
      'policy/no-support',
      'policy/nobody',
      'revocation/agent:operator/support',
      'template/no-agent',
      'tenant/operator',
    ])
    const text = JSON.stringify(seen)
    expect(text).not.toContain('"sa"')
    for (const secret of ['pipeline', 'warehouse', 'dana@', 'sam@', 'incident', 'cluster.internal'])
      expect(text).not.toContain(secret)
  })

  it('leaves out whom the tenant trusts and how its credentials are made, and of its provider all but the issuer', () => {
    const kinds = new Set(seen.filter(({ tenant }) => tenant === 'a').map(({ kind }) => kind))
    expect([...kinds].sort()).toEqual([
      'admission',
      'definition',
      'delegation',
      'idp',
      'policy',
      'resource',
      'session-label',
      'tenant',
      'user',
    ])
  })

  it('is of an identity provider only what makes a user id', () => {
    expect(JSON.stringify(seen)).toContain('https://idp.example')
    expect(JSON.stringify(seen)).not.toMatch(/client-7|10\.0\.0\.7/)
  })

  it('is only the resources that its entry names, if it names some', () => {
    const few = namesOf(visibleTo(gateway(['a'], ['catalogue']), documents), 'a')
    expect(few.filter((name) => name.startsWith('resource/'))).toEqual(['resource/catalogue'])
    expect(few.filter((name) => name.startsWith('definition/'))).toEqual([])
  })

  it('is of what servers behind say of their tools only the hashes', () => {
    const shown = seen.filter(({ kind }) => kind === 'definition')
    expect(shown.map(({ doc }) => doc)).toEqual([
      {
        definition: 'orders/old_tool',
        accepted: { sha256: HASH, at: 1, by: 'person', text: '' },
        waiting: { sha256: HASH, at: 2, text: '' },
      },
    ])
  })

  it('decides as the authority does', () => {
    const whole = applyChanges(emptySnapshot(), [...documents.values()], PORTS)
    const partial = applyChanges(emptySnapshot(), seen, PORTS)
    const asks: Ask[] = [
      { user: ana('a'), input: { customer_id: 'c-42' } },
      { user: ana('a'), input: { customer_id: 'c-77' } },
      { user: ana('a', 'new'), input: { customer_id: 'c-77' } },
      { user: ana('a'), tool: 'cancel_order', input: { customer_id: 'c-42' } },
      { user: ana('a'), kind: 'enter' },
      { resource: 'catalogue', tool: 'list_products' },
      { agent: 'operator/pipeline', resource: 'catalogue', tool: 'list_products' },
    ]
    for (const ask of asks) {
      const asked = request(ask)
      expect(decide(asked, partial, NOW).reason).toBe(decide(asked, whole, NOW).reason)
    }
    const old = request({ resource: 'catalogue', tool: 'list_products', chain: { rev: 1 as Revision } })
    expect(decide(old, partial, NOW).reason).toBe('chain.revoked')
  })

  it('is a forbid of a home also where nobody can say what it forbids: it denies here as at home', () => {
    const without = (name: string) => addDocuments(documents, [change('operator', 'template', name, null)])
    const shown = (from: Documents) => visibleTo(gateway(['a']), from)
    const blind = shown(without('no-agent'))
    expect(namesOf(blind, 'operator')).toContain('policy/no-cancelling')
    expect(namesOf(blind, 'operator')).toContain('policy/no-scanning')
    const asked = request({ user: ana('a'), input: { customer_id: 'c-42' } })
    const reason = (changes: readonly Change[]) =>
      decide(asked, applyChanges(emptySnapshot(), changes, PORTS), NOW).reason
    expect(reason(blind)).toBe(reason([...without('no-agent').values()]))
    expect(namesOf(shown(without('may')), 'operator')).toContain('policy/support-may')
  })

  it('never holds a document of a tenant that is neither listed nor the home of a guest, whatever is registered', () => {
    const names = ['a', 'b', 'operator', 'c'] as const
    const arbitrary = fc.record({
      listed: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }),
      admitted: fc.array(fc.record({ to: fc.constantFrom(...names), home: fc.constantFrom(...names) }), {
        maxLength: 4,
      }),
    })
    fc.assert(
      fc.property(arbitrary, ({ listed, admitted }) => {
        const admissions = admitted.map(({ to, home }) =>
          change(to, 'admission', `${home}/support`, { admission: `${home}/support` }),
        )
        const withoutFirst = [...documents.values()].filter(({ kind }) => kind !== 'admission')
        const all = addDocuments(new Map(), [...withoutFirst, ...admissions])
        const homes = new Set(admitted.filter(({ to }) => listed.includes(to)).map(({ home }) => home))
        for (const { tenant, kind, name } of visibleTo(gateway(listed), all)) {
          if (listed.some((each) => each === tenant)) continue
          expect(homes.has(tenant as (typeof names)[number])).toBe(true)
          expect(['tenant', 'agent', 'policy', 'template', 'condition', 'fact', 'revocation']).toContain(kind)
          if (kind === 'agent') expect(name).toBe('support')
        }
      }),
    )
  })
})

describe('bringing a gateway up to date', () => {
  it('adds what became visible, replaces what changed, and removes what is visible no longer', () => {
    const gone = addDocuments(documents, [change('a', 'admission', 'operator/support', null)])
    const changes = visibleChanges(seen, visibleTo(gateway(['a']), gone), 999 as Revision)
    expect(namesOf(changes, 'operator')).toEqual(namesOf(seen, 'operator'))
    expect(changes.every(({ doc }) => doc === null)).toBe(true)
    const snapshot = applyChanges(applyChanges(emptySnapshot(), seen, PORTS), changes, PORTS)
    expect([...snapshot.tenants.keys()]).toEqual(['a'])
    expect(snapshot.revision).toBe(999)
    expect(visibleChanges([], seen, 1 as Revision)).toEqual(seen)
    expect(visibleChanges(seen, seen, 1 as Revision)).toEqual([])
  })

  it('comes to the same change by change as all at once, and tells no more than changed', () => {
    const all = [...stories, ...more]
    const entries = [
      gateway(['a']),
      gateway(['a', 'operator']),
      gateway(['b'], ['orders']),
      gateway(['a', 'b'], ['orders']),
    ]
    const removed = (at: number): Change[] =>
      all.slice(at, at + 1).map((each) => ({ ...each, doc: null }) as Change)
    const again = (at: number): Change[] =>
      all.slice(at, at + 1).map((each) => change(each.tenant, each.kind, each.name, each.doc))
    const steps = fc.array(fc.record({ at: fc.nat(all.length - 1), gone: fc.boolean(), entry: fc.nat(3) }), {
      maxLength: 12,
    })
    fc.assert(
      fc.property(fc.nat(3), steps, (start, changes) => {
        let known = documents
        let entry = entries[start] ?? gateway([])
        let view = openView(entry, known)
        for (const { at, gone, entry: next } of changes) {
          const batch = gone ? removed(at) : again(at)
          if (next === 0) entry = entries[at % 4] ?? entry
          const before = new Map(view.shown)
          known = addDocuments(known, batch)
          const step = nextView(view, entry, known, batch, 9999 as Revision)
          view = step.view
          expect(sorted(view.shown.values())).toEqual(sorted(visibleTo(entry, known)))
          for (const { kind, tenant, name, doc } of step.changes) {
            const key = documentKey(tenant, kind, name)
            if (doc === null) expect(before.delete(key)).toBe(true)
            else before.set(key, view.shown.get(key) as Change)
          }
          expect(sorted(before.values())).toEqual(sorted(view.shown.values()))
        }
      }),
      { numRuns: 100 },
    )
  })

  it('is one change for one more policy that is made of a template, and what is made of a template follows it', async () => {
    const templates = await policyChanges(
      'a',
      '@id("stops") forbid (principal == ?principal, action == Action::"orders/get_order", resource);',
    )
    const stop = (name: string) =>
      change('a', 'policy', `no-${name}`, {
        ...{ policy: `no-${name}`, template: 'stops', principal: `User::"${name}@a.example"` },
      })
    const edge = gateway(['a'])
    const start = addDocuments(documents, [...templates, stop('ada')])
    const at = (list: readonly Change[]) => Math.max(...list.map(({ revision }) => revision)) as Revision
    const step = (list: readonly Change[]) =>
      nextView(openView(edge, start), edge, addDocuments(start, list), list, at(list)).changes
    const more = [stop('ana')]
    expect(step(more)).toEqual(more)
    const wider = await policyChanges('a', '@id("stops") forbid (principal == ?principal, action, resource);')
    expect(step(wider)).toEqual(wider)
    const view = applyChanges(emptySnapshot(), visibleTo(edge, start), PORTS)
    const asked = (name: string, tool = 'get_order') =>
      request({ user: ana('a', name), tool, input: { customer_id: 'c-42' } })
    const reasons = (after: readonly Change[]) => {
      const next = applyChanges(view, after, PORTS)
      return ['ana', 'ada'].map((name) => decide(asked(name), next, NOW).reason)
    }
    expect(reasons([])).toEqual(['allowed', 'policy.forbidden'])
    expect(reasons(step(more))).toEqual(['policy.forbidden', 'policy.forbidden'])
    const next = applyChanges(view, step(wider), PORTS)
    expect(decide(asked('ada', 'cancel_order'), view, NOW).reason).toBe('user.no_permit')
    expect(decide(asked('ada', 'cancel_order'), next, NOW).reason).toBe('policy.forbidden')
  })

  it('looks at no document but the one that changed', () => {
    const entry = gateway(['a', 'operator'])
    const view = openView(entry, documents)
    const [changed] = stories.filter(({ tenant, kind }) => tenant === 'a' && kind === 'policy')
    if (changed === undefined) throw new Error('the world has no policy')
    const unread = { get: () => fail(), values: () => fail() } as unknown as Documents
    const step = nextView(view, entry, unread, [{ ...changed, revision: 77 as Revision }], 77 as Revision)
    expect(step.changes).toEqual([{ ...changed, revision: 77 }])
  })
})

const sorted = (changes: Iterable<Change>) =>
  [...changes].sort((a, b) =>
    documentKey(a.tenant, a.kind, a.name) < documentKey(b.tenant, b.kind, b.name) ? -1 : 1,
  )

function fail(): never {
  throw new Error('the registry was read')
}
