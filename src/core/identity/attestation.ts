import { type Refusal, refuse } from '../refusal.ts'
import { err, ok, type Result } from '../result.ts'
import type { EpochSeconds } from '../time.ts'
import type { Proof, ProvenBy } from './agent.ts'

/** What evidence proved, and until when. Exactly one agent must match it. */
export type Attestation = {
  /** `type:value`, such as `k8s:ns:data`; one of them is `trust:<provider>`. */
  readonly selectors: readonly string[]
  readonly proof: Extract<Proof, 'attested' | 'enrolled'>
  readonly issuedAt: EpochSeconds
  readonly expires: EpochSeconds
  /** Digest that names the running instance, to which evidence that can be shown again is bound on first use. */
  readonly instance: string
  /** Whether the same evidence may be shown again until it ends (a projected token), or was spent (an assertion). */
  readonly reusable: boolean
}

/** The one candidate all of whose `is` entries were proven. None, or several, is a refusal: identity is never a guess. */
export function matchAgent<A extends { readonly is: ProvenBy }>(
  attestation: Pick<Attestation, 'selectors'>,
  candidates: Iterable<A>,
): Result<A, Refusal> {
  const proven = new Set(attestation.selectors)
  const matching: A[] = []
  for (const candidate of candidates) {
    const wanted = Object.entries(candidate.is)
    if (wanted.length > 0 && wanted.every(([type, value]) => proven.has(`${type}:${value}`))) {
      matching.push(candidate)
    }
  }
  const [found] = matching
  if (found === undefined) {
    return err(
      refuse('unauthenticated', 'evidence.no_agent', 'No registered agent is what the evidence proves.'),
    )
  }
  if (matching.length > 1) {
    return err(
      refuse(
        'unauthenticated',
        'evidence.ambiguous',
        'The evidence fits several agents; make their `is` differ.',
      ),
    )
  }
  return ok(found)
}
