import { describe, expect, it, test } from 'vitest'
import { literal } from '../render.ts'
import { entityUid, type Outcome, record, setOf, text, UNKNOWN, type Value } from '../value.ts'
import { showDatetime } from './datetime.ts'
import { showDecimal } from './decimal.ts'
import { extensionFunction } from './functions.ts'
import { showIp } from './ip.ts'

const EACH: Readonly<Record<string, Value>> = {
  bool: { kind: 'bool', value: true },
  long: { kind: 'long', value: 1n },
  string: text('1.0'),
  entity: entityUid('User', 'ana'),
  set: setOf([]),
  record: record(new Map()),
  decimal: { kind: 'decimal', value: 10_000n },
  datetime: { kind: 'datetime', value: 1n },
  duration: { kind: 'duration', value: 1n },
  ipaddr: { kind: 'ipaddr', version: 4, address: 1n, prefix: 32 },
  unknown: UNKNOWN,
}
const KINDS = Object.keys(EACH)
const of = (kind: string): Value => EACH[kind] as Value

function apply(name: string, ...args: readonly Value[]): Outcome {
  const found = extensionFunction(name)
  if (!found) throw new Error(`there is no ${name}`)
  return found.apply(args)
}

function call(name: string, ...args: readonly (string | Outcome)[]): Outcome {
  return apply(name, ...args.map((arg) => (typeof arg === 'string' ? text(arg) : (arg as Value))))
}

/** A failure says something, whole, and of bounded length. */
function shown(outcome: Outcome): string {
  if (outcome.kind !== 'failure') return literal(outcome)
  expect(outcome.says).toMatch(/^\S.{7,139}$/)
  return outcome.reason
}

/** Every function and method, with the kinds that it takes: the receiver of a method first. */
const TAKES: Readonly<Record<string, { readonly method: boolean; readonly kinds: readonly string[] }>> = {
  ...Object.fromEntries(
    ['decimal', 'ip', 'datetime', 'duration'].map((name) => [name, { method: false, kinds: ['string'] }]),
  ),
  ...Object.fromEntries(
    ['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'].map((name) => [
      name,
      { method: true, kinds: ['decimal', 'decimal'] },
    ]),
  ),
  ...Object.fromEntries(
    ['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast'].map((name) => [
      name,
      { method: true, kinds: ['ipaddr'] },
    ]),
  ),
  isInRange: { method: true, kinds: ['ipaddr', 'ipaddr'] },
  offset: { method: true, kinds: ['datetime', 'duration'] },
  durationSince: { method: true, kinds: ['datetime', 'datetime'] },
  toDate: { method: true, kinds: ['datetime'] },
  toTime: { method: true, kinds: ['datetime'] },
  ...Object.fromEntries(
    ['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'].map((name) => [
      name,
      { method: true, kinds: ['duration'] },
    ]),
  ),
}

describe.each(Object.entries(TAKES))('%s', (name, { method, kinds }) => {
  it('is found by its name, as a function or a method', () => {
    expect(extensionFunction(name)).toMatchObject({ name, method })
    expect(extensionFunction(`${name}x`)).toBeUndefined()
  })

  it('takes as many arguments as it has kinds', () => {
    const one = kinds.map(of)
    for (const args of [[], one.slice(1), [...one, ...one], [...one, UNKNOWN]]) {
      if (args.length === kinds.length) continue
      const found = apply(name, ...args)
      expect(found).toEqual({
        kind: 'failure',
        reason: 'arity',
        says: `${name} takes ${kinds.length} argument${kinds.length === 1 ? '' : 's'}, not ${args.length}`,
      })
    }
  })

  it('takes no other kind, wherever it stands, and an unknown makes it unknown', () => {
    for (const [at, wanted] of kinds.entries()) {
      for (const kind of KINDS.filter((each) => each !== wanted)) {
        const found = apply(name, ...kinds.map(of).with(at, of(kind)))
        if (kind === 'unknown') expect(found).toBe(UNKNOWN)
        else
          expect([kind, found]).toEqual([
            kind,
            { kind: 'failure', reason: 'type', says: `${name} takes a ${wanted}, not a ${kind}` },
          ])
      }
    }
  })
})

