import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { CONDITIONS, conditionMaker } from '../../src/conditions/registry.ts'
import { applyChanges } from '../../src/core/apply-changes.ts'
import type { Revision, TenantName } from '../../src/core/ids.ts'
import { decide } from '../../src/core/policy/decide.ts'
import type { Change } from '../../src/core/registry.ts'
import { emptySnapshot } from '../../src/core/snapshot.ts'
import { epochMillis } from '../../src/core/time.ts'
import { readConfiguration } from '../../src/flows/read-configuration.ts'
import { createReadPolicies } from '../../src/flows/read-policies.ts'
import { openCedar } from '../../src/lib/cedar/cedar.ts'
import { type Ask, ana, change, ISSUER, NOW, request } from './decide-world.ts'

const cedar = openCedar()
afterAll(() => cedar.close())
const folder = join(import.meta.dirname, '../../examples/demo/config')
const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .map((path) => ({ path: relative(folder, path), text: readFileSync(path, 'utf8') }))

/** What the demo fills in at its start; anything else that the files come to need is some text. */
const given = new Map(
  files
    .flatMap(({ text }) => [...text.matchAll(/\$\{(\w+)\}/g)])
    .map(([, name = '']) => [
      name,
      name.startsWith('uid') ? name : `https://${name.replaceAll('_', '-')}.example`,
    ]),
)
for (const [name, value] of Object.entries({
  ...{ idp: ISSUER, warehouse: 'postgres://warehouse.example/analytics', login_life: '30s', zone: 'UTC' },
  ...{ days: 'tue', from: '08:00', to: '18:00', idp_host: '127.0.0.1', cluster_host: '127.0.0.1' },
}))
  given.set(name, value)

const anything = { safeParse: (value: unknown) => ({ success: true, data: value }) }
const everyPlugIn = { get: () => anything, keys: () => [][Symbol.iterator]() }
const configuration = await readConfiguration(files, given, {
  schemas: {
    condition: new Map([...CONDITIONS].map(([name, { config }]) => [name, config])),
    ...({ trust: everyPlugIn, credential: everyPlugIn } as unknown as Record<
      'trust' | 'credential',
      Map<string, never>
    >),
  },
  readPolicies: createReadPolicies(cedar),
  agentExists: () => false,
  issuerOf: () => undefined,
})
const changes = configuration.drafts.map((draft) => ({ ...draft, revision: 1 as Revision }) as Change)
const ports = { conditionTest: conditionMaker({ country: () => undefined }) }
const clean = change('operator', 'fact', 'agent:operator/pipeline/scanner', {
  ...{ fact: 'agent:operator/pipeline/scanner', subject: 'agent:operator/pipeline' },
  ...{ source: 'scanner', says: 'clean', at: NOW - 5000 },
})
const configured = applyChanges(emptySnapshot(), changes, ports)
const healthy = applyChanges(configured, [clean], ports)

const pipeline: Ask = {
  ...{ tenant: 'operator', agent: 'operator/pipeline', resource: 'warehouse' },
  ...{ tool: 'read:orders_daily', address: '127.0.0.1' },
}
const answer = (ask: Ask, snapshot = healthy, now = NOW) => {
  const asked = request({ ...ask, chain: { expires: Number.MAX_SAFE_INTEGER as never } })
  const decision = decide(asked, snapshot, now)
  return decision.outcome === 'allow' ? decision.reason : `${decision.reason}: ${decision.refusal.says}`
}

describe("the demo's own configuration", () => {
  it('is read without a problem, and no tenant of it is broken', () => {
    expect(configuration.problems).toEqual([])
    for (const name of ['operator', 'a', 'b'])
      expect(configured.tenants.get(name as TenantName)).not.toHaveProperty('broken')
  })

  it('lets the pipeline read while all conditions hold', () => {
    expect(answer(pipeline)).toBe('allowed')
    expect(answer({ ...pipeline, kind: 'enter' })).toBe('allowed')
  })

  it.each<[string, () => string, string]>([
    [
      'outside business hours',
      () => answer(pipeline, healthy, epochMillis(NOW + 43_200_000)),
      'condition.stale',
    ],
    ['before the scanner has spoken', () => answer(pipeline, configured), 'condition.missing'],
    ['from nowhere', () => answer({ ...pipeline, address: '8.8.8.8' }), 'condition.false'],
    ['for a table nobody listed', () => answer({ ...pipeline, tool: 'read:salaries' }), 'tool.unknown'],
    ['for the scanner', () => answer({ ...pipeline, agent: 'operator/scanner' }), 'agent.no_permit'],
  ])('refuses the warehouse %s', (_name, ask, reason) => {
    expect(ask()).toContain(`${reason}: `)
  })

  it('says which hour it is', () => {
    const late = epochMillis(NOW + 8 * 3_600_000)
    const fresh = applyChanges(configured, [{ ...clean, doc: { ...clean.doc, at: late } } as Change], ports)
    expect(answer(pipeline, fresh, late)).toBe(
      'condition.false: Not allowed: `business-hours` is false; it is Tuesday 20:00 in UTC.',
    )
  })

  it("shows each customer's user their own orders through the support agent, and no others", () => {
    const order = (customer_id: string) => ({ customer_id, order_id: 'o-1' })
    expect(answer({ user: ana('a'), input: order('c-42') })).toBe('allowed')
    expect(answer({ user: ana('a'), input: order('c-77') })).toContain('user.no_permit')
    expect(answer({ tenant: 'b', user: ana('b', 'bo'), input: order('c-42') })).toBe('allowed')
    expect(answer({ tenant: 'b', user: ana('a'), input: order('c-42') })).toContain('user.unknown')
    expect(answer({ input: order('c-42') })).toContain('user.required')
    expect(answer({ resource: 'catalogue', tool: 'list_products' })).toBe('allowed')
  })

  it('lets the scanner report, and nobody else', () => {
    const report: Ask = {
      ...{ tenant: 'operator', resource: 'facts', tool: 'report' },
      input: { subject: 'agent:operator/pipeline', says: 'clean' },
    }
    expect(answer({ ...report, agent: 'operator/scanner' })).toBe('allowed')
    expect(answer({ ...report, agent: 'operator/pipeline' })).toContain('agent.no_permit')
  })
})
