import { type Refusal, refuse } from '../../core/refusal.ts'
import type { Json } from '../../lib/strict-json.ts'
import { issuerClaims, type NamedClaims } from './claims.ts'
import type { Preset, Rule } from './preset.ts'
import type { OidcTrust } from './trust.ts'

/** The first reason why a verified token is not evidence of a workload of this provider; undefined when there is none. */
export function refusalOf(preset: Preset, trust: OidcTrust, claims: NamedClaims): Refusal | undefined {
  return (
    missing(preset, claims) ??
    issuerDiffers(preset, trust, claims) ??
    pinned(trust, claims) ??
    pitfall(preset, trust, claims)
  )
}

function missing(preset: Preset, claims: NamedClaims): Refusal | undefined {
  const absent = preset.needs.find((name) => !claims.has(name))
  if (absent === undefined) return undefined
  return refuse('unauthenticated', 'evidence.claim_missing', `The token has no ${absent}.`, { claim: absent })
}

/** A token whose claim contradicts the issuer that signed it, such as another Azure directory. */
function issuerDiffers(preset: Preset, trust: OidcTrust, claims: NamedClaims): Refusal | undefined {
  for (const [name, value] of issuerClaims(preset, trust.issuer)) {
    if (claims.get(name) !== value) {
      return refuse(
        'unauthenticated',
        'evidence.issuer_mismatch',
        `The token's ${name} is not its issuer's.`,
        {
          claim: name,
        },
      )
    }
  }
  return undefined
}

function pinned(trust: OidcTrust, claims: NamedClaims): Refusal | undefined {
  for (const [name, expected] of Object.entries(trust.pin)) {
    const stated = claims.get(name)
    if (typeof stated !== 'string' || ![expected].flat().includes(stated)) {
      return refuse('unauthenticated', 'evidence.pin', `The token's ${name} is not one that is pinned.`, {
        claim: name,
      })
    }
  }
  return undefined
}

function pitfall(preset: Preset, trust: OidcTrust, claims: NamedClaims): Refusal | undefined {
  const broken = preset.rules.find((rule) => !holds(rule, trust, claims.get(rule.claim)))
  return broken && refuse('unauthenticated', broken.reason, broken.says, { claim: broken.claim })
}

function holds(rule: Rule, trust: OidcTrust, stated: Json | undefined): boolean {
  if (stated === undefined) return rule.optional === true
  const accepted: readonly Json[] = [...rule.only, ...(trust.accepts[rule.claim] ?? [])]
  return accepted.includes(stated)
}
