import { err, ok, type Result } from '../../result.ts'
import type { EntityDraft } from './entities.ts'
import { parseDecimal } from './extensions/decimal.ts'
import { extensionFunction } from './extensions/functions.ts'
import { isJsonArray, isJsonObject, isRawNumber, type Json, member } from './json.ts'
import {
  type EntityUid,
  entityUid,
  inLong,
  type RecordValue,
  record,
  setOf,
  text,
  type Value,
} from './value.ts'

/** Why JSON can't become a Cedar value; `says` names the place. */
export type JsonProblem = { readonly reason: string; readonly says: string }
type Read<T> = Result<T, JsonProblem>

/** Deeper JSON is refused: no policy looks there, and recursion ends somewhere. */
const DEEPEST = 64
const RESERVED: ReadonlySet<string> = new Set(['__entity', '__extn', '__expr'])

type Style = { readonly plain: boolean }

/**
 * A value in Cedar's own JSON form, where `{"__entity": {type, id}}` is a reference and `{"__extn": {fn, arg}}` a
 * value of an extension type. For what we wrote ourselves; never for what a caller sends.
 */
export function fromCedarJson(json: Json, at = 'value'): Read<Value> {
  return read(json, at, 0, { plain: false })
}

/**
 * A caller's JSON, such as a tool's arguments. Whole numbers become Long, others decimal (at most four places);
 * null, the escapes of Cedar's JSON form, lone surrogates and what 64 bits can't hold are refused.
 * Reasons: `input.null`, `input.reserved_key`, `input.number`, `input.text`, `input.too_deep`.
 */
export function fromPlainJson(json: Json, at = 'input'): Read<Value> {
  return read(json, at, 0, { plain: true })
}

function read(json: Json, at: string, depth: number, style: Style): Read<Value> {
  if (depth > DEEPEST) return no('too_deep', `${at} is nested deeper than ${DEEPEST}`)
  if (typeof json === 'string') return readText(json, at)
  if (typeof json === 'boolean') return ok({ kind: 'bool', value: json })
  if (typeof json === 'number' || typeof json === 'bigint' || isRawNumber(json)) {
    return readNumber(isRawNumber(json) ? json.rawJSON : json, at, style)
  }
  if (json === null) return no('null', `${at} is null; leave it out instead`)
  if (isJsonArray(json)) return readSet(json, at, depth, style)
  return isJsonObject(json) ? readObject(json, at, depth, style) : no('text', `${at} is not JSON`)
}

function readText(json: string, at: string): Read<Value> {
  return json.isWellFormed() ? ok(text(json)) : no('text', `${at} holds half a character (a lone surrogate)`)
}

function readNumber(json: number | bigint | string, at: string, style: Style): Read<Value> {
  const whole = wholeNumber(json)
  if (whole !== undefined) {
    return inLong(whole) ? ok({ kind: 'long', value: whole }) : no('number', `${at} is beyond 64 bits`)
  }
  if (!style.plain) return no('number', `${at} is not a whole number`)
  const fraction = /^(-?)([0-9]+)(?:\.([0-9]+?)0*)?$/.exec(String(json))
  const decimal = fraction && parseDecimal(`${fraction[1]}${fraction[2]}.${fraction[3] ?? '0'}`)
  if (decimal?.kind === 'decimal') return ok(decimal)
  return no('number', `${at} is not a whole number, nor a decimal of at most 4 places`)
}

/** Beyond 2^53 a double is no longer what was written, so only its bigint counts. */
function wholeNumber(json: number | bigint | string): bigint | undefined {
  if (typeof json === 'bigint') return json
  if (typeof json === 'number') return Number.isSafeInteger(json) ? BigInt(json) : undefined
  return /^-?[0-9]{1,40}(?:\.0+)?$/.test(json) ? BigInt(json.replace(/\..*$/, '')) : undefined
}

function readSet(json: readonly Json[], at: string, depth: number, style: Style): Read<Value> {
  const items: Value[] = []
  for (const [index, item] of json.entries()) {
    const value = read(item, `${at}[${index}]`, depth + 1, style)
    if (!value.ok) return value
    items.push(value.value)
  }
  return ok(setOf(items))
}

