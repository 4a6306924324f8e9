import fc from 'fast-check'
import { applyChanges } from '../../src/core/apply-changes.ts'
import { decide } from '../../src/core/policy/decide.ts'
import { emptySnapshot } from '../../src/core/snapshot.ts'
import type { Cedar } from '../../src/lib/cedar/cedar.ts'
import { anyPolicies, type Drawn, linkedChanges, policiesAs } from '../properties/decide-policies.ts'
import { type Ask, ana, change, changesOf, NOW, PORTS, request, STORIES } from '../properties/decide-world.ts'
import { type Blended, expectedOf, USERS } from './blended-model.ts'
import { kindOf } from './fuzzed.ts'
import { policyText } from './policy-text.ts'

const STATES = { holding: 'holds', failing: 'fails', missing: 'missing', stale: 'stale' } as const
const written = (await changesOf(STORIES)).filter(
  ({ tenant, kind }) => (tenant !== 'a' && tenant !== 'operator') || kind !== 'policy',
)
const conditions = (['a', 'operator'] as const).flatMap((tenant) =>
  Object.entries(STATES).map(([name, state]) =>
    change(tenant, 'condition', name, { condition: name, type: 'test', config: { state } }),
  ),
)
const ground = applyChanges(emptySnapshot(), [...written, ...conditions], PORTS)

const variable = (name: string) => ({ Var: name })
const inConditions = (name: string) => ({
  contains: { left: { '.': { left: variable('context'), attr: 'conditions' } }, right: { Value: name } },
})
/** Clauses beside those of the drawn policies: they name conditions without a fact, err, or look at who else is in the question. */
const MORE: readonly object[] = [
  inConditions('missing'),
  inConditions('stale'),
  inConditions('undeclared'),
  {
    '==': {
      left: { '.': { left: variable('context'), attr: 'user' } },
      right: { Value: { __entity: { type: 'User', id: 'ana@a.example' } } },
    },
  },
  { has: { left: variable('context'), attr: 'user' } },
  { '==': { left: { '.': { left: variable('principal'), attr: 'customer_id' } }, right: { Value: 'c-42' } } },
  { '==': { left: { '.': { left: variable('principal'), attr: 'proof' } }, right: { Value: 'attested' } } },
  {
    contains: { left: { '.': { left: variable('resource'), attr: 'labels' } }, right: { Value: 'internal' } },
  },
  { in: { left: variable('action'), right: { Value: { __entity: { type: 'Action', id: '*write' } } } } },
]
const oneMore = fc.record({
  kind: fc.constantFrom('when' as const, 'unless' as const),
  body: fc.constantFrom(...MORE),
})

function sharpened(policies: fc.Arbitrary<readonly Drawn[]>, freq: number): fc.Arbitrary<readonly Drawn[]> {
  const added = fc.array(fc.option(oneMore, { freq, nil: undefined }), { minLength: 8, maxLength: 8 })
  return fc.tuple(policies, added).map(([some, clauses]) =>
    some.map((policy, at) => {
      const clause = clauses[at % clauses.length]
      return clause === undefined ? policy : { ...policy, conditions: [...policy.conditions, clause] }
    }),
  )
}

const wide = (type: string): Drawn => ({
  ...{ effect: 'permit', action: { op: 'All' }, resource: { op: 'All' }, annotations: {} },
  ...{ principal: { op: 'is', entity_type: type }, conditions: [] },
})
/** `linked`: ours are stored as templates and what fills them; the plain model knows only what they come to. */
type Case = Blended & { readonly linked: boolean }
const ANY_CASE: fc.Arbitrary<Case> = fc
  .record({
    drawn: sharpened(anyPolicies, 1),
    wide: fc.constantFrom<readonly Drawn[]>(
      [],
      [wide('Agent')],
      [wide('User')],
      [wide('Agent'), wide('User')],
    ),
    home: fc.oneof({ weight: 2, arbitrary: fc.constant<readonly Drawn[]>([]) }, sharpened(anyPolicies, 2)),
    user: fc.constantFrom(...USERS.map(({ sub }) => sub)),
    tool: fc.constantFrom('get_order', 'get_order', 'cancel_order', 'audit_order'),
    customer: fc.constantFrom('c-42', 'c-77'),
    amount: fc.option(fc.constantFrom(1, 1000, Number.MAX_SAFE_INTEGER), { nil: undefined }),
    linked: fc.boolean(),
  })
  .map(({ drawn, wide: more, ...rest }) => ({ ...rest, policies: [...drawn, ...more] }))

/** Whether it was allowed, refused, or must be asked about: how many of each, so that nobody takes one kind of answer for proof. */
export const outcomes: Record<string, number> = {}

async function compare(cedar: Cedar, drawn: Case): Promise<string | undefined> {
  const { policies, home, user, tool, customer, amount, linked } = drawn
  const store = (tenant: string, list: readonly Drawn[]) =>
    linked ? list.flatMap((each, at) => linkedChanges(tenant, `p${at}`, each)) : policiesAs(tenant, list)
  const changes = [...store('a', policies), ...store('operator', home)]
  const snapshot = applyChanges(ground, changes, PORTS)
  const input = {
    customer_id: customer,
    ...(amount === undefined || tool !== 'cancel_order' ? {} : { amount }),
  }
  const ask: Ask = { user: ana('a', user), tool, input }
  const { outcome } = decide(request(ask), snapshot, NOW)
  const expected = await expectedOf(cedar, drawn)
  outcomes[expected] = (outcomes[expected] ?? 0) + 1
  return outcome === expected ? undefined : `decide says ${outcome}, the plain model ${expected}`
}

function show({ policies, home, ...rest }: Case): string {
  const texts = (list: readonly Drawn[]) =>
    list.map((policy) => policyText(JSON.parse(JSON.stringify(policy))))
  return [
    '// tenant a',
    ...texts(policies),
    "// the agent's home",
    ...texts(home),
    `question: ${JSON.stringify(rest)}`,
  ].join('\n')
}

export const BLENDED_CASES = kindOf('blended decisions', ANY_CASE, compare, show)