test.each([
  ['decimal', '0.0', 'decimal("0.0000")'],
  ['decimal', '00012.3400', 'decimal("12.3400")'],
  ['decimal', '-0.0001', 'decimal("-0.0001")'],
  ['decimal', '922337203685477.5807', 'decimal("922337203685477.5807")'],
  ['decimal', '-922337203685477.5809', 'extension'],
  ['decimal', '1000000000000000.0', 'extension'],
  ['decimal', '.5', 'extension'],
  ['decimal', '5.', 'extension'],
  ['decimal', '+1.0', 'extension'],
  ['decimal', ' 1.0', 'extension'],
  ['decimal', '1.0 ', 'extension'],
  ['decimal', '1.2.3', 'extension'],
  ['decimal', '--1.0', 'extension'],
  ['decimal', '', 'extension'],
  ['ip', '0.0.0.0', 'ip("0.0.0.0")'],
  ['ip', '255.255.255.255', 'ip("255.255.255.255")'],
  ['ip', '256.0.0.1', 'extension'],
  ['ip', '1.2.3', 'extension'],
  ['ip', '1.2.3.4.5', 'extension'],
  ['ip', '1.2.3.', 'extension'],
  ['ip', '1.2.3.4/32', 'ip("1.2.3.4")'],
  ['ip', '1.2.3.4/0', 'ip("1.2.3.4/0")'],
  ['ip', '1.2.3.4/33', 'extension'],
  ['ip', '1.2.3.4/', 'extension'],
  ['ip', '1.2.3.4/08', 'extension'],
  ['ip', '1.2.3.4/8/8', 'extension'],
  ['ip', '1.2.3.4 /8', 'extension'],
  ['ip', '::', 'ip("0:0:0:0:0:0:0:0")'],
  ['ip', '1::', 'ip("1:0:0:0:0:0:0:0")'],
  ['ip', '1:2:3:4:5:6:7:8', 'ip("1:2:3:4:5:6:7:8")'],
  ['ip', '1:2:3:4:5:6:7::', 'ip("1:2:3:4:5:6:7:0")'],
  ['ip', '1::3:4:5:6:7:8', 'ip("1:0:3:4:5:6:7:8")'],
  ['ip', '::2:3:4:5:6:7:8', 'ip("0:2:3:4:5:6:7:8")'],
  ['ip', '1:2:3:4::5:6:7:8', 'extension'],
  ['ip', '1:2:3:4:5:6:7', 'extension'],
  ['ip', '1:2:3:4:5:6:7:8:9', 'extension'],
  ['ip', '1::2::3', 'extension'],
  ['ip', ':::', 'extension'],
  ['ip', '12345::', 'extension'],
  ['ip', 'g::', 'extension'],
  ['ip', 'ABCD:ef01::', 'ip("abcd:ef01:0:0:0:0:0:0")'],
  ['ip', '::/128', 'ip("0:0:0:0:0:0:0:0")'],
  ['ip', '::/129', 'extension'],
  ['ip', '::/64', 'ip("0:0:0:0:0:0:0:0/64")'],
  ['ip', '', 'extension'],
  ['duration', '0ms', 'duration("0ms")'],
  ['duration', '1ms', 'duration("1ms")'],
  ['duration', '1s', 'duration("1000ms")'],
  ['duration', '1m', 'duration("60000ms")'],
  ['duration', '1h', 'duration("3600000ms")'],
  ['duration', '1d', 'duration("86400000ms")'],
  ['duration', '-1d1ms', 'duration("-86400001ms")'],
  ['duration', '000000000000000000000000000001s', 'duration("1000ms")'],
  ['duration', '1h1d', 'extension'],
  ['duration', '1s1s', 'extension'],
  ['duration', '-', 'extension'],
  ['duration', '1', 'extension'],
  ['duration', '1 s', 'extension'],
  ['duration', ' 1s', 'extension'],
  ['duration', '1s ', 'extension'],
  ['duration', '1.5s', 'extension'],
  ['duration', '9223372036854775807ms', 'duration("9223372036854775807ms")'],
  ['duration', '-9223372036854775808ms', 'duration("-9223372036854775808ms")'],
  ['duration', '9223372036854775808ms', 'extension'],
  ['duration', '100000000000000000000ms', 'extension'],
  ['datetime', '1970-01-01', 'datetime("1970-01-01").offset(duration("0ms"))'],
  ['datetime', '1970-01-02', 'datetime("1970-01-01").offset(duration("86400000ms"))'],
  ['datetime', '1970-01-01T00:00:00Z', 'datetime("1970-01-01").offset(duration("0ms"))'],
  ['datetime', '1970-01-01T01:02:03Z', 'datetime("1970-01-01").offset(duration("3723000ms"))'],
  ['datetime', '1970-01-01T00:00:00.999Z', 'datetime("1970-01-01").offset(duration("999ms"))'],
  ['datetime', '1970-01-01T00:00:00-0130', 'datetime("1970-01-01").offset(duration("5400000ms"))'],
  ['datetime', '1970-01-01T02:00:00+0159', 'datetime("1970-01-01").offset(duration("60000ms"))'],
  ['datetime', '0000-01-01', 'datetime("1970-01-01").offset(duration("-62167219200000ms"))'],
  ['datetime', '0050-01-01', 'datetime("1970-01-01").offset(duration("-60589296000000ms"))'],
  ['datetime', '2024-02-29', 'datetime("1970-01-01").offset(duration("1709164800000ms"))'],
  ['datetime', '2000-12-31T23:59:59.999+2359', 'datetime("1970-01-01").offset(duration("978220859999ms"))'],
  ['datetime', '2023-04-31', 'extension'],
  ['datetime', '2023-13-01', 'extension'],
  ['datetime', '2023-00-01', 'extension'],
  ['datetime', '2023-01-00', 'extension'],
  ['datetime', '2023-01-01T24:00:00Z', 'extension'],
  ['datetime', '2023-01-01T00:60:00Z', 'extension'],
  ['datetime', '2023-01-01T00:00:00+0060', 'extension'],
  ['datetime', '2023-01-01T00:00:00', 'extension'],
  ['datetime', '2023-01-01T00:00Z', 'extension'],
  ['datetime', '2023-01-01T00:00:00.1Z', 'extension'],
  ['datetime', '2023-01-01t00:00:00z', 'extension'],
  ['datetime', '2023-01-01 ', 'extension'],
  ['datetime', ' 2023-01-01', 'extension'],
  ['datetime', '2023-1-1', 'extension'],
  ['datetime', '12023-01-01', 'extension'],
  ['datetime', '', 'extension'],
])('%s(%j) is %s', (name, arg, expected) => {
  expect(shown(call(name, arg))).toBe(expected)
})