function readObject(
  json: { readonly [key: string]: Json },
  at: string,
  depth: number,
  style: Style,
): Read<Value> {
  const keys = Object.keys(json)
  const reserved = keys.find((key) => RESERVED.has(key))
  if (reserved !== undefined) {
    if (style.plain) return no('reserved_key', `${at} has the key ${reserved}, which Cedar keeps for itself`)
    if (keys.length > 1) return no('reserved_key', `${at} has other keys beside ${reserved}`)
    if (reserved === '__entity') return readUid(json, at)
    if (reserved === '__extn') return readExtension(member(json, reserved), at, depth)
    return no('reserved_key', `${at} uses __expr, which Cedar has given up`)
  }
  return readRecord(json, at, depth, style)
}

function readRecord(
  json: { readonly [key: string]: Json },
  at: string,
  depth: number,
  style: Style,
): Read<RecordValue> {
  const fields = new Map<string, Value>()
  for (const [key, item] of Object.entries(json)) {
    if (!key.isWellFormed()) return no('text', `${at} has a key with a lone surrogate`)
    const value = read(item, `${at}.${key}`, depth + 1, style)
    if (!value.ok) return value
    fields.set(key, value.value)
  }
  return ok(record(fields))
}

/** `{type, id}` or `{"__entity": {type, id}}`. */
export function readUid(json: Json | undefined, at = 'uid'): Read<EntityUid> {
  const wrapped = isJsonObject(json) ? member(json, '__entity') : undefined
  const uid = wrapped ?? json
  const type = isJsonObject(uid) ? member(uid, 'type') : undefined
  const id = isJsonObject(uid) ? member(uid, 'id') : undefined
  if (typeof type !== 'string' || typeof id !== 'string') return no('entity', `${at} is not {type, id}`)
  return ok(entityUid(type, id))
}

function readExtension(json: Json | undefined, at: string, depth: number): Read<Value> {
  const name = isJsonObject(json) ? member(json, 'fn') : undefined
  const called = typeof name === 'string' ? extensionFunction(name) : undefined
  if (!isJsonObject(json) || called === undefined) return no('extension', `${at} names no function of Cedar`)
  const listed = member(json, 'args')
  const given = listed === undefined ? [member(json, 'arg') ?? null] : listed
  if (!isJsonArray(given)) return no('extension', `${at}: args is not a list`)
  const args: Value[] = []
  for (const item of given) {
    const value = read(item, `${at}.arg`, depth + 1, { plain: false })
    if (!value.ok) return value
    args.push(value.value)
  }
  const outcome = called.apply(args)
  return outcome.kind === 'failure' ? no('extension', `${at}: ${outcome.says}`) : ok(outcome)
}

/** Entities in Cedar's JSON form: a list of `{uid, attrs, parents, tags?}`. */
export function entitiesFromJson(json: Json): Read<EntityDraft[]> {
  if (!isJsonArray(json)) return no('entity', 'entities are not a list')
  const drafts: EntityDraft[] = []
  for (const [index, item] of json.entries()) {
    const draft = readDraft(item, `entities[${index}]`)
    if (!draft.ok) return draft
    drafts.push(draft.value)
  }
  return ok(drafts)
}

function readDraft(json: Json, at: string): Read<EntityDraft> {
  if (!isJsonObject(json)) return no('entity', `${at} is not an object`)
  const uid = readUid(member(json, 'uid'), `${at}.uid`)
  if (!uid.ok) return uid
  const attrs = readFields(member(json, 'attrs'), `${at}.attrs`)
  if (!attrs.ok) return attrs
  const tags = readFields(member(json, 'tags'), `${at}.tags`)
  if (!tags.ok) return tags
  const parents = readParents(member(json, 'parents'), `${at}.parents`)
  if (!parents.ok) return parents
  return ok({ uid: uid.value, attrs: attrs.value, tags: tags.value, parents: parents.value })
}

function readFields(json: Json | undefined, at: string): Read<ReadonlyMap<string, Value>> {
  if (json === undefined) return ok(new Map())
  if (!isJsonObject(json)) return no('entity', `${at} is not an object`)
  const fields = readRecord(json, at, 0, { plain: false })
  return fields.ok ? ok(fields.value.fields) : fields
}

function readParents(json: Json | undefined, at: string): Read<EntityUid[]> {
  const parents: EntityUid[] = []
  for (const item of isJsonArray(json) ? json : []) {
    const uid = readUid(item, at)
    if (!uid.ok) return uid
    parents.push(uid.value)
  }
  return ok(parents)
}

function no(kind: string, says: string): Result<never, JsonProblem> {
  return err({ reason: `input.${kind}`, says })
}
