import { z } from 'zod'
import type { Revision } from '../ids.ts'

/** What a revocation can name. `login` is a sign-in at an identity provider, `key` an instance's DPoP key, `token` one `jti`,
 * `client` an OAuth client by a digest of its id. */
export const LINK_KINDS = [
  'tenant',
  'agent',
  'user',
  'session',
  'delegation',
  'admission',
  'resource',
  'login',
  'key',
  'token',
  'lease',
  'gateway',
  'trust',
  'client',
] as const
export type LinkKind = (typeof LINK_KINDS)[number]

/** `<kind>:<name>`; agents by AgentId, everything else by its name inside its tenant. Carried in tokens as `lin`. */
export type Link = `${LinkKind}:${string}`

export function link(kind: LinkKind, name: string): Link {
  return `${kind}:${name}`
}

export function parseLink(text: string): Link | undefined {
  const at = text.indexOf(':')
  const known = LINK_KINDS.some((kind) => kind === text.slice(0, at))
  return known && text.length > at + 1 ? (text as Link) : undefined
}

/**
 * An immediate end. The revision of the change that wrote it is its revoked-at revision; a chain with a lower `rev` is over.
 * `standing` also refuses everything newer until it is lifted: a stopped agent can't come back with a fresh token.
 */
export const revocationSchema = z.strictObject({
  revocation: z.string().refine((text) => parseLink(text) !== undefined, {
    error: 'a link is kind:name, such as agent:acme/pipeline',
  }),
  standing: z.boolean(),
  reason: z.string().max(200),
})

export type Revocation = { readonly at: Revision; readonly standing: boolean; readonly reason: string }

/** The first link that ended this chain, if any. A link without a revocation is good. */
export function endedBy(
  links: readonly Link[],
  rev: Revision,
  revocations: ReadonlyMap<Link, Revocation>,
): { readonly link: Link; readonly revoked: Revocation } | undefined {
  if (revocations.size === 0) return undefined
  for (const each of links) {
    const revoked = revocations.get(each)
    if (revoked && (revoked.standing || rev < revoked.at)) return { link: each, revoked }
  }
  return undefined
}
