/** Whole numbers of Cedar are signed 64-bit; beyond is an error, never a wrap. */
const LONG_MIN = -(2n ** 63n)
const LONG_MAX = 2n ** 63n - 1n

export type BoolValue = { readonly kind: 'bool'; readonly value: boolean }
export type LongValue = { readonly kind: 'long'; readonly value: bigint }
export type TextValue = { readonly kind: 'string'; readonly value: string }
/** `key` is `Type::"id"`, unique; entity stores are keyed by it. */
export type EntityUid = {
  readonly kind: 'entity'
  readonly type: string
  readonly id: string
  readonly key: string
}
/** A set holds no unknown; its items are keyed by `keyOf`, so each is there once. */
export type SetValue = { readonly kind: 'set'; readonly items: ReadonlyMap<string, Value> }
/** `open` says that an unknown is somewhere inside. */
export type RecordValue = {
  readonly kind: 'record'
  readonly fields: ReadonlyMap<string, Value>
  readonly open: boolean
}
/** `value` is the number times 10^4. */
export type DecimalValue = { readonly kind: 'decimal'; readonly value: bigint }
/** `value` is milliseconds since 1970-01-01T00:00:00Z. */
export type DatetimeValue = { readonly kind: 'datetime'; readonly value: bigint }
/** `value` is milliseconds. */
export type DurationValue = { readonly kind: 'duration'; readonly value: bigint }
export type IpValue = {
  readonly kind: 'ipaddr'
  readonly version: 4 | 6
  readonly address: bigint
  readonly prefix: number
}
/** Not known yet (a tool's input while tools are listed): what is computed from it is unknown too. */
export type UnknownValue = { readonly kind: 'unknown' }

export type Value =
  | BoolValue
  | LongValue
  | TextValue
  | EntityUid
  | SetValue
  | RecordValue
  | DecimalValue
  | DatetimeValue
  | DurationValue
  | IpValue
  | UnknownValue

/** An evaluation that can't have a value: Cedar skips such a policy, a Decision denies by it. */
export type Failure = {
  readonly kind: 'failure'
  readonly reason: 'type' | 'overflow' | 'attribute' | 'tag' | 'entity' | 'extension' | 'arity'
  readonly says: string
}
export type Outcome = Value | Failure

export const TRUE: BoolValue = { kind: 'bool', value: true }
export const FALSE: BoolValue = { kind: 'bool', value: false }
export const UNKNOWN: UnknownValue = { kind: 'unknown' }

export function bool(value: boolean): BoolValue {
  return value ? TRUE : FALSE
}

export function text(value: string): TextValue {
  return { kind: 'string', value }
}

/** A whole number, or a failure when 64 bits can't hold it. */
export function long(value: bigint): LongValue | Failure {
  return inLong(value) ? { kind: 'long', value } : failure('overflow', `${value} is beyond 64 bits`)
}

export function inLong(value: bigint): boolean {
  return value >= LONG_MIN && value <= LONG_MAX
}

/** What JSON writes as it is: most ids, and this look is quicker than writing them. */
const PLAIN = /^[\w@./:*+-]*$/

export function entityUid(type: string, id: string): EntityUid {
  return { kind: 'entity', type, id, key: `${type}::${PLAIN.test(id) ? `"${id}"` : JSON.stringify(id)}` }
}

/** A set, or unknown when an item is (or holds) an unknown. */
export function setOf(items: Iterable<Value>): SetValue | UnknownValue {
  const keyed = new Map<string, Value>()
  for (const item of items) {
    if (isOpen(item)) return UNKNOWN
    const key = keyOf(item)
    if (!keyed.has(key)) keyed.set(key, item)
  }
  return { kind: 'set', items: keyed }
}

export function record(fields: ReadonlyMap<string, Value>): RecordValue {
  let open = false
  for (const value of fields.values()) open ||= isOpen(value)
  return { kind: 'record', fields, open }
}

export function failure(reason: Failure['reason'], says: string): Failure {
  return { kind: 'failure', reason, says }
}

export function isOpen(value: Value): boolean {
  return value.kind === 'unknown' || (value.kind === 'record' && value.open)
}

/** One string per value, equal only for equal values: strings carry their length, so nothing can be spelled twice. */
export function keyOf(value: Value): string {
  switch (value.kind) {
    case 'bool':
      return value.value ? 'T' : 'F'
    case 'string':
      return sized(value.value)
    case 'entity':
      return `e${sized(value.key)}`
    case 'set':
      return `[${[...value.items.keys()].sort().map(sized).join('')}]`
    case 'record':
      return `{${[...value.fields.keys()]
        .sort()
        .map((name) => fieldKey(value, name))
        .join('')}}`
    case 'ipaddr':
      return `i${value.version}:${value.address}/${value.prefix};`
    case 'unknown':
      return '?'
    default:
      return `${value.kind}${value.value};`
  }
}

function sized(item: string): string {
  return `${item.length}:${item}`
}

function fieldKey(value: RecordValue, name: string): string {
  const field = value.fields.get(name)
  return field === undefined ? '' : sized(name) + sized(keyOf(field))
}

/** Cedar's `==`: values of different types are unequal, never an error. Neither side may hold an unknown. */
export function equal(left: Value, right: Value): boolean {
  switch (left.kind) {
    case 'unknown':
      return false
    case 'entity':
      return right.kind === 'entity' && left.key === right.key
    case 'set':
      return right.kind === 'set' && left.items.size === right.items.size && holdsAll(left, right)
    case 'record':
      return right.kind === 'record' && equalRecords(left, right)
    case 'ipaddr':
      return right.kind === 'ipaddr' && keyOf(left) === keyOf(right)
    default:
      return left.kind === right.kind && left.value === right.value
  }
}

/** Whether `set` holds every item of `wanted`. */
export function holdsAll(set: SetValue, wanted: SetValue): boolean {
  for (const key of wanted.items.keys()) if (!set.items.has(key)) return false
  return true
}

function equalRecords(left: RecordValue, right: RecordValue): boolean {
  if (left.fields.size !== right.fields.size) return false
  for (const [name, value] of left.fields) {
    const other = right.fields.get(name)
    if (other === undefined || !equal(value, other)) return false
  }
  return true
}
