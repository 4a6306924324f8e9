/** A SPIFFE ID in its parts (SPIFFE-ID §2). */
export type SpiffeId = { readonly id: string; readonly trustDomain: string; readonly path: string }

const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/
const SEGMENT = /^[a-zA-Z0-9._-]+$/

export function isTrustDomain(text: string): boolean {
  return TRUST_DOMAIN.test(text)
}

/**
 * Reads a workload's id. Stricter than a URL: no port, login, query, fragment or percent sign, no empty or dot
 * segment, no trailing slash; scheme and trust domain in lower case, so that one workload has one spelling.
 */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  if (text.length > 2048 || !text.startsWith('spiffe://')) return undefined
  const [trustDomain = '', ...segments] = text.slice('spiffe://'.length).split('/')
  const sound = segments.every((segment) => SEGMENT.test(segment) && segment !== '.' && segment !== '..')
  if (!isTrustDomain(trustDomain) || segments.length === 0 || !sound) return undefined
  return { id: text, trustDomain, path: `/${segments.join('/')}` }
}
