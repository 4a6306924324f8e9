import { authorize } from '../../../src/core/policy/cedar/authorize.ts'
import type { CedarRequest } from '../../../src/core/policy/cedar/compile.ts'
import { buildEntities, type Entities } from '../../../src/core/policy/cedar/entities.ts'
import { entitiesFromJson, fromCedarJson, readUid } from '../../../src/core/policy/cedar/from-json.ts'
import { isJsonObject, type Json, member, parseExactJson } from '../../../src/core/policy/cedar/json.ts'
import { type CedarPolicy, preparePolicy } from '../../../src/core/policy/cedar/policy.ts'
import type { Cedar } from '../../../src/lib/cedar/cedar.ts'
import type { CorpusSet } from './corpus.ts'

/** What came of one policy set. A set or request that we can't read counts as unsupported, never as agreed. */
export type Verdict = {
  readonly requests: number
  readonly differences: readonly string[]
  readonly unsupported: readonly string[]
}

type Prepared = { readonly policies: readonly CedarPolicy[]; readonly entities: Entities }

/** Judges every request of a set with our evaluator; cedar-wasm only parses the policies. */
export async function judgeSet(set: CorpusSet, cedar: Cedar): Promise<Verdict> {
  const prepared = await prepare(set, cedar)
  if (typeof prepared === 'string') {
    return { requests: set.requests.length, differences: [], unsupported: [`${set.name}: ${prepared}`] }
  }
  const differences: string[] = []
  const unsupported: string[] = []
  for (const [index, request] of set.requests.entries()) {
    const at = `${set.name} request ${index}`
    const found = judgeRequest(request, prepared)
    if (found.unsupported !== undefined) unsupported.push(`${at}: ${found.unsupported}`)
    if (found.difference !== undefined) differences.push(`${at}: ${found.difference}`)
  }
  return { requests: set.requests.length, differences, unsupported }
}

async function prepare(set: CorpusSet, cedar: Cedar): Promise<Prepared | string> {
  const parsed = await cedar.parsePolicies({ file: set.name, text: set.policies, ids: 'position' })
  if (!parsed.ok) return parsed.error[0]?.says ?? 'not parsed'
  const policies: CedarPolicy[] = []
  for (const { id, est } of parsed.value) {
    const policy = preparePolicy(id, parseExactJson(est))
    if (!policy.ok) return policy.error.says
    policies.push(policy.value)
  }
  const drafts = entitiesFromJson(set.entities)
  if (!drafts.ok) return drafts.error.says
  const entities = buildEntities(drafts.value)
  return entities.ok ? { policies, entities: entities.value } : entities.error.says
}

function judgeRequest(json: Json, prepared: Prepared): { unsupported?: string; difference?: string } {
  const request = readRequest(json)
  if (typeof request === 'string' || !isJsonObject(json)) return { unsupported: String(request) }
  const answer = authorize(prepared.policies, request, prepared.entities)
  const got = show(answer.decision, answer.determining, answer.erroring)
  const wanted = show(member(json, 'decision'), member(json, 'reason'), member(json, 'errors'))
  return got === wanted ? {} : { difference: `got ${got}, wanted ${wanted}` }
}

function show(decision: unknown, reason: unknown, errors: unknown): string {
  const sorted = (ids: unknown): string => (Array.isArray(ids) ? ids.map(String).sort().join(',') : 'missing')
  return `${decision} by [${sorted(reason)}] errors [${sorted(errors)}]`
}

function readRequest(json: Json): CedarRequest | string {
  if (!isJsonObject(json)) return 'a request is not an object'
  const principal = readUid(member(json, 'principal'), 'principal')
  if (!principal.ok) return principal.error.says
  const action = readUid(member(json, 'action'), 'action')
  if (!action.ok) return action.error.says
  const resource = readUid(member(json, 'resource'), 'resource')
  if (!resource.ok) return resource.error.says
  const context = fromCedarJson(member(json, 'context') ?? {}, 'context')
  if (!context.ok) return context.error.says
  if (context.value.kind !== 'record') return 'the context is not a record'
  return {
    principal: principal.value,
    action: action.value,
    resource: resource.value,
    context: context.value,
  }
}