test.each([
  ['lessThan', [true, false, false]],
  ['lessThanOrEqual', [true, true, false]],
  ['greaterThan', [false, false, true]],
  ['greaterThanOrEqual', [false, true, true]],
])('%s orders decimals', (name, expected) => {
  const found = ['1.9', '2.0', '2.1'].map((left) => call(name, call('decimal', left), call('decimal', '2.0')))
  expect(found.map(shown)).toEqual(expected.map(String))
})

test.each([
  ['isIpv4', '1.2.3.4', '::1'],
  ['isIpv6', '::1', '1.2.3.4'],
  ['isLoopback', '127.255.255.255', '128.0.0.0'],
  ['isLoopback', '127.0.0.0/8', '126.0.0.0/8'],
  ['isLoopback', '::1', '::2'],
  ['isLoopback', '::1/128', '::1/127'],
  ['isLoopback', '127.0.0.1', '::127.0.0'],
  ['isMulticast', '239.255.255.255', '240.0.0.0'],
  ['isMulticast', '224.0.0.0/4', '224.0.0.0/3'],
  ['isMulticast', 'ffff::', 'fe00::'],
  ['isMulticast', 'ff00::/8', 'ff00::/7'],
])('%s is so of %s, and not of %s', (name, yes, no) => {
  expect(shown(call(name, call('ip', yes)))).toBe('true')
  const other = call('ip', no)
  if (other.kind !== 'failure') expect(shown(call(name, other))).toBe('false')
})

