import { splitAgentId } from '../../ids.ts'
import type { Snapshot, TenantSnapshot } from '../../snapshot.ts'
import type { CedarPolicy } from '../cedar/policy.ts'
import { render } from '../cedar/render.ts'
import { entityUid, record } from '../cedar/value.ts'
import type { Condition } from '../condition.ts'
import { ALL_ACTIONS, actionUid } from '../entities.ts'
import { FACTS_RESOURCE, FACTS_TOOLS } from '../facts-resource.ts'
import { contradictionIn } from './contradictions.ts'
import { covers } from './coverage.ts'
import { FINDINGS, type Finding, type FindingCode } from './finding.ts'
import { neverMet, principalsOf, type Target, targetsOf } from './reach.ts'
import { requirementsOf, statementsOf } from './requirements.ts'

/** What is looked at: one tenant among the others, and which conditions exclude each other. */
export type Linted = {
  readonly tenant: TenantSnapshot
  readonly snapshot: Snapshot
  readonly excludeEachOther: (one: Condition, other: Condition) => boolean
}

/**
 * What a tenant's policies and conditions say that their writer hardly meant. Each finding is certain for the tenant as it is declared;
 * what can't be shown isn't found. A policy annotated `@lint("shadowed, unscoped")` is not told these of.
 */
