import { type Failure, failure, type IpValue } from '../value.ts'

// Cedar's grammar of addresses is that of Rust's `IpAddr`: no octal, no zone, no IPv4 inside IPv6. Libraries here
// (ipaddr.js, node:net) take more than that, and an address read differently is a rule that matches differently.

const OCTET = /^(?:0|[1-9][0-9]{0,2})$/
const GROUP = /^[0-9a-fA-F]{1,4}$/
const PREFIX = /^(?:0|[1-9][0-9]{0,2})$/

/** `ip("10.0.0.0/8")`, `ip("::1")`: an address, or a range with a prefix length. */
export function parseIp(source: string): IpValue | Failure {
  const slash = source.indexOf('/')
  const address = slash < 0 ? source : source.slice(0, slash)
  const found = parseV4(address) ?? parseV6(address)
  if (found === undefined) return wrong(source)
  const bits = width(found.version)
  if (slash < 0) return { kind: 'ipaddr', ...found, prefix: bits }
  const length = source.slice(slash + 1)
  if (!PREFIX.test(length) || Number(length) > bits) return wrong(source)
  return { kind: 'ipaddr', ...found, prefix: Number(length) }
}

type Address = { readonly version: 4 | 6; readonly address: bigint }

function parseV4(source: string): Address | undefined {
  const parts = source.split('.')
  if (parts.length !== 4) return undefined
  let address = 0n
  for (const part of parts) {
    if (!OCTET.test(part) || Number(part) > 255) return undefined
    address = address * 256n + BigInt(part)
  }
  return { version: 4, address }
}

function parseV6(source: string): Address | undefined {
  const halves = source.split('::')
  if (halves.length > 2) return undefined
  const head = groups(halves[0] ?? '')
  const tail = groups(halves[1] ?? '')
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const all = [...head, ...Array<string>(missing).fill('0'), ...tail]
  return { version: 6, address: BigInt(`0x${all.map((group) => group.padStart(4, '0')).join('')}`) }
}

function groups(source: string): string[] | undefined {
  if (source === '') return []
  const parts = source.split(':')
  return parts.every((part) => GROUP.test(part)) ? parts : undefined
}

function width(version: 4 | 6): number {
  return version === 4 ? 32 : 128
}

function wrong(source: string): Failure {
  return failure('extension', `${JSON.stringify(source.slice(0, 60))} is not an IP address or range`)
}

function hostMask(value: IpValue): bigint {
  return (1n << BigInt(width(value.version) - value.prefix)) - 1n
}

/** Whether the whole of `inner` lies in `outer`; never across versions. */
export function isInRange(inner: IpValue, outer: IpValue): boolean {
  if (inner.version !== outer.version) return false
  const innerHosts = hostMask(inner)
  const outerHosts = hostMask(outer)
  const from = inner.address & ~innerHosts
  const to = inner.address | innerHosts
  return (outer.address & ~outerHosts) <= from && to <= (outer.address | outerHosts)
}

/** 127.0.0.0/8 or ::1, as a whole range. */
export function isLoopback(value: IpValue): boolean {
  if (value.version === 4) return value.address >> 24n === 127n && value.prefix >= 8
  return value.address === 1n && value.prefix === 128
}

/** 224.0.0.0/4 or ff00::/8, as a whole range. */
export function isMulticast(value: IpValue): boolean {
  if (value.version === 4) return value.address >> 28n === 0xen && value.prefix >= 4
  return value.address >> 120n === 0xffn && value.prefix >= 8
}

/** The address as it is usually written, with its prefix only where it is a range. */
export function showIp(value: IpValue): string {
  const range = value.prefix === width(value.version) ? '' : `/${value.prefix}`
  return (value.version === 4 ? showV4(value.address) : showV6(value.address)) + range
}

function showV4(address: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((address >> shift) & 255n)).join('.')
}

function showV6(address: bigint): string {
  const digits = address.toString(16).padStart(32, '0')
  const parts = digits.match(/.{4}/g) ?? []
  return parts.map((part) => part.replace(/^0{1,3}/, '')).join(':')
}
