import { describe, expect, it } from 'vitest'
import { epochMillis } from '../../core/time.ts'
import { CONDITIONS } from '../registry.ts'

const ports = { country: () => undefined }
function at(config: object, when: string) {
  const made = CONDITIONS.get('time')?.make(config, ports)
  if (!made?.ok) throw new Error('the settings were refused')
  return made.value({ now: epochMillis(Date.parse(when)), reported: () => undefined })
}
const berlin = { zone: 'Europe/Berlin', days: 'mon-fri', from: '08:00', to: '18:00' }

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
