import {
  bool,
  type DurationValue,
  type Failure,
  failure,
  type Outcome,
  UNKNOWN,
  type Value,
} from '../value.ts'
import { durationSince, offset, parseDatetime, parseDuration, toDate, toTime } from './datetime.ts'
import { parseDecimal } from './decimal.ts'
import { isInRange, isLoopback, isMulticast, parseIp } from './ip.ts'

/** A function or method of Cedar's extension types; a method's receiver is its first argument. */
export type ExtensionFunction = {
  readonly name: string
  readonly method: boolean
  readonly apply: (args: readonly Value[]) => Outcome
}

type Kind = Value['kind']
type Of<K extends Kind> = Extract<Value, { kind: K }>

function wrongType(name: string, wanted: Kind, got: Value): Failure {
  return failure('type', `${name} takes a ${wanted}, not a ${got.kind}`)
}

function wrongCount(name: string, wanted: number, got: number): Failure {
  return failure('arity', `${name} takes ${wanted} argument${wanted === 1 ? '' : 's'}, not ${got}`)
}

function isKind<K extends Kind>(value: Value, kind: K): value is Of<K> {
  return value.kind === kind
}

function unary<K extends Kind>(
  name: string,
  kind: K,
  apply: (value: Of<K>) => Outcome,
  method = true,
): ExtensionFunction {
  const run = (args: readonly Value[]): Outcome => {
    const [value] = args
    if (value === undefined || args.length !== 1) return wrongCount(name, 1, args.length)
    if (value.kind === 'unknown') return UNKNOWN
    return isKind(value, kind) ? apply(value) : wrongType(name, kind, value)
  }
  return { name, method, apply: run }
}

function binary<L extends Kind, R extends Kind>(
  name: string,
  kinds: readonly [L, R],
  apply: (left: Of<L>, right: Of<R>) => Outcome,
): ExtensionFunction {
  const run = (args: readonly Value[]): Outcome => {
    const [left, right] = args
    if (left === undefined || right === undefined || args.length !== 2)
      return wrongCount(name, 2, args.length)
    if (left.kind !== 'unknown' && !isKind(left, kinds[0])) return wrongType(name, kinds[0], left)
    if (right.kind !== 'unknown' && !isKind(right, kinds[1])) return wrongType(name, kinds[1], right)
    return isKind(left, kinds[0]) && isKind(right, kinds[1]) ? apply(left, right) : UNKNOWN
  }
  return { name, method: true, apply: run }
}

function inUnits(name: string, unit: bigint): ExtensionFunction {
  return unary(name, 'duration', (value: DurationValue) => ({ kind: 'long', value: value.value / unit }))
}

const DECIMALS = ['decimal', 'decimal'] as const

const TABLE: readonly ExtensionFunction[] = [
  unary('decimal', 'string', (source) => parseDecimal(source.value), false),
  binary('lessThan', DECIMALS, (left, right) => bool(left.value < right.value)),
  binary('lessThanOrEqual', DECIMALS, (left, right) => bool(left.value <= right.value)),
  binary('greaterThan', DECIMALS, (left, right) => bool(left.value > right.value)),
  binary('greaterThanOrEqual', DECIMALS, (left, right) => bool(left.value >= right.value)),
  unary('ip', 'string', (source) => parseIp(source.value), false),
  unary('isIpv4', 'ipaddr', (value) => bool(value.version === 4)),
  unary('isIpv6', 'ipaddr', (value) => bool(value.version === 6)),
  unary('isLoopback', 'ipaddr', (value) => bool(isLoopback(value))),
  unary('isMulticast', 'ipaddr', (value) => bool(isMulticast(value))),
  binary('isInRange', ['ipaddr', 'ipaddr'], (inner, outer) => bool(isInRange(inner, outer))),
  unary('datetime', 'string', (source) => parseDatetime(source.value), false),
  unary('duration', 'string', (source) => parseDuration(source.value), false),
  binary('offset', ['datetime', 'duration'], offset),
  binary('durationSince', ['datetime', 'datetime'], durationSince),
  unary('toDate', 'datetime', toDate),
  unary('toTime', 'datetime', toTime),
  inUnits('toMilliseconds', 1n),
  inUnits('toSeconds', 1000n),
  inUnits('toMinutes', 60_000n),
  inUnits('toHours', 3_600_000n),
  inUnits('toDays', 86_400_000n),
]

const BY_NAME: ReadonlyMap<string, ExtensionFunction> = new Map(TABLE.map((entry) => [entry.name, entry]))

/** The function of that name, or undefined: a policy that names another is refused when it is loaded. */
export function extensionFunction(name: string): ExtensionFunction | undefined {
  return BY_NAME.get(name)
}
