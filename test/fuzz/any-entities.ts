import fc from 'fast-check'
import type { Json } from '../../src/core/policy/cedar/json.ts'
import {
  DATETIMES,
  DECIMALS,
  DURATIONS,
  EDGES,
  IPS,
  NAMES,
  TEXTS,
} from '../conformance/cedar-corpus/expressions.ts'

/** Entities with deep hierarchies, tags and odd names, for the expressions of the corpus's own generator. */

export type Uid = { readonly type: string; readonly id: string }

const uids = (type: string, ...ids: readonly string[]): Uid[] => ids.map((id) => ({ type, id }))
/** In an order in which each may have those after it as parents: so that no generated hierarchy has a cycle. */
const LAYERS: readonly Uid[] = [
  ...uids('User', 'ana', 'bob'),
  ...uids('NS::User', 'ana'),
  ...uids('Group', 'g1', 'g2', 'g3', 'g4', 'g5', 'staff', 'all'),
]
const STRANGERS: readonly Uid[] = [...uids('User', 'nobody', '', '__proto__'), ...uids('Group', 'nowhere')]
export const ANY_UID: fc.Arbitrary<Uid> = fc.constantFrom(...LAYERS, ...STRANGERS)

const extension = (fn: string, args: readonly string[]): fc.Arbitrary<Json> =>
  fc.constantFrom(...args).map((arg) => ({ __extn: { fn, arg } }))

const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.constantFrom<Json>(true, false, ...EDGES, ...TEXTS),
    ANY_UID.map((uid): Json => ({ __entity: uid })),
    extension('decimal', DECIMALS),
    extension('ip', IPS),
    extension('datetime', DATETIMES),
    extension('duration', DURATIONS),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie('value'), { maxKeys: 3 }),
  ),
}))
/** Any value that an attribute can hold. */
export const ANY_VALUE: fc.Arbitrary<Json> = value

/** Attributes that the generated expressions read, mostly of the type they expect. */
const ATTRS: fc.Arbitrary<{ [name: string]: Json }> = fc
  .record(
    {
      name: fc.oneof({ weight: 6, arbitrary: fc.constantFrom<Json>(...TEXTS) }, value),
      groups: fc.oneof({ weight: 6, arbitrary: fc.array(value, { maxLength: 3 }) }, value),
      owner: fc.oneof({ weight: 6, arbitrary: ANY_UID.map((uid): Json => ({ __entity: uid })) }, value),
      a: fc.oneof(value, fc.constant<Json>({ b: 1n })),
    },
    { requiredKeys: [] },
  )
  .chain((known) =>
    fc
      .dictionary(fc.constantFrom(...NAMES.filter((name) => name !== 'a')), value, { maxKeys: 2 })
      .map((odd) => ({ ...known, ...odd })),
  )

function entityAt(at: number): fc.Arbitrary<Json> {
  const above = LAYERS.slice(at + 1)
  const tagNames = fc.constantFrom(...TEXTS, ...NAMES)
  return fc
    .record({
      attrs: ATTRS,
      parents: fc.subarray([...above], { maxLength: Math.min(3, above.length) }),
      tags: fc.dictionary(tagNames, value, { maxKeys: 2 }),
    })
    .map((rest) => ({ uid: LAYERS[at] as Uid, ...rest }))
}

const ACTIONS: readonly Json[] = [
  { uid: { type: 'Action', id: 'read' }, attrs: {}, parents: [{ type: 'Action', id: 'any' }] },
  { uid: { type: 'Action', id: 'write' }, attrs: {}, parents: [{ type: 'Action', id: 'any' }] },
]

/** A store of some of the entities; those left out are only names. */
export const ANY_ENTITIES: fc.Arbitrary<readonly Json[]> = fc
  .tuple(...LAYERS.map((_, at) => fc.option(entityAt(at), { freq: 4, nil: undefined })))
  .map((some) => [...some.filter((each) => each !== undefined), ...ACTIONS])

export type AnyRequest = {
  readonly principal: Uid
  readonly action: Uid
  readonly resource: Uid
  readonly context: { readonly [name: string]: Json }
}

export const ANY_REQUEST: fc.Arbitrary<AnyRequest> = fc.record({
  principal: ANY_UID,
  action: fc.constantFrom(...uids('Action', 'read', 'write', 'any', 'none')),
  resource: ANY_UID,
  context: fc.record(
    {
      n: fc.oneof({ weight: 6, arbitrary: fc.constantFrom<Json>(...EDGES) }, value),
      set: fc.oneof({ weight: 6, arbitrary: fc.array(value, { maxLength: 4 }) }, value),
      rec: fc.oneof(
        { weight: 6, arbitrary: fc.dictionary(fc.constantFrom(...NAMES), value, { maxKeys: 3 }) },
        value,
      ),
    },
    { requiredKeys: [] },
  ),
})
