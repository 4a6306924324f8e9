import fc from 'fast-check'
import type { Json } from '../../src/core/policy/cedar/json.ts'
import { DATETIMES, DECIMALS, DURATIONS, EDGES, IPS, TEXTS } from '../conformance/cedar-corpus/expressions.ts'
import type { AnyRequest, Uid } from './any-entities.ts'
import { ACTIONS, type Field, type Schema, type SchemaType } from './any-schema.ts'

/** Entities and a request that fit a schema: an optional attribute is there or not. */
export type Conforming = { readonly entities: readonly Json[]; readonly request: AnyRequest }

/** By type, in an order in which each may be below those of its layer that come after. */
export const KNOWN: Readonly<Record<string, readonly string[]>> = {
  User: ['ana', 'bob'],
  'NS::Robot': ['r2'],
  Group: ['g1', 'g2', 'g3', 'all'],
  Res: ['r1', 'r2', 'r3'],
}

const extension = (fn: string, args: readonly string[]): fc.Arbitrary<Json> =>
  fc.constantFrom(...args).map((arg) => ({ __extn: { fn, arg } }))

export function valueFor(type: SchemaType): fc.Arbitrary<Json> {
  switch (type.is) {
    case 'Long':
      return fc.constantFrom<Json>(...EDGES)
    case 'String':
      return fc.constantFrom<Json>(...TEXTS)
    case 'Bool':
      return fc.boolean()
    case 'decimal':
      return extension('decimal', DECIMALS)
    case 'ipaddr':
      return extension('ip', IPS)
    case 'datetime':
      return extension('datetime', DATETIMES)
    case 'duration':
      return extension('duration', DURATIONS)
    case 'entity':
      return fc
        .constantFrom(...(KNOWN[type.type] ?? []), 'unknown')
        .map((id): Json => ({ __entity: { type: type.type, id } }))
    case 'set':
      return fc.array(valueFor(type.of), { maxLength: 3 })
    case 'record':
      return recordOf(type.fields)
  }
}

function recordOf(fields: readonly Field[]): fc.Arbitrary<{ [name: string]: Json }> {
  const each = fields.map(({ name, type, optional }) => {
    const value = valueFor(type).map((json) => [[name, json]] as const)
    return optional ? fc.oneof(value, fc.constant([])) : value
  })
  return fc.tuple(...each).map((entries) => Object.fromEntries(entries.flat()))
}

function entity(type: string, id: string, schema: Schema): fc.Arbitrary<Json> {
  const fields = { User: schema.user, Group: schema.group, Res: schema.resource }[type] ?? []
  const tags = schema.tags && (type === 'User' || type === 'Res') ? schema.tags : undefined
  const above = (KNOWN[type === 'Res' ? 'Res' : 'Group'] ?? []).map((each) => ({
    type: type === 'Res' ? 'Res' : 'Group',
    id: each,
  }))
  const at = above.findIndex((each) => each.type === type && each.id === id)
  const parents = above.slice(at + 1)
  return fc
    .record({
      attrs: recordOf(fields),
      parents: fc.subarray(parents),
      tags: tags ? fc.dictionary(fc.constantFrom(...TEXTS), valueFor(tags), { maxKeys: 2 }) : fc.constant({}),
    })
    .map((rest) => ({ uid: { type, id }, ...rest }))
}

const ACTION_ENTITIES: readonly Json[] = ACTIONS.map((id) => ({
  uid: { type: 'Action', id },
  attrs: {},
  parents: [{ type: 'Action', id: 'any' }],
}))

export function conforming(schema: Schema): fc.Arbitrary<Conforming> {
  const all = Object.entries(KNOWN).flatMap(([type, ids]) => ids.map((id) => entity(type, id, schema)))
  const who: readonly Uid[] = [
    ...(KNOWN['User'] ?? []).map((id) => ({ type: 'User', id })),
    { type: 'NS::Robot', id: 'r2' },
    { type: 'User', id: 'unknown' },
  ]
  return fc.record({
    entities: fc.tuple(...all).map((some) => [...some, ...ACTION_ENTITIES]),
    request: fc.record({
      principal: fc.constantFrom(...who),
      action: fc.constantFrom(...ACTIONS.map((id) => ({ type: 'Action', id }))),
      resource: fc.constantFrom(...(KNOWN['Res'] ?? []).map((id) => ({ type: 'Res', id }))),
      context: recordOf(schema.context),
    }),
  })
}
