import { z } from 'zod'
import type { ConditionResult, ConditionTest, Facts } from '../../core/policy/condition.ts'
import type { EpochMillis } from '../../core/time.ts'
import type { ConditionKind } from '../contract.ts'
import { dayNumber, parseDays } from './days.ts'
import { nextChange } from './next-change.ts'

const clock = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, { error: 'a time is HH:MM, such as 08:00' })

const schema = z
  .strictObject({
    zone: z.string().refine(isZone, { error: 'a zone is one of the IANA list, such as Europe/Berlin' }),
    days: z
      .string()
      .default('mon-sun')
      .refine((days) => parseDays(days) !== undefined, {
        error: 'days are such as mon-fri, or sat,sun',
      }),
    from: clock.default('00:00'),
    to: clock.default('24:00'),
  })
  .refine(({ from, to }) => from !== to, {
    path: ['to'],
    error: '`from` and `to` are the same: no time is meant',
  })

export type TimeConfig = z.infer<typeof schema>

/** Holds on the given days from one time to another in a zone. Over midnight, the day is the one it began on. */
export const time: ConditionKind<TimeConfig> = {
  name: 'time',
  config: schema,
  make: makeTime,
  excludes: (one, other) => one.zone === other.zone && !shareAMinute(one, other),
}

function makeTime(config: TimeConfig): ConditionTest {
  const clockIn = localClock(config.zone)
  const isOn = week(config)
  const edges = [0, minutes(config.from), minutes(config.to) % DAY]
  const test = ({ now }: Facts): ConditionResult => {
    const local = clockIn(now)
    return { state: isOn(local) ? 'holds' : 'fails', fact: local.says, ageSeconds: 0 }
  }
  const changes = ({ now }: Facts) => nextChange({ now, clockIn, isOn, edges })
  return Object.assign(test, { changes })
}

const DAY = 24 * 60

/** Whether it holds at a minute of a day, by the clock of its own zone. */
function week({ days, from, to }: TimeConfig): (local: { day: number; minute: number }) => boolean {
  const on = parseDays(days) ?? new Set()
  const [start, end] = [minutes(from), minutes(to)]
  if (end >= start) return ({ day, minute }) => minute >= start && minute < end && on.has(day)
  return ({ day, minute }) => (minute >= start && on.has(day)) || (minute < end && on.has((day + 6) % 7))
}

function shareAMinute(one: TimeConfig, other: TimeConfig): boolean {
  const [first, second] = [week(one), week(other)]
  for (let minute = 0; minute < 7 * DAY; minute++) {
    const local = { day: Math.floor(minute / DAY), minute: minute % DAY }
    if (first(local) && second(local)) return true
  }
  return false
}

type Local = { readonly day: number; readonly minute: number; readonly says: string }

/** Making a formatter costs a thousand times what using it costs, so a condition makes its own once. */
function localClock(zone: string): (now: EpochMillis) => Local {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'long',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const place = (zone.split('/').at(-1) ?? zone).replaceAll('_', ' ')
  return eachMinute((now) => {
    const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]))
    const [weekday = '', hour = '', minute = ''] = [
      parts.get('weekday'),
      parts.get('hour'),
      parts.get('minute'),
    ]
    return {
      day: dayNumber(weekday.slice(0, 3)) ?? 0,
      minute: minutes(`${hour}:${minute}`),
      says: `it is ${weekday} ${hour}:${minute} in ${place}`,
    }
  })
}

/** A clock without seconds says the same for a minute, and zones differ by whole ones. */
function eachMinute(clock: (now: EpochMillis) => Local): (now: EpochMillis) => Local {
  let last: { readonly minute: number; readonly local: Local } | undefined
  return (now) => {
    const minute = Math.floor(now / 60_000)
    if (last?.minute !== minute) last = { minute, local: clock(now) }
    return last.local
  }
}

function minutes(written: string): number {
  const [hours, rest] = written.split(':')
  return Number(hours) * 60 + Number(rest)
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: zone })
    // Offsets such as +02:00 are taken too, but know no summer time.
    return !/^[+-]/.test(zone)
  } catch {
    return false
  }
}
