import { err, ok, type Result } from '../../result.ts'
import type { Json } from './json.ts'
import { type CedarPolicy, compileScope, type NamelessPolicy, readWithScope, type Slots } from './policy.ts'
import type { PolicyProblem } from './read-expression.ts'
import { isSlot, readTemplateScope, type ScopeConstraint, type TemplateScope, withSlot } from './scope.ts'
import type { EntityUid } from './value.ts'

/** A policy with slots, read and compiled once. It decides nothing by itself: linked policies are made of it. */
export type CedarTemplate = NamelessPolicy<TemplateScope> & {
  readonly id: string
  /** Those that a linked policy must fill, each exactly. */
  readonly slots: readonly SlotName[]
  readonly source?: string
}

export type SlotName = keyof Slots
export const SLOT_NAMES: readonly SlotName[] = ['principal', 'resource']

/** Why a template can't be filled so; `slot` is the one that is too few or too many. */
export type SlotProblem = {
  readonly reason: 'policy.slot_missing' | 'policy.slot_unknown'
  readonly slot: SlotName
  readonly says: string
}

/** Reads a template in Cedar's JSON form, as `preparePolicy` reads a policy. One without a slot is `policy.malformed`. */
export function prepareTemplate(id: string, est: Json): Result<CedarTemplate, PolicyProblem> {
  const read = readWithScope(est, readTemplateScope)
  if (!read.ok) return read
  const { scope } = read.value
  const slots = SLOT_NAMES.filter((name) => isSlot(scope[name]))
  if (slots.length === 0) return err({ reason: 'policy.malformed', says: 'a template without a slot' })
  return ok({ id, ...read.value, slots })
}

/**
 * The policy that a template becomes with its slots filled. It shares all of the template but the scope, so that thousands of them cost
 * little more than their names. Every slot must have a value, and nothing else may: Cedar has it so too.
 */
export function fillTemplate(
  id: string,
  template: CedarTemplate,
  slots: Slots,
): Result<CedarPolicy, SlotProblem> {
  const principal = constraintOf(template, 'principal', slots.principal)
  if (!principal.ok) return principal
  const resource = constraintOf(template, 'resource', slots.resource)
  if (!resource.ok) return resource
  const { effect, annotations, clauses, conditions, source } = template
  const scope = { principal: principal.value, action: template.scope.action, resource: resource.value }
  const filled = { template: template.id, slots }
  const linked = { id, effect, annotations, scope, clauses, conditions, inScope: compileScope(scope), filled }
  return ok(source === undefined ? linked : { ...linked, source })
}

function constraintOf(
  { id, scope }: CedarTemplate,
  slot: SlotName,
  value: EntityUid | undefined,
): Result<ScopeConstraint, SlotProblem> {
  const constraint = scope[slot]
  if (isSlot(constraint)) {
    if (value !== undefined) return ok(withSlot(constraint, value))
    return no('policy.slot_missing', slot, `template \`${id}\` has a slot ?${slot}: give \`${slot}\` a value`)
  }
  if (value === undefined) return ok(constraint)
  return no('policy.slot_unknown', slot, `template \`${id}\` has no slot ?${slot}`)
}

function no(reason: SlotProblem['reason'], slot: SlotName, says: string): Result<never, SlotProblem> {
  return err({ reason, slot, says })
}
