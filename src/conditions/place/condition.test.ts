import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { epochMillis } from '../../core/time.ts'
import { CONDITIONS, excludeEachOther } from '../registry.ts'
import { countriesIn } from './countries.ts'

const mmdb = createRequire(import.meta.url).resolve(
  '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb',
)
const ports = { country: countriesIn(readFileSync(mmdb)) }
function from(config: object, address?: string) {
  const made = CONDITIONS.get('place')?.make(config, ports)
  if (!made?.ok) throw new Error('the settings were refused')
  const facts = { now: epochMillis(0), reported: () => undefined }
  return made.value(address === undefined ? facts : { ...facts, address })
}
const named = (settings: object) => ({
  condition: 'any',
  type: 'place',
  config: settings as Record<string, never>,
})

describe('place', () => {
  const office = { networks: ['10.0.0.0/8', '2001:db8::/32'] }
  const here = { countries: ['US'] }
  it.each([
    ['an address in a network', office, '10.1.2.3', 'holds'],
    ['the same written inside IPv6', office, '::ffff:10.1.2.3', 'holds'],
    ['an IPv6 address in a network', office, '2001:db8::7', 'holds'],
    ['an address elsewhere', office, '11.0.0.1', 'fails'],
    ['an IPv6 address elsewhere', office, 'fe80::1', 'fails'],
    ['an address in the country', here, '8.8.8.8', 'holds'],
    ['an address in another country', here, '2a00:1450::1', 'fails'],
    ['a private address, whose country nobody knows', here, '192.168.0.1', 'missing'],
    ['a loopback address', here, '127.0.0.1', 'missing'],
    ['a private address in a listed network, besides countries', { ...here, ...office }, '10.1.2.3', 'holds'],
    ['no address', here, undefined, 'missing'],
    ['no address, with networks', office, undefined, 'missing'],
    ['something that is no address', office, '10.1', 'missing'],
    ['an address with octal digits', office, '010.1.2.3', 'missing'],
  ])('%s', (_name, config, address, state) => {
    expect(from(config, address).state).toBe(state)
  })

  it('says where from', () => {
    expect(from({ countries: ['DE'] }, '8.8.8.8')).toMatchObject({ fact: 'it comes from 8.8.8.8 in US' })
  })

  it.each([
    ['nothing at all', {}],
    ['a country in words', { countries: ['Germany'] }],
    ['a network without a prefix', { networks: ['10.0.0.0'] }],
    ['a prefix that is too long', { networks: ['10.0.0.0/33'] }],
    ['a host that means a network', { networks: ['10.0.0.1/8'] }],
    ['an unknown key', { regions: ['EU'] }],
  ])('refuses %s', (_name, config) => {
    expect(CONDITIONS.get('place')?.make(config, ports).ok).toBe(false)
  })
})

describe('two places', () => {
  const exclude = (one: object, other: object) => excludeEachOther(named(one), named(other))
  it.each([
    [
      'of networks apart exclude each other',
      { networks: ['10.0.0.0/8'] },
      { networks: ['192.168.0.0/16', '::1/128'] },
      true,
    ],
    [
      'of which one is in the other do not',
      { networks: ['10.0.0.0/8'] },
      { networks: ['10.1.0.0/16'] },
      false,
    ],
    ['of a country say nothing', { networks: ['10.0.0.0/8'] }, { countries: ['DE'] }, false],
  ])('%s', (_name, one, other, excluded) => {
    expect(exclude(one, other)).toBe(excluded)
  })
})
