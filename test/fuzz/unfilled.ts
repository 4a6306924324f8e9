import fc from 'fast-check'
import { isJsonArray, isJsonObject, type Json, member } from '../../src/core/policy/cedar/json.ts'

type JsonObject = { readonly [key: string]: Json }
type Uid = { readonly type: string; readonly id: string }
type SlotName = 'principal' | 'resource'
export type Filling = Readonly<Partial<Record<SlotName, Uid>>>

/** A policy taken apart: with slots where its scope named an entity, and what they were filled with. */
export type Unfilled = { readonly template: Json; readonly slots: Filling }

/** Which slots to make of a policy's scope, where it names one entity; often none. */
export const WHICH: fc.Arbitrary<readonly SlotName[]> = fc.constantFrom<readonly SlotName[]>(
  [],
  ['principal'],
  ['resource'],
  ['principal', 'resource'],
)

/** Nothing where the scope names no entity in these places: a template has a slot. */
export function unfilled(est: Json, which: readonly SlotName[]): Unfilled | undefined {
  let template = isJsonObject(est) ? est : {}
  const slots: { [K in SlotName]?: Uid } = {}
  for (const name of which) {
    const found = opened(member(template, name), `?${name}`)
    if (found === undefined) continue
    template = { ...template, [name]: found.constraint }
    slots[name] = found.entity
  }
  return Object.keys(slots).length === 0 ? undefined : { template, slots }
}

function opened(
  constraint: Json | undefined,
  slot: string,
): { readonly constraint: JsonObject; readonly entity: Uid } | undefined {
  if (!isJsonObject(constraint)) return undefined
  const entity = member(constraint, 'entity')
  if (isUid(entity)) return { constraint: { op: member(constraint, 'op') ?? null, slot }, entity }
  const within = member(constraint, 'in')
  const inner = isJsonObject(within) ? member(within, 'entity') : undefined
  return isUid(inner) ? { constraint: { ...constraint, in: { slot } }, entity: inner } : undefined
}

function isUid(json: Json | undefined): json is Uid {
  return isJsonObject(json) && !isJsonArray(json) && typeof member(json, 'type') === 'string'
}
