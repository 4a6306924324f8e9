import { type DatetimeValue, type DurationValue, type Failure, failure, inLong } from '../value.ts'

const MOMENT =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?(?:Z|([+-])([0-9]{2})([0-9]{2})))?$/
const SPAN = /^(-?)(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?$/
const UNITS = [86_400_000n, 3_600_000n, 60_000n, 1000n, 1n] as const
const DAY = 86_400_000n

/** `datetime("2026-11-23")`, `datetime("2026-11-23T09:14:02.113+0100")`. */
export function parseDatetime(source: string): DatetimeValue | Failure {
  const found = MOMENT.exec(source)
  if (!found) return wrong('datetime', source)
  const [year, month, day, hour, minute, second, milli] = found.slice(1, 8).map((part) => Number(part ?? 0))
  const shift = offsetMinutes(found[8], found[9], found[10])
  const days = epochDays(year ?? 0, month ?? 0, day ?? 0)
  if (days === undefined || shift === undefined) return wrong('datetime', source)
  if ((hour ?? 0) > 23 || (minute ?? 0) > 59 || (second ?? 0) > 59) return wrong('datetime', source)
  const minutes = (hour ?? 0) * 60 + (minute ?? 0) - shift
  const ms = days * 86_400_000 + minutes * 60_000 + (second ?? 0) * 1000 + (milli ?? 0)
  return { kind: 'datetime', value: BigInt(ms) }
}

/** Days since 1970-01-01 in the proleptic Gregorian calendar, or undefined when there is no such day. */
function epochDays(year: number, month: number, day: number): number | undefined {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  // Two digits beyond what there is, of a month or of a day, always lead into another month.
  return date.getUTCMonth() === month - 1 ? date.getTime() / 86_400_000 : undefined
}

function offsetMinutes(sign = '', hours = '0', minutes = '0'): number | undefined {
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
}

/** `duration("1d2h3m4s50ms")`, in that order, each part once, `-` for the whole. */
export function parseDuration(source: string): DurationValue | Failure {
  const found = SPAN.exec(source)
  if (!found || source === '' || source === '-') return wrong('duration', source)
  let total = 0n
  for (const [index, unit] of UNITS.entries()) {
    const count = (found[index + 2] ?? '0').replace(/^0+(?=[0-9])/, '')
    if (count.length > 20) return wrong('duration', source)
    total += BigInt(count) * unit
  }
  const value = found[1] === '-' ? -total : total
  return inLong(value) ? { kind: 'duration', value } : wrong('duration', source)
}

function wrong(kind: 'datetime' | 'duration', source: string): Failure {
  return failure('extension', `${JSON.stringify(source.slice(0, 60))} is not a ${kind}`)
}

function within<K extends 'datetime' | 'duration'>(
  kind: K,
  value: bigint,
): { kind: K; value: bigint } | Failure {
  return inLong(value) ? { kind, value } : failure('overflow', `a ${kind} of ${value} ms is beyond 64 bits`)
}

export function offset(from: DatetimeValue, by: DurationValue): DatetimeValue | Failure {
  return within('datetime', from.value + by.value)
}

export function durationSince(to: DatetimeValue, from: DatetimeValue): DurationValue | Failure {
  return within('duration', to.value - from.value)
}

/** Milliseconds into the day, never negative. */
export function toTime(value: DatetimeValue): DurationValue {
  return { kind: 'duration', value: ((value.value % DAY) + DAY) % DAY }
}

export function toDate(value: DatetimeValue): DatetimeValue | Failure {
  return within('datetime', value.value - toTime(value).value)
}

/** ISO 8601 in UTC, or milliseconds where that can't be written. */
export function showDatetime(value: DatetimeValue): string {
  const date = new Date(Number(value.value))
  return Number.isNaN(date.getTime()) ? `${value.value} ms after 1970` : date.toISOString()
}