test.each([
  ['1.2.3.4', '1.2.3.4', 'true'],
  ['1.2.3.4', '1.2.3.5', 'false'],
  ['1.2.3.0/24', '1.2.3.0/24', 'true'],
  ['1.2.3.255', '1.2.3.0/24', 'true'],
  ['1.2.4.0', '1.2.3.0/24', 'false'],
  ['1.2.2.255', '1.2.3.0/24', 'false'],
  ['1.2.3.0/23', '1.2.3.0/24', 'false'],
  ['1.2.3.77', '1.2.3.99/24', 'true'],
  ['::1', '::/127', 'true'],
  ['::2', '::/127', 'false'],
  ['1.2.3.4', '::/0', 'false'],
])('ip(%j).isInRange(ip(%j)) is %s', (inner, outer, expected) => {
  expect(shown(call('isInRange', call('ip', inner), call('ip', outer)))).toBe(expected)
})

test('moments and spans are reckoned exactly, and never beyond 64 bits', () => {
  const [first, later] = [call('datetime', '1970-01-01'), call('datetime', '1970-01-02T00:00:00.001Z')]
  expect(shown(call('durationSince', later, first))).toBe('duration("86400001ms")')
  expect(shown(call('durationSince', first, later))).toBe('duration("-86400001ms")')
  expect(shown(call('offset', later, call('duration', '-1ms')))).toBe(
    'datetime("1970-01-01").offset(duration("86400000ms"))',
  )
  expect(shown(call('toDate', later))).toBe('datetime("1970-01-01").offset(duration("86400000ms"))')
  expect(shown(call('toTime', later))).toBe('duration("1ms")')
  const least: Value = { kind: 'datetime', value: -(2n ** 63n) }
  expect(shown(call('toDate', least))).toBe('overflow')
  expect(shown(call('durationSince', least, call('datetime', '1970-01-02')))).toBe('overflow')
  const most: Value = { kind: 'datetime', value: 2n ** 63n - 1n }
  expect(call('offset', most, call('duration', '1ms'))).toMatchObject({
    says: 'a datetime of 9223372036854775808 ms is beyond 64 bits',
  })
})

test.each([
  ['toMilliseconds', '93784005'],
  ['toSeconds', '93784'],
  ['toMinutes', '1563'],
  ['toHours', '26'],
  ['toDays', '1'],
])('%s of a span is whole', (name, expected) => {
  expect(shown(call(name, call('duration', '1d2h3m4s5ms')))).toBe(expected)
  expect(shown(call(name, call('duration', '-1d2h3m4s5ms')))).toBe(`-${expected}`)
})

test('values print as they are usually written', () => {
  const decimal = (value: bigint) => showDecimal({ kind: 'decimal', value })
  expect([0n, 1n, -1n, 10_000n, -125_000n].map(decimal)).toEqual([
    '0.0000',
    '0.0001',
    '-0.0001',
    '1.0000',
    '-12.5000',
  ])
  const moment = (value: bigint) => showDatetime({ kind: 'datetime', value })
  expect(moment(1n)).toBe('1970-01-01T00:00:00.001Z')
  expect(moment(2n ** 63n - 1n)).toBe('9223372036854775807 ms after 1970')
  const address = (version: 4 | 6, bits: bigint, prefix: number) =>
    showIp({ kind: 'ipaddr', version, address: bits, prefix })
  expect(address(4, 0x01020304n, 32)).toBe('1.2.3.4')
  expect(address(4, 0x01020304n, 8)).toBe('1.2.3.4/8')
  expect(address(6, 1n, 128)).toBe('0:0:0:0:0:0:0:1')
  expect(address(6, 0xabcd_0001_0000_0000_0000_0000_0000_0010n, 32)).toBe('abcd:1:0:0:0:0:0:10/32')
})
