import type { z } from 'zod'
import type { Attestation } from '../core/identity/attestation.ts'
import type { TrustProvider } from '../core/identity/trust-provider.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { parseJws, type UnverifiedJws } from '../lib/jose/jws.ts'
import { type Claims, unverifiedClaims } from '../lib/jose/jwt.ts'
import type { Attestor, Ports } from './contract.ts'
import { jwtSpiffe } from './jwt-spiffe/attestor.ts'
import { oauthClient } from './oauth-client/attestor.ts'
import { oidcToken } from './oidc-token/attestor.ts'
import { privateKeyJwt } from './private-key-jwt/attestor.ts'

/** An attestor whose settings are read and held inside, so that all kinds fit in one list. */
export type Registered = {
  readonly name: string
  /** For `apply`: the strict schema of what stands beside `trust` and `attestor`. */
  readonly trust: z.ZodType
  concerns(claims: Claims, provider: TrustProvider): boolean
  attest(
    token: UnverifiedJws,
    compact: string,
    provider: TrustProvider,
    ports: Ports,
  ): Promise<Result<Attestation, Refusal>>
}

export const ATTESTORS: ReadonlyMap<string, Registered> = new Map(
  [register(oidcToken), register(jwtSpiffe), register(privateKeyJwt), register(oauthClient)].map((entry) => [
    entry.name,
    entry,
  ]),
)

function register<Trust>(attestor: Attestor<Trust>): Registered {
  // Read once for each document: a revision that leaves a provider alone keeps its object.
  const settings = new WeakMap<TrustProvider, { readonly value: Trust | undefined }>()
  const read = (provider: TrustProvider): Trust | undefined => {
    const held = settings.get(provider)
    if (held) return held.value
    const parsed = attestor.trust.safeParse(settingsOf(provider))
    const value = parsed.success ? parsed.data : undefined
    settings.set(provider, { value })
    return value
  }
  return {
    name: attestor.name,
    trust: attestor.trust,
    concerns: (claims, provider) => {
      const trust = read(provider)
      return trust !== undefined && attestor.concerns(claims, trust)
    },
    attest: async (token, compact, provider, ports) => {
      const trust = read(provider)
      if (trust === undefined) {
        return err(refuse('denied', 'trust.invalid', 'The settings of the trust provider are not valid.'))
      }
      const result = await attestor.attest(token, compact, trust, ports)
      return result.ok ? ok(named(result.value, provider)) : result
    },
  }
}

/** What the attestor itself reads: the document without the two keys that every trust provider has. */
export function settingsOf(provider: TrustProvider): Readonly<Record<string, unknown>> {
  const { trust: _trust, attestor: _attestor, ...settings } = provider
  return settings
}

/** An agent says which provider must have proven it: equal facts from another provider are not the same. */
function named(attestation: Attestation, provider: TrustProvider): Attestation {
  return { ...attestation, selectors: [`trust:${provider.trust}`, ...attestation.selectors] }
}

/**
 * Attests a workload token by whichever of a tenant's providers it concerns. Two providers that both take it would
 * make the answer depend on their order, so that is refused; with none, the last one's reason is given.
 */
export async function attestToken(
  compact: string,
  providers: Iterable<TrustProvider>,
  portsOf: (provider: TrustProvider) => Ports,
): Promise<Result<Attestation, Refusal>> {
  const token = parseJws(compact)
  if (!token.ok) return token
  const claims = unverifiedClaims(token.value)
  if (!claims.ok) return claims
  let taken: Result<Attestation, Refusal> | undefined
  let refused: Result<Attestation, Refusal> | undefined
  for (const provider of providers) {
    const attestor = ATTESTORS.get(provider.attestor)
    if (!attestor?.concerns(claims.value, provider)) continue
    const result = await attestor.attest(token.value, compact, provider, portsOf(provider))
    if (!result.ok) refused = result
    else if (taken) {
      return err(
        refuse('unauthenticated', 'evidence.two_providers', 'Two trust providers both take the token.'),
      )
    } else taken = result
  }
  return (
    taken ??
    refused ??
    err(refuse('unauthenticated', 'evidence.untrusted', 'No trust provider knows the issuer.'))
  )
}
