import { describe, expect, it } from 'vitest'
import { epochMillis } from '../../core/time.ts'
import { CONDITIONS, conditionMaker, excludeEachOther } from '../registry.ts'

const ports = { country: () => undefined }
const NOW = epochMillis(Date.UTC(2026, 10, 24, 12))
const config = { source: 'scanner', says: 'clean', within: '10m' }
const fact = (says: string, at: number) => ({
  ...{ fact: 'agent:a/x/scanner', subject: 'agent:a/x', source: 'scanner', says, at },
})
function judge(known?: ReturnType<typeof fact>) {
  const made = CONDITIONS.get('posture')?.make(config, ports)
  if (!made?.ok) throw new Error('the settings were refused')
  return made.value({ now: NOW, reported: (source) => (source === 'scanner' ? known : undefined) })
}
const named = (settings: object) => ({
  condition: 'any',
  type: 'posture',
  config: settings as Record<string, never>,
})

describe('posture', () => {
  it.each([
    [
      'holds while a young fact says the word',
      fact('clean', NOW - 30_000),
      'holds',
      'scanner said "clean" 30 s ago',
    ],
    [
      'fails when it says another',
      fact('infected', NOW - 300_000),
      'fails',
      'scanner said "infected" 5 min ago',
    ],
    ['holds to the last moment', fact('clean', NOW - 600_000), 'holds', 'scanner said "clean" 10 min ago'],
    [
      'is stale after it',
      fact('clean', NOW - 600_001),
      'stale',
      'scanner said "clean" 10 min ago, longer ago than 10m',
    ],
    [
      'is stale even with the wrong word',
      fact('infected', NOW - 9_000_000),
      'stale',
      'scanner said "infected" 2 h ago, longer ago than 10m',
    ],
    [
      'takes a clock that is a little ahead',
      fact('clean', NOW + 5000),
      'holds',
      'scanner said "clean" 0 s ago',
    ],
    [
      'refuses a fact from the future',
      fact('clean', NOW + 5001),
      'missing',
      'scanner speaks from the future; check the clocks',
    ],
    ['has nothing where nobody reported', undefined, 'missing', 'scanner has said nothing'],
  ])('%s', (_name, known, state, says) => {
    expect(judge(known)).toMatchObject({ state, fact: says })
  })

  it.each([
    ['no source', { says: 'clean', within: '10m' }],
    ['no bound on its age', { source: 'scanner', says: 'clean' }],
    ['an age that is none', { ...config, within: 'a while' }],
    ['an unknown key', { ...config, unless: 'x' }],
  ])('refuses %s', (_name, wrong) => {
    expect(CONDITIONS.get('posture')?.make(wrong, ports).ok).toBe(false)
  })
})

describe('making conditions ready', () => {
  const make = conditionMaker(ports)
  const reasonOf = (type: string, settings: Record<string, string>) => {
    const made = make({ condition: 'c', type, config: settings })
    return made.ok ? 'ok' : made.error.reason
  }
  it('knows its kinds, and refuses others and wrong settings by a reason', () => {
    expect(reasonOf('posture', config)).toBe('ok')
    expect(reasonOf('moon', {})).toBe('condition.type')
    expect(reasonOf('posture', {})).toBe('condition.config')
  })
})

describe('what a posture fact comes to by itself', () => {
  const made = CONDITIONS.get('posture')?.make(config, ports)
  const next = (known?: ReturnType<typeof fact>) =>
    made?.ok ? made.value.changes?.({ now: NOW, reported: () => known }) : 'refused'
  it('is stale a moment after its age, and nothing more', () => {
    expect(next(fact('clean', NOW - 30_000))).toBe(NOW + 570_001)
    expect(judge({ ...fact('clean', NOW - 600_000) })).toMatchObject({ state: 'holds' })
    expect(judge({ ...fact('clean', NOW - 600_001) })).toMatchObject({ state: 'stale' })
    expect([next(undefined), next(fact('clean', NOW - 9_000_000))]).toEqual([undefined, undefined])
  })
  it('needs its source to speak, and two words of one source exclude each other', () => {
    expect(made?.ok && made.value.source).toBe('scanner')
    const exclude = (other: object) => excludeEachOther(named(config), named({ ...config, ...other }))
    expect([
      exclude({ says: 'infected' }),
      exclude({ within: '1h' }),
      exclude({ source: 'edr', says: 'x' }),
    ]).toEqual([...[true, false, false]])
  })
})
