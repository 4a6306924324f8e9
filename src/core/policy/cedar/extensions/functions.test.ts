import { expect, test } from 'vitest'
import { literal } from '../render.ts'
import { type Outcome, text, UNKNOWN } from '../value.ts'
import { showDecimal } from './decimal.ts'
import { extensionFunction } from './functions.ts'
import { showIp } from './ip.ts'

function call(name: string, ...args: readonly (string | Outcome)[]): Outcome {
  const values = args.map((arg) => (typeof arg === 'string' ? text(arg) : arg))
  const good = values.filter((value) => value.kind !== 'failure')
  return extensionFunction(name)?.apply(good) ?? { kind: 'failure', reason: 'type', says: 'no such function' }
}

function shown(outcome: Outcome): string {
  return outcome.kind === 'failure' ? outcome.reason : literal(outcome)
}

test.each([
  ['decimal', '1.5', 'decimal("1.5000")'],
  ['decimal', '-0.5', 'decimal("-0.5000")'],
  ['decimal', '-922337203685477.5808', 'decimal("-922337203685477.5808")'],
  ['decimal', '922337203685477.5808', 'extension'],
  ['decimal', `${'9'.repeat(200_000)}.0`, 'extension'],
  ['decimal', '1.23456', 'extension'],
  ['decimal', '1', 'extension'],
  ['decimal', '١.٥', 'extension'],
  ['ip', '10.0.0.0/8', 'ip("10.0.0.0/8")'],
  ['ip', '::1', 'ip("0:0:0:0:0:0:0:1")'],
  ['ip', '::ffff:1.2.3.4', 'extension'],
  ['ip', '010.0.0.1', 'extension'],
  ['ip', '1.2.3.4/032', 'extension'],
  ['ip', 'fe80::1%eth0', 'extension'],
  ['duration', '1d2h3m4s5ms', 'duration("93784005ms")'],
  ['duration', '-1s', 'duration("-1000ms")'],
  ['duration', '106751991168d', 'extension'],
  ['duration', `${'9'.repeat(200_000)}d`, 'extension'],
  ['duration', '', 'extension'],
  ['datetime', '1970-01-01T01:00:00.001+0100', 'datetime("1970-01-01").offset(duration("1ms"))'],
  ['datetime', '2023-02-29', 'extension'],
  ['datetime', '2023-01-01T23:59:60Z', 'extension'],
  ['datetime', '2023-01-01T00:00:00+2400', 'extension'],
])('%s(%j) is %s', (name, arg, expected) => {
  expect(shown(call(name, arg))).toBe(expected)
})

test.each([
  ['10.1.0.0/16', '10.0.0.0/8', 'true'],
  ['10.0.0.0/8', '10.1.0.0/16', 'false'],
  ['1.2.3.4', '0.0.0.0/0', 'true'],
  ['::1', '0.0.0.0/0', 'false'],
  ['ff00::1', '::/0', 'true'],
])('ip(%j).isInRange(ip(%j)) is %s', (inner, outer, expected) => {
  expect(shown(call('isInRange', call('ip', inner), call('ip', outer)))).toBe(expected)
})

test('a range is loopback or multicast only as a whole', () => {
  expect(shown(call('isLoopback', call('ip', '127.0.0.0/8')))).toBe('true')
  expect(shown(call('isLoopback', call('ip', '127.0.0.0/7')))).toBe('false')
  expect(shown(call('isMulticast', call('ip', '224.0.0.0/4')))).toBe('true')
  expect(shown(call('isMulticast', call('ip', 'ff00::/7')))).toBe('false')
})

test('a moment before 1970 has a time of day that is not negative', () => {
  const before = call('datetime', '1969-12-31T23:00:00Z')
  expect(shown(call('toTime', before))).toBe('duration("82800000ms")')
  expect(shown(call('toDate', before))).toBe('datetime("1970-01-01").offset(duration("-86400000ms"))')
})

test('moments beyond 64 bits are an overflow', () => {
  const longest = call('duration', '9223372036854775807ms')
  expect(shown(call('offset', call('datetime', '1970-01-02'), longest))).toBe('overflow')
})

test('a wrong number or type of arguments is a failure, and an unknown stays unknown', () => {
  expect(shown(call('ip', '::1', '::1'))).toBe('arity')
  expect(shown(call('isIpv4', '::1'))).toBe('type')
  expect(shown(call('lessThan', call('decimal', '1.0'), UNKNOWN))).toBe('unknown')
  expect(shown(call('lessThan', text('1'), UNKNOWN))).toBe('type')
})

test('values print as they are usually written', () => {
  const [decimal, ip] = [call('decimal', '-12.5'), call('ip', '10.0.0.1/32')]
  expect(decimal.kind === 'decimal' && showDecimal(decimal)).toBe('-12.5000')
  expect(ip.kind === 'ipaddr' && showIp(ip)).toBe('10.0.0.1')
})
