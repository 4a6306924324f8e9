import { type Attestation, matchAgent } from '../core/identity/attestation.ts'
import { type Link, link } from '../core/lifecycle/revocation.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { TenantSnapshot } from '../core/snapshot.ts'
import type { EpochSeconds } from '../core/time.ts'
import { verifyDpop } from '../lib/jose/dpop.ts'
import type { AuthorityView } from './authority.ts'
import { recall, remember, tokenKey } from './authority-memory.ts'
import { type Caller, callerStands, candidates, mustBeBound, type Workload, workloadLink } from './caller.ts'
import type { Wire } from './token-ask.ts'

/**
 * Evidence → the one registered workload it proves, at its home. Evidence that can be shown again is bound on first use to the
 * key of the instance that shows it; a bearer's copy of it is then worth nothing. `key` is the evidence's `tokenKey`.
 */
export async function attestAgent(
  view: AuthorityView,
  evidence: string,
  jkt: string | undefined,
  signal: Wire['signal'],
  key = tokenKey(view.name, evidence),
): Promise<Result<Caller, Refusal>> {
  const attested = await attest(view, { compact: evidence, key }, signal)
  if (!attested.ok) return attested
  const caller = judged(view, attested.value, jkt)
  if (!caller.ok) return caller
  if (jkt !== undefined && !isBound(view, attested.value, jkt))
    await bind(view, attested.value, caller.value, jkt)
  return caller
}

/** The same of evidence that this process has attested, and bound, before: at once. Undefined when that is not so. */
export function attestedBefore(
  view: AuthorityView,
  key: string,
  jkt: string | undefined,
): Result<Caller, Refusal> | undefined {
  const attested = recall(view.ports.memory.attestations, key, view.tenant.trusts, view.now)
  if (!attested || (jkt !== undefined && !isBound(view, attested, jkt))) return undefined
  return judged(view, attested, jkt)
}

/** Everything but the evidence itself, which is judged each time. */
function judged(
  view: AuthorityView,
  attestation: Attestation,
  jkt: string | undefined,
): Result<Caller, Refusal> {
  if (attestation.expires <= view.now) return err(EXPIRED)
  const matched = match(view, attestation)
  if (!matched.ok) return matched
  const caller = callerOf(view, attestation, matched.value, jkt)
  if (jkt === undefined && mustBeBound(caller.workload, caller.proof)) return err(PROOF_REQUIRED)
  // Before anything is bound: a key that was ended must not move the binding back to itself.
  const fallen = callerStands(view, caller)
  return fallen ? err(fallen) : ok(caller)
}

export const PROOF_REQUIRED = refuse(
  'unauthenticated',
  'dpop.missing',
  'A DPoP proof is required (RFC 9449).',
)

/** The leeway for a foreign clock may let evidence in; a token that derives from it would have ended already. */
const EXPIRED = refuse('stale', 'evidence.expired', 'The evidence has expired; show a newer one.')

/** The thumbprint of the key that made the request's proof; undefined when it brings none. */
export function proofKey(view: AuthorityView, wire: Wire): Result<string | undefined, Refusal> {
  if (wire.dpop.length === 0) return ok(undefined)
  const { dpop: proofs, method, url } = wire
  const proof = verifyDpop({ proofs, method, url, now: view.now, replay: view.ports.replay })
  return proof.ok ? ok(proof.value.jkt) : proof
}

async function attest(
  view: AuthorityView,
  { compact, key }: { readonly compact: string; readonly key: string },
  signal: Wire['signal'],
): Promise<Result<Attestation, Refusal>> {
  const { attestations } = view.ports.memory
  const before = recall(attestations, key, view.tenant.trusts, view.now)
  if (before) return ok(before)
  const attested = await view.ports.attest(view.tenant, compact, view.now, signal)
  if (!attested.ok) return attested
  if (attested.value.reusable) remember(attestations, key, view.tenant.trusts, view.now, attested.value)
  return attested
}

const matches = new WeakMap<Attestation, { readonly tenant: TenantSnapshot; readonly workload: Workload }>()

/** The match is remembered with the attestation while the tenant stays the same. */
function match(view: AuthorityView, attestation: Attestation): Result<Workload, Refusal> {
  const before = matches.get(attestation)
  if (before?.tenant === view.tenant) return ok(before.workload)
  const found = matchAgent(attestation, candidates(view.tenant, view.name))
  if (found.ok) matches.set(attestation, { tenant: view.tenant, workload: found.value })
  return found
}

function callerOf(
  view: AuthorityView,
  attestation: Attestation,
  workload: Workload,
  jkt: string | undefined,
): Caller {
  const links: Link[] = [workloadLink(workload)]
  const trust = attestation.selectors.find((selector) => selector.startsWith('trust:'))
  if (trust) links.push(link('trust', trust.slice('trust:'.length)))
  if (jkt !== undefined) links.push(link('key', jkt))
  const base = {
    workload,
    proof: attestation.proof,
    links,
    rev: view.snapshot.revision,
    expires: attestation.expires,
  }
  return jkt === undefined ? base : { ...base, jkt }
}

/** Whether nothing is left to bind: what was spent when it was shown can't be shown again. */
function isBound(view: AuthorityView, attestation: Attestation, jkt: string): boolean {
  return !attestation.reusable || view.ports.memory.bindings.get(bindingKey(view, attestation)) === jkt
}

function bindingKey(view: AuthorityView, attestation: Attestation): string {
  return `${view.name} ${attestation.instance}`
}

async function bind(
  view: AuthorityView,
  attestation: Attestation,
  caller: Caller,
  jkt: string,
): Promise<void> {
  const { previous } = await view.ports.store.bindEvidence(
    view.name,
    attestation.instance,
    jkt,
    bindingEnd(attestation),
  )
  if (previous !== undefined && previous !== jkt) await endOldKey(view, caller, previous)
  view.ports.memory.bindings.set(bindingKey(view, attestation), jkt)
}

/** An instance lives longer than one of its tokens; a day after the last one nothing of it is left to protect. */
function bindingEnd(attestation: Attestation): EpochSeconds {
  return (attestation.expires + 86_400) as EpochSeconds
}

/** A restarted instance has a new key, and so has a thief: the old key's sessions end, and somebody is told. */
async function endOldKey(view: AuthorityView, caller: Caller, previous: string): Promise<void> {
  const revocation = link('key', previous)
  const agent = caller.workload.kind === 'agent' ? { agent: caller.workload.id } : {}
  const reason = 'evidence.rebound'
  await view.ports.store.commit({
    events: [
      {
        tenant: view.name,
        at: view.at,
        kind: 'alarm',
        outcome: 'done',
        reason,
        ...agent,
        facts: { workload: caller.workload.id, ended: revocation },
      },
    ],
    changes: [
      {
        tenant: view.name,
        kind: 'revocation',
        name: revocation,
        doc: { revocation, standing: true, reason: 'its evidence was bound to another key' },
      },
    ],
  })
  await view.ports.refresh()
}
