import fc from 'fast-check'
import { expect, it, test } from 'vitest'
import type { AgentId, TenantName } from '../ids.ts'
import { emptyMap } from '../persistent-map.ts'
import { covers, type Delegation } from './delegation.ts'
import { changeDelegation, type DelegationsFor, delegationsFor } from './delegations-for.ts'

const TENANT = 'a' as TenantName
const AGENTS = ['bot', 'operator/bot', 'b/bot'] as const
const USERS = ['ana', 'bo', '*'] as const
const ids: Readonly<Record<(typeof AGENTS)[number], AgentId>> = {
  bot: 'a/bot' as AgentId,
  'operator/bot': 'operator/bot' as AgentId,
  'b/bot': 'b/bot' as AgentId,
}
const delegation = (name: string, agent: string, user: string): Delegation => ({
  ...{ delegation: name, agent, user, tools: ['orders/*'] },
})

const anyChange = fc.record({
  name: fc.constantFrom(...Array.from({ length: 24 }, (_, at) => `d${at}`)),
  agent: fc.constantFrom('bot', 'bot', 'bot', 'operator/bot', 'b/bot' as const),
  user: fc.constantFrom(...USERS),
  gone: fc.constantFrom(true, false, false, false),
})

/** Each document by its name, as a plain person would keep them. */
type Plain = ReadonlyMap<string, Delegation>

function plainFor(all: Plain, agent: AgentId, user: string): readonly string[] {
  const names = (whose: string) =>
    [...all.values()]
      .filter((each) => (each.agent.includes('/') ? each.agent : `a/${each.agent}`) === agent)
      .filter((each) => each.user === whose)
      .map((each) => each.delegation)
      .sort()
  return [...names(user), ...names('*')]
}

/** As the registry hands them on: a document that is replaced is given too. */
function changed(
  known: DelegationsFor,
  all: Map<string, Delegation>,
  name: string,
  after: Delegation | undefined,
): DelegationsFor {
  const next = changeDelegation(known, TENANT, all.get(name), after, new Set())
  if (after) all.set(name, after)
  else all.delete(name)
  return next
}
const namesFor = (known: DelegationsFor, agent: AgentId, user: string) =>
  delegationsFor(known, agent, user).map((each) => each.delegation)

it('finds what lets an agent act for a user, by name, the own ones first, whatever came and went', () => {
  const most = { many: 0, few: 0 }
  fc.assert(
    fc.property(fc.array(anyChange, { minLength: 20, maxLength: 50 }), (changes) => {
      let known: DelegationsFor = emptyMap()
      const all = new Map<string, Delegation>()
      for (const { name, agent, user, gone } of changes) {
        const before = known
        const seen = namesFor(before, ids.bot, 'ana')
        known = changed(known, all, name, gone ? undefined : delegation(name, agent, user))
        expect(namesFor(before, ids.bot, 'ana')).toEqual(seen)
        for (const each of AGENTS)
          for (const whom of ['ana', 'bo', 'nobody'])
            expect(namesFor(known, ids[each], whom)).toEqual(plainFor(all, ids[each], whom))
        const kept = known.get(ids.bot)
        const own = [...all.values()].filter((each) => each.agent === 'bot').length
        // A list while there are few, and nothing where there is nothing.
        expect([own, Array.isArray(kept), kept === undefined]).toEqual([own, own > 0 && own <= 8, own === 0])
        most[own > 8 ? 'many' : 'few'] += 1
      }
    }),
    { numRuns: 60 },
  )
  expect(Math.min(most.many, most.few)).toBeGreaterThan(100)
})

it('knows no agent that has none, nor a guest by the name of one that lives here', () => {
  const known = changed(emptyMap(), new Map(), 'd', delegation('d', 'bot', 'ana'))
  expect(namesFor(known, ids['operator/bot'], 'ana')).toEqual([])
  expect(namesFor(known, ids.bot, 'bo')).toEqual([])
  expect(namesFor(known, ids.bot, 'ana')).toEqual(['d'])
})

test.each([
  ['orders/get', 'orders/get', true],
  ['orders/*', 'orders/get', true],
  ['orders/get', 'orders/get_all', false],
  ['orders/get', 'orders', false],
  ['orders/*', 'orders2/get', false],
  ['orders/*', 'ordersx', false],
  ['orders/*', 'my/orders/get', false],
  ['orders/g*', 'orders/get', false],
])('%s covers %s: %s', (tool, action, expected) => {
  const of = (...tools: readonly string[]) => ({ ...delegation('d', 'bot', 'ana'), tools: [...tools] })
  expect(covers(of(tool), action)).toBe(expected)
  expect(covers(of('notes/write', tool), action)).toBe(expected)
  expect(covers(of(), action)).toBe(false)
})
