import { type AgentId, agentId, splitAgentId } from '../../ids.ts'
import type { Snapshot, TenantSnapshot } from '../../snapshot.ts'
import {
  type CedarRequest,
  type Entities,
  type Entity,
  type EntityUid,
  entityUid,
  evaluateClauses,
  record,
  UNKNOWN,
  type Value,
} from '../cedar/cedar.ts'
import { readsOfContext } from '../cedar/context-read.ts'
import { children, type Expression } from '../cedar/expression.ts'
import { type CedarPolicy, constraintTest } from '../cedar/policy.ts'
import type { ScopeConstraint } from '../cedar/scope.ts'
import { actionUid, agentEntity, userEntity } from '../entities.ts'
import type { Tool } from '../tool.ts'

/** A tool with the resource that it is of, as policies name them. */
export type Target = { readonly action: EntityUid; readonly resource: EntityUid }

/** The tools of the tenant that a policy's scope has room for. */
export function targetsOf(policy: CedarPolicy, tenant: TenantSnapshot): readonly Target[] {
  const targets: Target[] = []
  for (const { resource, tools } of tenant.resources.values()) {
    const uid = entityUid('Resource', resource.resource)
    if (constraintTest(policy.scope.resource)(uid, tenant.entities))
      targets.push(
        ...toolsIn(policy, tools.values(), tenant.entities).map((action) => ({ action, resource: uid })),
      )
  }
  return targets
}

function toolsIn(policy: CedarPolicy, tools: Iterable<Tool>, entities: Entities): readonly EntityUid[] {
  const fits = constraintTest(policy.scope.action)
  return Array.from(tools, ({ action }) => actionUid(action)).filter((uid) => fits(uid, entities))
}

/** Who is registered in a policy's scope, with what is known of them; `undefined` where others may come that nobody listed. */
export function principalsOf(
  policy: CedarPolicy,
  tenant: TenantSnapshot,
  snapshot: Snapshot,
): readonly Entity[] | undefined {
  const { principal } = policy.scope
  const users = isAbout(principal, 'User') ? usersOf(tenant) : []
  const agents = isAbout(principal, 'Agent') ? agentsOf(tenant, snapshot) : []
  if (users === undefined || agents === undefined) return undefined
  const fits = constraintTest(principal)
  return [...agents, ...users].filter((each) => fits(each.uid, around(each, tenant.entities)))
}

/** Whether agents, or users, may be meant; a group is of the kind that its name says. */
function isAbout(principal: ScopeConstraint, kind: 'Agent' | 'User'): boolean {
  switch (principal.op) {
    case 'all':
      return true
    case '==':
      return principal.entity.type === kind
    case 'is':
      return principal.type === kind
    case 'in':
      return principal.entities.some(({ type }) => type === kind || type === `${kind}Group`)
  }
}

const PROOFS = ['attested', 'enrolled', 'claimed'] as const

/** Own agents and guests, by each proof; nothing where a guest's home isn't known here. Retired ones never act again. */
function agentsOf(tenant: TenantSnapshot, snapshot: Snapshot): readonly Entity[] | undefined {
  const found: Entity[] = []
  for (const id of [...tenant.agents.keys(), ...tenant.admissions.keys()]) {
    const agent = agentAt(id, snapshot)
    if (agent === undefined) return undefined
    if (agent.state === 'retired') continue
    for (const proof of PROOFS) found.push(agentEntity(id, agent, proof, tenant))
  }
  return found
}

function agentAt(id: AgentId, snapshot: Snapshot) {
  const { home, agent } = splitAgentId(id)
  return snapshot.tenants.get(home)?.agents.get(agentId(home, agent))
}

/** Listed users; nothing where a provider brings others, or says something of them that isn't written here. */
function usersOf(tenant: TenantSnapshot): readonly Entity[] | undefined {
  const says = [...tenant.idps.values()].some(
    ({ users, attributes }) => users === 'any' || Object.keys(attributes).length > 0,
  )
  if (says) return undefined
  return Array.from(tenant.usersByName.values(), (user) => userEntity(user, tenant))
}

/** Above so many it is left undone: whoever lints a hundred thousand agents wants an answer. */
const MOST = 20_000

/**
 * Whether no registered principal at no tool can meet its clauses, whatever the arguments, the address, the conditions and who is on the
 * other side: evaluated with all that left unknown, it is unsatisfied each time. An error or an unknown outcome is not.
 */
export function neverMet(
  policy: CedarPolicy,
  tenant: TenantSnapshot,
  principals: readonly Entity[],
  targets: readonly Target[],
): boolean {
  const many = principals.length * targets.length > MOST
  if (policy.clauses.length === 0 || many || looksAtSomebodyElse(policy)) return false
  const contexts = contextsOf(policy)
  return principals.every((principal) => {
    const entities = around(principal, tenant.entities)
    return targets.every((target) =>
      contexts.every((context) => {
        const request: CedarRequest = { principal: principal.uid, ...target, context: record(context) }
        return evaluateClauses(policy, request, entities) === 'unsatisfied'
      }),
    )
  })
}

/** It names an agent or a user and reads what is known of them, which only a request brings along. */
function looksAtSomebodyElse({ clauses }: CedarPolicy): boolean {
  return clauses.some(({ parts }) => parts.some(({ expression }) => namesSomebody(expression)))
}

function namesSomebody(expression: Expression): boolean {
  const people = ['Agent', 'User']
  if (expression.op === 'value')
    return expression.value.kind === 'entity' && people.includes(expression.value.type)
  // To compare with somebody by name reads nothing of them.
  if (expression.op === 'binary' && (expression.name === '==' || expression.name === '!=')) return false
  return children(expression).some(namesSomebody)
}

function around(entity: Entity, entities: Entities): Entities {
  return { get: (key) => (key === entity.uid.key ? entity : entities.get(key)) }
}

/** All that a context can hold is unknown; what it may also lack is there once and lacking once, where the policy looks. */
function contextsOf(policy: CedarPolicy): readonly ReadonlyMap<string, Value>[] {
  const always: [string, Value][] = ['conditions', 'input', 'agent'].map((name) => [name, UNKNOWN])
  const maybe = ['user', 'address'].filter((name) => readsOfContext(policy, name))
  let contexts = [new Map(always)]
  for (const name of maybe) contexts = contexts.flatMap((each) => [each, new Map(each).set(name, UNKNOWN)])
  return contexts
}
