import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import type { ConditionTest } from '../../core/policy/condition.ts'
import type { ConditionKind } from '../contract.ts'

const network = z.string().refine((text) => parseNetwork(text) !== undefined, {
  error: 'a network is an address and a prefix length, such as 10.0.0.0/8 or 2001:db8::/32',
})

const schema = z
  .strictObject({
    countries: z
      .array(z.string().regex(/^[A-Z]{2}$/, { error: 'a country is two capital letters, such as DE' }))
      .default([]),
    networks: z.array(network).default([]),
  })
  .refine(({ countries, networks }) => countries.length + networks.length > 0, {
    error: 'name at least one country or network',
  })

export type PlaceConfig = z.infer<typeof schema>

/** Holds when the peer's address is in one of the networks or countries. Where it can't be placed, there is no fact. */
export const place: ConditionKind<PlaceConfig> = {
  name: 'place',
  config: schema,
  make: ({ countries, networks }, { country }): ConditionTest => {
    const ranges = networks.flatMap((each) => parseNetwork(each) ?? [])
    const parse = lastParsed()
    return ({ address }) => {
      const peer = address === undefined ? undefined : parse(address)
      if (peer === undefined) return { state: 'missing', fact: 'the address of the caller is not known' }
      const here = (state: 'holds' | 'fails', where: string) =>
        ({ state, fact: `it comes from ${where}`, ageSeconds: 0 }) as const
      if (ranges.some((range) => isWithin(peer, range))) return here('holds', peer.toString())
      if (countries.length === 0) return here('fails', peer.toString())
      const found = peer.range() === 'unicast' ? country(peer.toString()) : undefined
      if (found === undefined)
        return { state: 'missing', fact: `nobody knows the country of ${peer.toString()}` }
      return here(countries.includes(found) ? 'holds' : 'fails', `${peer.toString()} in ${found}`)
    }
  },
  // Where a country is named, which networks are in it is not for us to say.
  excludes: (one, other) => {
    if (one.countries.length + other.countries.length > 0) return false
    return one.networks.every((each) => other.networks.every((another) => !overlap(each, another)))
  },
}

function overlap(one: string, other: string): boolean {
  const [first, second] = [parseNetwork(one), parseNetwork(other)]
  if (first === undefined || second === undefined) return true
  return isWithin(first.base, second) || isWithin(second.base, first)
}

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Network = { readonly base: Address; readonly length: number }

/** IPv4 inside IPv6 (a peer on a socket of both kinds) is read as IPv4. Octal and short forms are refused, not guessed. */
function parseAddress(written: string): Address | undefined {
  const plain = ipaddr.IPv6.isValid(written) || ipaddr.IPv4.isValidFourPartDecimal(written)
  return plain ? ipaddr.process(written) : undefined
}

/** The same caller asks again and again, mostly. */
function lastParsed(): typeof parseAddress {
  let last: { readonly written: string; readonly address: Address | undefined } | undefined
  return (written) => {
    if (last?.written !== written) last = { written, address: parseAddress(written) }
    return last.address
  }
}

/** An address with bits beyond its prefix is a slip of the hand: it names one host and means a network. */
function parseNetwork(written: string): Network | undefined {
  const [base = '', length = '', ...rest] = written.split('/')
  const address = parseAddress(base)
  if (address === undefined || rest.length > 0 || !/^\d{1,3}$/.test(length)) return undefined
  const bits = address.kind() === 'ipv4' ? 32 : 128
  if (Number(length) > bits || !isFirst(address, Number(length))) return undefined
  return { base: address, length: Number(length) }
}

function isFirst(address: Address, length: number): boolean {
  const bits = address.toByteArray().map((byte) => byte.toString(2).padStart(8, '0'))
  return !bits.join('').slice(length).includes('1')
}

function isWithin(address: Address, { base, length }: Network): boolean {
  if (address.kind() === 'ipv4' && base.kind() === 'ipv4')
    return (address as ipaddr.IPv4).match(base as ipaddr.IPv4, length)
  return address.kind() === base.kind() && (address as ipaddr.IPv6).match(base as ipaddr.IPv6, length)
}