export function lintPolicies(linted: Linted): readonly Finding[] {
  const policies = [...linted.tenant.policies.byName.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  const found = policies.flatMap((policy) => {
    const own = [
      ...neverMatches(policy, linted).slice(0, 1),
      ...underForbid(policy, policies, linted),
      ...shadowed(policy, policies, linted),
      ...unscoped(policy),
    ]
    return [...accepted(policy, own), ...unknownCodes(asWritten(policy))]
  })
  return [...onceEach(found), ...unlinked(linted), ...unfed(policies, linted), ...unused(policies, linted)]
}

type Annotated = Pick<CedarPolicy, 'annotations'>

/** Without what its writer has accepted. */
function accepted(policy: Annotated, found: readonly Finding[]): readonly Finding[] {
  return found.filter(({ code }) => !acceptedBy(policy).includes(nameOf(code)))
}

/** A linked policy as its template: what a text shows is told of the text, once. */
function asWritten(policy: CedarPolicy): CedarPolicy {
  return policy.filled === undefined ? policy : { ...policy, id: policy.filled.template }
}

function onceEach(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Set<string>()
  return findings.filter((each) => {
    const key = JSON.stringify(each)
    return !seen.has(key) && seen.add(key)
  })
}

/** A template of which nothing is made decides nothing. */
function unlinked({ tenant }: Linted): readonly Finding[] {
  const { templates, byTemplate } = tenant.policies.linked
  return [...templates.values()]
    .filter(({ id }) => byTemplate.get(id) === undefined)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .flatMap((template) =>
      accepted(template, [
        {
          code: 'lint.unlinked_template',
          about: { template: template.id },
          says: `no policy is made of template \`${template.id}\`, so it decides nothing`,
          suggestion: `declare a \`policy:\` with \`template: ${template.id}\`, or take it away`,
        },
      ]),
    )
}

/** The names of findings that a policy accepts: `@lint("shadowed, unscoped")`. */
function acceptedBy({ annotations }: Annotated): readonly string[] {
  return (annotations.get('lint') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

function nameOf(code: FindingCode): string {
  return code.slice(code.indexOf('.') + 1)
}

function unknownCodes(policy: CedarPolicy): readonly Finding[] {
  const known = FINDINGS.map(nameOf)
  return acceptedBy(policy)
    .filter((name) => !known.includes(name))
    .map((name) =>
      about(policy, 'lint.unknown_code', {
        says: `\`@lint\` of \`${policy.id}\` accepts \`${name}\`, which is no finding`,
        suggestion: `findings are ${known.join(', ')}`,
        at: name,
      }),
    )
}

type Told = Pick<Finding, 'says' | 'suggestion'> & { readonly at?: string }

function about({ id, filled }: CedarPolicy, code: FindingCode, told: Told): Finding {
  return { code, about: filled?.template === id ? { template: id } : { policy: id }, ...told }
}

/**
 * Why no request is ever met by it, what is easiest to see first. Of forbids only what their own text shows: they also go with agents
 * abroad.
 */
function neverMatches(policy: CedarPolicy, linted: Linted): readonly Finding[] {
  const written = asWritten(policy)
  const byText = [...neverClause(written), ...neverConditions(written, linted)]
  if (policy.effect === 'forbid') return byText
  const targets = targetsOf(policy, linted.tenant)
  const principals = principalsOf(policy, linted.tenant, linted.snapshot)
  return [
    ...neverTool(policy, targets, linted),
    ...neverPrincipal(policy, principals, linted),
    ...byText,
    ...neverRegistered(policy, targets, principals, linted),
  ]
}

function neverTool(policy: CedarPolicy, targets: readonly Target[], { tenant }: Linted): readonly Finding[] {
  if (targets.length > 0) return []
  return [
    about(policy, 'lint.never_tool', {
      says: `\`${policy.id}\` can never match: no tool of \`${tenant.tenant.tenant}\` is in its scope`,
      suggestion: 'name an action of the resource that the scope names, or take the policy away',
    }),
  ]
}

type Principals = ReturnType<typeof principalsOf>

function neverPrincipal(policy: CedarPolicy, principals: Principals, { tenant }: Linted): readonly Finding[] {
  if (principals?.length !== 0) return []
  return [
    about(policy, 'lint.never_principal', {
      says: `\`${policy.id}\` can never match: nobody in \`${tenant.tenant.tenant}\` is in its scope who may still act`,
      suggestion: 'name an agent or a user who is registered here, or take the policy away',
    }),
  ]
}

function neverRegistered(
  policy: CedarPolicy,
  targets: readonly Target[],
  principals: Principals,
  { tenant }: Linted,
): readonly Finding[] {
  if (principals === undefined || !neverMet(policy, tenant, principals, targets)) return []
  return [
    about(policy, 'lint.never_registered', {
      says: `\`${policy.id}\` can never match: whoever is registered in its scope, at whatever tool, misses its clauses`,
      suggestion: 'compare its clauses with the attributes, kinds and labels that are declared',
    }),
  ]
}

function neverClause(policy: CedarPolicy): readonly Finding[] {
  const found = contradictionIn(policy)
  if (found === undefined) return []
  const says = `\`${policy.id}\` can never match: ${found.says}`
  const suggestion = 'take one of the clauses away'
  return [about(policy, 'lint.never_clause', { ...found, says, suggestion })]
}

/** Two conditions that must both hold, and exclude each other. */
function neverConditions(policy: CedarPolicy, { tenant, excludeEachOther }: Linted): readonly Finding[] {
  const wanted = requirementsOf(policy)
    .flatMap(statementsOf)
    .flatMap((each) =>
      each.kind === 'holds' && each.truth && each.of === 'context.conditions' ? [each.item] : [],
    )
    .flatMap((item) =>
      item.kind === 'string' ? [tenant.conditions.get(item.value)?.condition ?? []].flat() : [],
    )
  for (const [index, one] of wanted.entries()) {
    const other = wanted.slice(index + 1).find((each) => excludeEachOther(one, each))
    if (other === undefined) continue
    return [
      about(policy, 'lint.never_conditions', {
        says: `\`${policy.id}\` can never match: \`${one.condition}\` and \`${other.condition}\` never hold together`,
        suggestion: 'ask for one of them, or write two policies',
        at: `"${other.condition}"`,
      }),
    ]
  }
  return []
}

function underForbid(
  policy: CedarPolicy,
  policies: readonly CedarPolicy[],
  { tenant }: Linted,
): readonly Finding[] {
  if (policy.effect !== 'permit') return []
  const forbid = policies.find((each) => each.effect === 'forbid' && covers(each, policy, tenant.entities))
  if (forbid === undefined) return []
  return [
    about(policy, 'lint.under_forbid', {
      says: `\`${policy.id}\` permits nothing: forbid \`${forbid.id}\` applies to all that it permits`,
      suggestion: `take \`${policy.id}\` away, or write \`${forbid.id}\` more narrowly`,
    }),
  ]
}

/** Of two that cover each other the later by name is the one that adds nothing. */
function shadowed(
  policy: CedarPolicy,
  policies: readonly CedarPolicy[],
  { tenant }: Linted,
): readonly Finding[] {
  const { entities } = tenant
  const other = policies.find(
    (each) =>
      each.id !== policy.id &&
      each.effect === policy.effect &&
      takesItsPlace(each, policy) &&
      covers(each, policy, entities) &&
      (each.id < policy.id || !(takesItsPlace(policy, each) && covers(policy, each, entities))),
  )
  if (other === undefined) return []
  const still =
    policy.conditions.names.size === 0
      ? ''
      : ' It still refuses while a condition that it names has no fresh fact.'
  const what = policy.effect === 'permit' ? 'permits' : 'forbids'
  return [
    about(policy, 'lint.shadowed', {
      says: `\`${policy.id}\` adds nothing: \`${other.id}\` ${what} all that it ${what}.${still}`,
      suggestion: `take \`${policy.id}\` away, or narrow \`${other.id}\``,
    }),
  ]
}

/** A permit that wants a person, or lets in an agent that nothing proves, is more than its scope. */
function takesItsPlace(other: CedarPolicy, policy: CedarPolicy): boolean {
  const asks = policy.annotations.has('ask') && !other.annotations.has('ask')
  const claimed = policy.annotations.get('claimed') === 'yes' && other.annotations.get('claimed') !== 'yes'
  return !asks && !claimed
}

/** A permit for every tool of every resource, also of those to come, that no clause narrows by what is called. */
function unscoped(policy: CedarPolicy): readonly Finding[] {
  const { action, resource } = policy.scope
  if (policy.effect !== 'permit' || resource.op !== 'all' || !isAnyAction(action)) return []
  const narrowed = policy.clauses.some(({ parts }) =>
    parts.some(({ expression }) => /\b(action|resource|context\.input)\b/.test(render(expression))),
  )
  if (narrowed) return []
  return [
    about(policy, 'lint.unscoped', {
      says: `\`${policy.id}\` permits every tool of every resource, also of those that are declared later`,
      suggestion: 'name the resource or the actions in its scope',
    }),
  ]
}

function isAnyAction(action: CedarPolicy['scope']['action']): boolean {
  return (
    action.op === 'all' || (action.op === 'in' && action.entities.some(({ id }) => id === ALL_ACTIONS.any))
  )
}

/** A condition over what somebody must report, and nobody may: whoever a policy that names it is about is refused. */
function unfed(policies: readonly CedarPolicy[], linted: Linted): readonly Finding[] {
  return namedConditions(policies, linted).flatMap(({ condition, test, namedBy }) => {
    const missing = test.source === undefined ? undefined : whyUnfed(test.source, policies, linted)
    if (missing === undefined) return []
    const says = `nothing feeds \`${condition.condition}\`: ${missing}, so ${namedBy.join(', ')} can only refuse`
    const suggestion = `permit \`${test.source}\` to use \`${FACTS_REPORT}\`, or name another source`
    return [{ code: 'lint.unfed_condition', about: { condition: condition.condition }, says, suggestion }]
  })
}

const [REPORT] = FACTS_TOOLS
const FACTS_REPORT = REPORT?.action ?? ''

function whyUnfed(source: string, policies: readonly CedarPolicy[], { tenant }: Linted): string | undefined {
  const own = [...tenant.agents.keys()].filter((id) => splitAgentId(id).agent === source)
  const guests = [...tenant.admissions.keys()].filter((id) => splitAgentId(id).agent === source)
  const reporters = [...own.map((id) => splitAgentId(id).agent), ...guests]
  if (reporters.length === 0) return `no agent \`${source}\` lives here or is admitted`
  const may = reporters.some((name) => policies.some((policy) => mayReport(policy, name, tenant)))
  return may ? undefined : `no permit lets \`${source}\` report`
}

function mayReport(policy: CedarPolicy, agent: string, { entities }: TenantSnapshot): boolean {
  if (policy.effect !== 'permit') return false
  const request = {
    principal: entityUid('Agent', agent),
    action: actionUid(FACTS_REPORT),
    resource: entityUid('Resource', FACTS_RESOURCE),
    context: NO_CONTEXT,
  }
  return policy.inScope(request, entities)
}

const NO_CONTEXT = record(new Map())

type Named =
  TenantSnapshot['conditions'] extends ReadonlyMap<string, infer Known>
    ? Known & { readonly namedBy: readonly string[] }
    : never

function namedConditions(policies: readonly CedarPolicy[], { tenant }: Linted): readonly Named[] {
  return [...tenant.conditions.values()].flatMap((known) => {
    const namedBy = policies
      .filter(({ conditions }) => conditions.names.has(known.condition.condition))
      .map(({ id }) => `\`${id}\``)
    return namedBy.length === 0 ? [] : [{ ...known, namedBy }]
  })
}

function unused(policies: readonly CedarPolicy[], { tenant }: Linted): readonly Finding[] {
  const templates = [...tenant.policies.linked.templates.values()]
  const named = new Set([...policies, ...templates].flatMap(({ conditions }) => [...conditions.names]))
  return [...tenant.conditions.keys()]
    .filter((name) => !named.has(name))
    .map((name) => ({
      code: 'lint.unused_condition',
      about: { condition: name },
      says: `no policy names condition \`${name}\``,
      suggestion: 'name it in a policy, or take it away',
    }))
}
