import fc from 'fast-check'
import { callText } from '../../src/core/policy/both-engines.ts'
import {
  authorize,
  buildEntities,
  type CedarPolicy,
  type CedarRequest,
  type Entities,
  entitiesFromJson,
  entityUid,
  evaluatePolicy,
  fromCedarJson,
  type Json,
  preparePolicy,
  printExactJson,
} from '../../src/core/policy/cedar/cedar.ts'
import type { Cedar } from '../../src/lib/cedar/cedar.ts'
import { outcomesOf } from '../../src/lib/cedar/policy-outcomes.ts'
import { conditionOf, policyWith } from '../conformance/cedar-corpus/expressions.ts'
import { ANY_ENTITIES, ANY_REQUEST, type AnyRequest, type Uid } from './any-entities.ts'
import { kindOf } from './fuzzed.ts'
import { policyText } from './policy-text.ts'

type Case = {
  readonly policies: readonly Json[]
  readonly entities: readonly Json[]
  readonly request: AnyRequest
}

const CLAUSE = fc.record({
  kind: fc.constantFrom('when', 'unless'),
  body: fc.oneof(conditionOf(2), conditionOf(3), conditionOf(5)),
})
const ANY_CASE: fc.Arbitrary<Case> = fc.record({
  policies: fc.array(policyWith(CLAUSE), { minLength: 1, maxLength: 12 }),
  entities: ANY_ENTITIES,
  request: ANY_REQUEST,
})

type Must<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown }
function must<T>(result: Must<T>): T {
  if (!result.ok) throw new Error(`refused by us or by Cedar: ${JSON.stringify(result.error)}`)
  return result.value
}

export function requestOf({ principal, action, resource, context }: AnyRequest): CedarRequest {
  const uid = ({ type, id }: Uid) => entityUid(type, id)
  const read = must(fromCedarJson(context))
  if (read.kind !== 'record') throw new Error('a context that is no record')
  return { principal: uid(principal), action: uid(action), resource: uid(resource), context: read }
}

/** Decision, determining and erring policies of the whole set, and what each policy comes to by itself. */
async function compare(
  cedar: Cedar,
  { policies: ests, entities, request: asked }: Case,
): Promise<string | undefined> {
  const policies = ests.map((est, at) => must(preparePolicy(`p${at}`, est)))
  const store = must(buildEntities(must(entitiesFromJson(entities))))
  const request = requestOf(asked)
  const staticPolicies = Object.fromEntries(ests.map((est, at) => [`p${at}`, est]))
  const call = { ...asked, entities, policies: { staticPolicies } }
  const theirs = must(await cedar.isAuthorized(printExactJson(call)))
  const ours = authorize(policies, request, store)
  const got = told(ours.decision, ours.determining, ours.erroring)
  const wanted = told(theirs.decision, theirs.reason, theirs.errors)
  if (got !== wanted) return `ours:    ${got}\nCedar's: ${wanted}`
  return compareEach(cedar, ests, policies, request, store)
}

/** As production asks the second engine: the request and entities written by us, each policy on its own. */
async function compareEach(
  cedar: Cedar,
  ests: readonly Json[],
  policies: readonly CedarPolicy[],
  request: CedarRequest,
  store: Entities,
): Promise<string | undefined> {
  const call = callText(request, store, policies)
  const asked = policies.map(({ id, effect }, at) => ({
    id,
    effect,
    source: printExactJson(ests[at] ?? null),
  }))
  const said = must(await outcomesOf(cedar, { policies: asked, call }))
  for (const policy of policies) {
    const outcome = evaluatePolicy(policy, request, store)
    const ours = typeof outcome === 'object' ? 'error' : outcome
    if (ours !== said.get(policy.id)) return `${policy.id}: ours ${ours}, Cedar's ${said.get(policy.id)}`
  }
  return undefined
}

function told(decision: string, determining: readonly string[], erring: readonly string[]): string {
  const list = (ids: readonly string[]) => [...new Set(ids)].sort().join(' ')
  return `${decision} by [${list(determining)}], erring [${list(erring)}]`
}

export function showCase({ policies, entities, request }: Case): string {
  return [
    ...policies.map((est, at) => `// p${at}\n${policyText(est)}`),
    `entities: ${printExactJson(entities)}`,
    `request: ${printExactJson(request)}`,
  ].join('\n')
}

export const ENGINE_CASES = kindOf('any policies, entities and requests', ANY_CASE, compare, showCase)
