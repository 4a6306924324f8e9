import fc from 'fast-check'
import { callText, enginePolicy } from '../../src/core/policy/both-engines.ts'
import {
  authorize,
  buildEntities,
  type CedarPolicy,
  type CedarRequest,
  type Entities,
  entitiesFromJson,
  entityUid,
  evaluatePolicy,
  fillTemplate,
  fromCedarJson,
  type Json,
  preparePolicy,
  prepareTemplate,
  printExactJson,
  type SlotName,
} from '../../src/core/policy/cedar/cedar.ts'
import type { Cedar } from '../../src/lib/cedar/cedar.ts'
import { outcomesOf } from '../../src/lib/cedar/policy-outcomes.ts'
import { conditionOf, policyWith } from '../conformance/cedar-corpus/expressions.ts'
import { ANY_ENTITIES, ANY_REQUEST, type AnyRequest, type Uid } from './any-entities.ts'
import { kindOf } from './fuzzed.ts'
import { policyText } from './policy-text.ts'
import { type Filling, unfilled, WHICH } from './unfilled.ts'

type Case = {
  readonly policies: readonly Json[]
  /** Of each policy, by position, what of its scope is filled into a template. */
  readonly slots: readonly (readonly SlotName[])[]
  readonly entities: readonly Json[]
  readonly request: AnyRequest
}

const CLAUSE = fc.record({
  kind: fc.constantFrom('when', 'unless'),
  body: fc.oneof(conditionOf(2), conditionOf(3), conditionOf(5)),
})
const MOST = 12
const ANY_CASE: fc.Arbitrary<Case> = fc.record({
  policies: fc.array(policyWith(CLAUSE), { minLength: 1, maxLength: MOST }),
  slots: fc.array(WHICH, { minLength: MOST, maxLength: MOST }),
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

/** A policy as it is given to both: written out, or as a template and what fills it. */
type Given = { readonly id: string; readonly est: Json; readonly slots?: Filling }

/** How many policies were made of templates, of how many. */
export const linked = { policies: 0, of: 0 }

function givenOf({ policies, slots }: Case): readonly Given[] {
  return policies.map((est, at) => {
    const id = `p${at}`
    const made = unfilled(est, slots[at] ?? [])
    linked.of += 1
    if (made === undefined) return { id, est }
    linked.policies += 1
    return { id, est: made.template, slots: made.slots }
  })
}

function ours({ id, est, slots }: Given): CedarPolicy {
  if (slots === undefined) return must(preparePolicy(id, est))
  const uid = (each: Uid | undefined) => each && entityUid(each.type, each.id)
  const [principal, resource] = [uid(slots.principal), uid(slots.resource)]
  const filled = { ...(principal ? { principal } : {}), ...(resource ? { resource } : {}) }
  return must(fillTemplate(id, must(prepareTemplate(`${id}-template`, est)), filled))
}

/** The set as cedar-wasm takes it: each template by its own name, and what is linked to it. */
function theirSet(given: readonly Given[]) {
  const written = given.filter(({ slots }) => slots === undefined)
  const made = given.filter(({ slots }) => slots !== undefined)
  return {
    staticPolicies: Object.fromEntries(written.map(({ id, est }) => [id, est])),
    templates: Object.fromEntries(made.map(({ id, est }) => [`${id}-template`, est])),
    templateLinks: made.map(({ id, slots = {} }) => ({
      templateId: `${id}-template`,
      newId: id,
      values: Object.fromEntries(Object.entries(slots).map(([name, uid]) => [`?${name}`, uid])),
    })),
  }
}

/** Decision, determining and erring policies of the whole set, and what each policy comes to by itself. */
async function compare(cedar: Cedar, drawn: Case): Promise<string | undefined> {
  const { entities, request: asked } = drawn
  const given = givenOf(drawn)
  const policies = given.map(ours)
  const store = must(buildEntities(must(entitiesFromJson(entities))))
  const request = requestOf(asked)
  const call = printExactJson({ ...asked, entities, policies: theirSet(given) })
  const theirs = must(await cedar.isAuthorized(call))
  const answer = authorize(policies, request, store)
  const got = told(answer.decision, answer.determining, answer.erroring)
  const wanted = told(theirs.decision, theirs.reason, theirs.errors)
  if (got !== wanted) return `ours:    ${got}\nCedar's: ${wanted}`
  return compareEach(cedar, given, policies, request, store)
}

/** As production asks the second engine: the request and entities written by us, each policy on its own. */
async function compareEach(
  cedar: Cedar,
  given: readonly Given[],
  policies: readonly CedarPolicy[],
  request: CedarRequest,
  store: Entities,
): Promise<string | undefined> {
  const call = callText(request, store, policies)
  const asked = policies.map((policy, at) => {
    const source = printExactJson(given[at]?.est ?? null)
    return { id: policy.id, ...enginePolicy({ ...policy, source }) }
  })
  const said = must(await outcomesOf(cedar, { policies: asked, call }))
  for (const policy of policies) {
    const outcome = evaluatePolicy(policy, request, store)
    const mine = typeof outcome === 'object' ? 'error' : outcome
    if (mine !== said.get(policy.id)) return `${policy.id}: ours ${mine}, Cedar's ${said.get(policy.id)}`
  }
  return undefined
}

function told(decision: string, determining: readonly string[], erring: readonly string[]): string {
  const list = (ids: readonly string[]) => [...new Set(ids)].sort().join(' ')
  return `${decision} by [${list(determining)}], erring [${list(erring)}]`
}

export function showCase(drawn: Case): string {
  const { entities, request } = drawn
  return [
    ...givenOf(drawn).map(({ id, est, slots }) => {
      const filled = slots === undefined ? '' : `, a template filled with ${JSON.stringify(slots)}`
      return `// ${id}${filled}\n${policyText(est)}`
    }),
    `entities: ${printExactJson(entities)}`,
    `request: ${printExactJson(request)}`,
  ].join('\n')
}

export const ENGINE_CASES = kindOf('any policies, entities and requests', ANY_CASE, compare, showCase)
