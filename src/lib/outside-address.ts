import { lookup } from 'node:dns/promises'
import ipaddr from 'ipaddr.js'

export type Address = { readonly address: string; readonly family: 4 | 6 }
/** Every address of a host name. */
export type Resolve = (host: string) => Promise<readonly Address[]>

export const resolveByDns: Resolve = async (host) => {
  const found = await lookup(host, { all: true, verbatim: true })
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }))
}

/**
 * Whether an address is one of the open internet: not private, loopback, link-local (cloud metadata), shared,
 * documentation, multicast, or a form that carries another address inside (IANA special-purpose registries).
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  return ipaddr.process(address).range() === 'unicast'
}

/** The host of a URL when it is an address itself; the URL parser has already read forms such as 0x7f.1. */
export function literalAddress(url: URL): Address | undefined {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (!ipaddr.isValid(host)) return undefined
  return { address: host, family: ipaddr.parse(host).kind() === 'ipv6' ? 6 : 4 }
}

/** `host:port` of a URL, the form in which an operator lists what may be reached. */
export function hostAndPort(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === 'http:' ? '80' : '443')}`
}
