import type { Cedar } from '../../src/lib/cedar/cedar.ts'
import { outcomesOf, type PolicyOutcome } from '../../src/lib/cedar/policy-outcomes.ts'
import type { Drawn } from '../properties/decide-policies.ts'

/**
 * The blended decision as a plain person would write it down, on Cedar's own answers alone: nothing here is shared with what it is held
 * against. Entities and contexts are spelled out for the one world that is asked about: tenant `a`, whose guest `operator/support` calls
 * a tool of `orders` for a user.
 */
export type Blended = {
  readonly policies: readonly Drawn[]
  /** Policies of the agent's home. */
  readonly home: readonly Drawn[]
  readonly user: string
  readonly tool: string
  readonly customer: string
  readonly amount: number | undefined
}

export const USERS = [
  { sub: 'ana', customer_id: 'c-42' },
  { sub: 'ada', customer_id: 'c-77' },
  { sub: 'new' },
] as const
const WRITES: ReadonlySet<string> = new Set(['cancel_order'])
const DELEGATED: ReadonlySet<string> = new Set(['get_order', 'cancel_order'])
const FRESH: Readonly<Record<string, boolean>> = { holding: true, failing: false }

type Uid = { readonly type: string; readonly id: string }
const uid = (type: string, id: string): Uid => ({ type, id })
const entity = (type: string, id: string, attrs: object = {}, parents: readonly Uid[] = []) => ({
  uid: uid(type, id),
  attrs,
  parents,
})

/** The world by the names under which a tenant's policies see it: abroad a resource goes by `<tenant>/<name>`. */
function entitiesFor({ user, tool }: Blended, agent: string, prefix: string) {
  const hint = WRITES.has(tool) ? 'write' : 'read'
  const groups = (names: readonly string[]) => names.map((name) => uid('Action', name))
  const person = USERS.find(({ sub }) => sub === user)
  const declared =
    prefix === '' && person && 'customer_id' in person ? { customer_id: person.customer_id } : {}
  const proven = { kind: 'customer', home: 'operator', proof: 'attested', owner: OWNER }
  return [
    entity('Agent', agent, proven),
    entity('User', `${prefix}${user}@a.example`, declared),
    entity('Resource', `${prefix}orders`, { labels: ['internal'], kind: 'mcp' }),
    ...['read', 'write', 'any'].flatMap((each) => [
      entity('Action', `*${each}`),
      entity('Action', `${prefix}orders/*${each}`, {}, groups([`*${each}`])),
    ]),
    entity(
      'Action',
      `${prefix}orders/${tool}`,
      {},
      groups([`${prefix}orders/*${hint}`, `${prefix}orders/*any`]),
    ),
  ]
}
const OWNER = 'lee@operator.example'

type Side = {
  readonly policies: readonly Drawn[]
  readonly principal: Uid
  readonly call: (holding: readonly string[]) => string
}

function sidesOf(drawn: Blended): { readonly own: readonly Side[]; readonly home: Side } {
  const { policies, home, user, tool, customer, amount } = drawn
  const input = {
    customer_id: customer,
    ...(amount === undefined || tool !== 'cancel_order' ? {} : { amount }),
  }
  const side = (list: readonly Drawn[], type: 'Agent' | 'User', agent: string, prefix: string): Side => {
    const person = uid('User', `${prefix}${user}@a.example`)
    const principal = type === 'Agent' ? uid('Agent', agent) : person
    const call = (holding: readonly string[]) =>
      JSON.stringify({
        principal,
        action: uid('Action', `${prefix}orders/${tool}`),
        resource: uid('Resource', `${prefix}orders`),
        context: {
          agent: { __entity: uid('Agent', agent) },
          user: { __entity: person },
          input,
          conditions: holding,
        },
        entities: entitiesFor(drawn, agent, prefix),
      })
    return { policies: list, principal, call }
  }
  const own = (['Agent', 'User'] as const).map((type) => side(policies, type, 'operator/support', ''))
  const forbids = home.filter(({ effect }) => effect === 'forbid')
  return { own, home: side(forbids, 'Agent', 'support', 'a/') }
}

async function ask(
  cedar: Cedar,
  policies: readonly Drawn[],
  call: string,
): Promise<readonly PolicyOutcome[]> {
  const said = await outcomesOf(cedar, {
    policies: policies.map((policy, at) => ({
      id: `${at}`,
      effect: policy.effect,
      source: JSON.stringify(policy),
    })),
    call,
  })
  if (!said.ok) throw new Error(JSON.stringify(said.error))
  return policies.map((_, at) => said.value.get(`${at}`) ?? 'error')
}

/** The conditions that policies in scope name: written out in them, and found by their text. */
async function namedBy(cedar: Cedar, { policies, call }: Side): Promise<readonly string[]> {
  const scopes = await ask(
    cedar,
    policies.map((policy) => ({ ...policy, conditions: [] })),
    call([]),
  )
  const inScope = policies.filter((_, at) => scopes[at] === 'satisfied')
  const text = JSON.stringify(inScope)
  return ['holding', 'failing', 'missing', 'stale', 'undeclared'].filter((name) =>
    text.includes(`"attr":"conditions"}},"right":{"Value":"${name}"}`),
  )
}

/** `deny` by the first thing that says no; `ask` where a permit that decides wants a person. */
export async function expectedOf(cedar: Cedar, drawn: Blended): Promise<'allow' | 'deny' | 'ask'> {
  if (!DELEGATED.has(drawn.tool)) return 'deny'
  const { own, home } = sidesOf(drawn)
  let asks = false
  for (const sides of [own, [home]]) {
    const named = new Set((await Promise.all(sides.map((side) => namedBy(cedar, side)))).flat())
    if ([...named].some((name) => FRESH[name] === undefined)) return 'deny'
    const holding = [...named].filter((name) => FRESH[name] === true)
    for (const side of sides) {
      const outcomes = await ask(cedar, side.policies, side.call(holding))
      const satisfied = side.policies.filter((_, at) => outcomes[at] === 'satisfied')
      if (outcomes.includes('error') || satisfied.some(({ effect }) => effect === 'forbid')) return 'deny'
      if (side !== home && satisfied.length === 0) return 'deny'
      asks ||= satisfied.some(({ annotations }) => 'ask' in annotations)
    }
  }
  return asks ? 'ask' : 'allow'
}
