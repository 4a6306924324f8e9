import { type Refusal, refuse } from '../refusal.ts'
import { err, ok, type Result } from '../result.ts'
import type { Json } from './access-request.ts'
import { bool, long, type RecordValue, record, setOf, text, UNKNOWN, type Value } from './cedar/cedar.ts'
import { parseDecimal } from './cedar/extensions/decimal.ts'
import type { InputSchema } from './tool.ts'

type Read = Result<Value, Refusal>
const NOTHING = record(new Map())
/** Numbers beyond it, or smaller than a ten-thousandth, are written with an exponent and are no decimal. */
const PLAIN_NUMBER = /^-?\d+(\.\d{1,4})?$/

/**
 * The part of a tool's input that its schema declares, typed as policy sees it (see `cedarSchemaOf`). What isn't declared is left out.
 * A value of another type, or a required one that is absent, is refused as `input.invalid`: a policy must never compare something else
 * than what the tool will be given.
 */
export function projectInput(schema: InputSchema | undefined, input: Json): Result<RecordValue, Refusal> {
  if (schema === undefined) return ok(NOTHING)
  if (!isObject(input)) return no('input', 'an object')
  const projected = project({ ...schema, type: 'object' }, input, 'input')
  if (!projected.ok) return projected
  return projected.value.kind === 'record' ? ok(projected.value) : no('input', 'an object')
}

/**
 * An input of which some texts are known, as policy sees it: what is declared is taken to be there, and is unknown where it isn't known or
 * is no text. A policy that asks whether something was left out must not be told yes before it was.
 */
export function projectKnown(
  schema: InputSchema | undefined,
  known: Readonly<Record<string, string>> | undefined,
): Value {
  if (schema === undefined || known === undefined) return UNKNOWN
  const fields = Object.entries(schema.properties ?? {}).map(([name, { type }]): [string, Value] => {
    const given = Object.hasOwn(known, name) ? known[name] : undefined
    return [name, type === 'string' && given?.isWellFormed() ? text(given) : UNKNOWN]
  })
  return record(new Map(fields))
}

function project(schema: InputSchema, input: Json | undefined, at: string): Read {
  switch (schema.type) {
    case 'string':
      return typeof input === 'string' && input.isWellFormed() ? ok(text(input)) : no(at, 'text')
    case 'boolean':
      return typeof input === 'boolean' ? ok(bool(input)) : no(at, 'true or false')
    case 'integer':
      return integer(input, at)
    case 'number':
      return decimal(input, at)
    case 'array':
      return list(schema.items ?? { type: 'string' }, input, at)
    case 'object':
      return object(schema, input, at)
  }
}

/** A double beyond 2^53 is no longer what was written. */
function integer(input: Json | undefined, at: string): Read {
  const value = Number.isSafeInteger(input) ? long(BigInt(Number(input))) : undefined
  return value?.kind === 'long' ? ok(value) : no(at, 'a whole number of at most 53 bits')
}

function decimal(input: Json | undefined, at: string): Read {
  const written = typeof input === 'number' ? String(input) : ''
  const value = PLAIN_NUMBER.test(written)
    ? parseDecimal(written.includes('.') ? written : `${written}.0`)
    : undefined
  return value?.kind === 'decimal' ? ok(value) : no(at, 'a number with at most 4 decimal places')
}

function list(items: InputSchema, input: Json | undefined, at: string): Read {
  if (!Array.isArray(input)) return no(at, 'a list')
  const values: Value[] = []
  for (const [index, item] of input.entries()) {
    const value = project(items, item, `${at}[${index}]`)
    if (!value.ok) return value
    values.push(value.value)
  }
  return ok(setOf(values))
}

function object(schema: InputSchema, input: Json | undefined, at: string): Read {
  if (!isObject(input)) return no(at, 'an object')
  const fields = new Map<string, Value>()
  for (const [name, declared] of Object.entries(schema.properties ?? {})) {
    const given = Object.hasOwn(input, name) ? input[name] : undefined
    if (given === undefined) {
      if (schema.required?.includes(name)) return no(`${at}.${name}`, 'there')
      continue
    }
    const value = project(declared, given, `${at}.${name}`)
    if (!value.ok) return value
    fields.set(name, value.value)
  }
  return ok(record(fields))
}

function isObject(input: Json | undefined): input is { readonly [key: string]: Json } {
  return typeof input === 'object' && input !== null && !Array.isArray(input)
}

function no(at: string, must: string): Result<never, Refusal> {
  return err(refuse('malformed', 'input.invalid', `\`${at}\` must be ${must}.`, { at }))
}
