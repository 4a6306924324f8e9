import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { epochMillis } from '../../core/time.ts'
import { CONDITIONS, excludeEachOther } from '../registry.ts'

const ports = { country: () => undefined }
function at(config: object, when: string) {
  const made = CONDITIONS.get('time')?.make(config, ports)
  if (!made?.ok) throw new Error('the settings were refused')
  return made.value({ now: epochMillis(Date.parse(when)), reported: () => undefined })
}
const berlin = { zone: 'Europe/Berlin', days: 'mon-fri', from: '08:00', to: '18:00' }
const named = (settings: object) => ({
  condition: 'any',
  type: 'time',
  config: settings as Record<string, never>,
})

describe('time', () => {
  it.each([
    ['in the middle of a working day', berlin, '2026-11-24T12:00:00Z', 'holds'],
    ['at the first minute, in local time', berlin, '2026-11-24T07:00:00Z', 'holds'],
    ['a second before it', berlin, '2026-11-24T06:59:59Z', 'fails'],
    ['at the last minute', berlin, '2026-11-24T17:00:00Z', 'fails'],
    ['on a Saturday', berlin, '2026-11-28T12:00:00Z', 'fails'],
    ['in summer, when the zone is two hours ahead', berlin, '2026-07-01T06:00:00Z', 'holds'],
    [
      'over midnight, before it',
      { ...berlin, days: 'fri', from: '22:00', to: '06:00' },
      '2026-11-27T22:00:00Z',
      'holds',
    ],
    [
      'over midnight, after it',
      { ...berlin, days: 'fri', from: '22:00', to: '06:00' },
      '2026-11-28T04:59:00Z',
      'holds',
    ],
    [
      'over midnight, of the day before',
      { ...berlin, days: 'fri', from: '22:00', to: '06:00' },
      '2026-11-27T04:00:00Z',
      'fails',
    ],
    ['on a range over the week-end', { zone: 'UTC', days: 'sat-mon' }, '2026-11-30T00:00:00Z', 'holds'],
    ['on a list of days', { zone: 'UTC', days: 'tue, thu' }, '2026-11-25T00:00:00Z', 'fails'],
    ['all day long until midnight', { zone: 'UTC', days: 'tue' }, '2026-11-24T23:59:59Z', 'holds'],
    [
      'where the clock jumps over the start',
      { zone: 'Europe/Berlin', days: 'sun', from: '02:30', to: '04:00' },
      '2026-03-29T01:00:00Z',
      'holds',
    ],
  ])('%s', (_name, config, when, state) => {
    expect(at(config, when).state).toBe(state)
  })

  it('says the time as a person there would', () => {
    expect(at(berlin, '2026-11-28T02:12:00Z')).toEqual({
      state: 'fails',
      fact: 'it is Saturday 03:12 in Berlin',
      ageSeconds: 0,
    })
  })

  it.each([
    ['a zone that is none', { ...berlin, zone: 'Europe/Berln' }],
    ['an offset, which knows no summer', { ...berlin, zone: '+02:00' }],
    ['days that are none', { ...berlin, days: 'mon-fry' }],
    ['a range of three', { ...berlin, days: 'mon-wed-fri' }],
    ['an hour that is none', { ...berlin, from: '8:00' }],
    ['no time at all', { ...berlin, from: '08:00', to: '08:00' }],
    ['an unknown key', { ...berlin, until: '18:00' }],
    ['no zone', { days: 'mon-fri' }],
  ])('refuses %s', (_name, config) => {
    expect(CONDITIONS.get('time')?.make(config, ports).ok).toBe(false)
  })
})

describe('the next change', () => {
  const made = (config: object) => {
    const found = CONDITIONS.get('time')?.make(config, ports)
    if (!found?.ok) throw new Error('the settings were refused')
    return found.value
  }
  const facts = (now: number) => ({ now: epochMillis(now), reported: () => undefined })
  const MINUTE = 60_000

  it.each([
    ['of a working day is its end', berlin, '2026-11-24T12:00:30Z', '2026-11-24T17:00:00.000Z'],
    ['of a night is the next morning', berlin, '2026-11-24T20:00:00Z', '2026-11-25T07:00:00.000Z'],
    ['on Friday evening is Monday', berlin, '2026-11-27T18:00:00Z', '2026-11-30T07:00:00.000Z'],
    [
      'of whole days is a midnight there',
      { zone: 'Asia/Tokyo', days: 'tue' },
      '2026-11-24T12:00:00Z',
      '2026-11-24T15:00:00.000Z',
    ],
    ['is undefined where there is none', { zone: 'UTC' }, '2026-11-24T12:00:00Z', undefined],
    [
      'sees the clock jump forward',
      { zone: 'Europe/Berlin', from: '02:30', to: '05:00' },
      '2026-03-29T00:30:00Z',
      '2026-03-29T01:00:00.000Z',
    ],
    [
      'sees it jump back',
      { zone: 'Europe/Berlin', from: '00:00', to: '03:00' },
      '2026-10-24T23:30:00Z',
      '2026-10-25T02:00:00.000Z',
    ],
  ])('%s', (_name, config, when, next) => {
    const at = made(config).changes?.(facts(Date.parse(when)))
    expect(at === undefined ? undefined : new Date(at).toISOString()).toBe(next)
  })

  it('is the first minute at which the answer differs, whatever the window, the zone and the hour', () => {
    const clock = fc
      .nat(23)
      .chain((hour) => fc.constantFrom('00', '30').map((half) => `${String(hour).padStart(2, '0')}:${half}`))
    const config = fc.record({
      zone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'),
      days: fc.constantFrom('mon-fri', 'sat,sun', 'tue', 'mon-sun'),
      from: clock,
      to: clock,
    })
    const now = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2026, 11, 31) })
    // Days on which some clock jumps, beside all others.
    const jumps = [
      Date.UTC(2026, 2, 28, 12),
      Date.UTC(2026, 9, 24, 12),
      Date.UTC(2026, 3, 4, 6),
      Date.UTC(2026, 10, 1),
    ]
    fc.assert(
      fc.property(config, fc.oneof(now, fc.constantFrom(...jumps)), (drawn, at) => {
        if (drawn.from === drawn.to) return
        const test = made(drawn)
        const state = (when: number) => test(facts(when)).state
        const next = test.changes?.(facts(at))
        const end = Math.min(next ?? Number.MAX_SAFE_INTEGER, at + 2 * 86_400_000)
        if (next !== undefined) expect(state(next)).not.toBe(state(at))
        for (let when = at; when < end; when += 10 * MINUTE) expect(state(when)).toBe(state(at))
        if (next !== undefined) expect(state(next - 1)).toBe(state(at))
      }),
      { numRuns: 60 },
    )
  })
})

describe('two windows', () => {
  const exclude = (other: object) => excludeEachOther(named(berlin), named(other))
  it.each([
    ['of one zone that never meet exclude each other', { ...berlin, from: '18:00', to: '20:00' }, true],
    ['that meet for a minute do not', { ...berlin, from: '17:59', to: '20:00' }, false],
    ['over midnight meet in the morning', { ...berlin, from: '22:00', to: '08:01' }, false],
    ['on other days exclude each other', { ...berlin, days: 'sat,sun' }, true],
    ['of two zones may meet when a clock jumps', { ...berlin, zone: 'UTC', days: 'sat,sun' }, false],
    ['of which one is refused say nothing', { zone: 'nowhere' }, false],
  ])('%s', (_name, other, excluded) => {
    expect(exclude(other)).toBe(excluded)
  })
})
