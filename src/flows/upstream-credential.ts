import type { Credential } from '../core/credential/credential.ts'
import type { UpstreamChallenge } from '../core/credential/upstream-challenge.ts'
import type { CredentialAsk, EnforcementPoint } from '../core/enforcement.ts'
import type { User } from '../core/identity/user.ts'
import type { Revision, TenantName, UserId } from '../core/ids.ts'
import { endedBy, type Link, link } from '../core/lifecycle/revocation.ts'
import type { Json } from '../core/policy/access-request.ts'
import type { Allow } from '../core/policy/decision.ts'
import { isSink, raises } from '../core/policy/label.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { reveal } from '../core/secret.ts'
import type { KnownResource } from '../core/snapshot.ts'
import { createLru, type Lru } from '../lib/lru.ts'
import type { GatewayCaller } from './authenticate-at-gateway.ts'
import type { Enforcement } from './enforcement.ts'

/** A leased credential in memory, with everything that it stands on: once any of it changes it isn't used again. */
type Held = {
  readonly tenant: TenantName
  readonly resource: string
  readonly credential: Credential
  readonly links: readonly Link[]
  readonly rev: Revision
  readonly known: KnownResource | undefined
  readonly user: User | undefined
  readonly userId: UserId | undefined
}

export type HeldCredentials = {
  get(key: string): Held | undefined
  set(key: string, held: Held): void
  delete(key: string): void
  /** Asks that are on their way, so that a burst of one session asks once. */
  readonly asking: Map<string, Promise<Result<Held, Refusal>>>
  /** What servers behind said to a credential since; told with the next ask. */
  readonly challenges: Lru<string, UpstreamChallenge>
  close(): void
}

const MAX_HELD = 10_000
/** A credential that ends while the request travels helps nobody. */
const SPARE_MS = 2000

/** Lets go of credentials as soon as they are revoked or past their end, not only when they are next looked for. */
export function createHeldCredentials(point: EnforcementPoint): HeldCredentials {
  const all = new Map<string, Held>()
  const purge = () => {
    for (const [key, held] of all) if (!isGood(point, held)) all.delete(key)
  }
  const stop = point.onChange(purge)
  const timer = setInterval(purge, 10_000)
  timer.unref()
  return {
    asking: new Map(),
    challenges: createLru(MAX_HELD),
    get(key) {
      const held = all.get(key)
      return held && isGood(point, held) ? held : undefined
    },
    set(key, held) {
      all.delete(key)
      const [oldest] = all.size >= MAX_HELD ? all.keys() : []
      if (oldest !== undefined) all.delete(oldest)
      all.set(key, held)
    },
    delete: (key) => void all.delete(key),
    close() {
      stop()
      clearInterval(timer)
      all.clear()
    },
  }
}

function isGood(point: EnforcementPoint, held: Held): boolean {
  const view = point.snapshot().tenants.get(held.tenant)
  if (view === undefined || held.credential.expires * 1000 - SPARE_MS <= point.now()) return false
  // Documents that didn't change are the same objects; one that did may have meant another credential.
  const user = held.userId === undefined ? undefined : view.users.get(held.userId)
  if (view.resources.get(held.resource) !== held.known || user !== held.user) return false
  return endedBy(held.links, held.rev, view.revocations) === undefined
}

/** The call that a credential is for; without it the credential is for entering. */
export type CalledTool = { readonly tool: string; readonly input: Json }

/** The credential that this very session holds for the server behind, where one may be used for several calls. */
export function heldCredential(
  { held }: Enforcement,
  caller: GatewayCaller,
  called?: CalledTool,
): Credential | undefined {
  const { resource } = caller.target
  if (resource.credential === undefined || (caller.access.once && called !== undefined)) return undefined
  return held.get(keyOf(caller))?.credential
}

/**
 * The credential for the server behind (ARCHITECTURE §2.1): one that this very session holds, or a new one, for which the authority
 * decides again. Nothing where the resource needs none. A single-use token is spent on the way, at the authority, exactly once: with
 * the new credential, or by itself. Needs an Allow, so nothing is asked for what was refused.
 */
export async function upstreamCredential(
  enforcement: Enforcement,
  caller: GatewayCaller,
  allow: Allow,
  called?: CalledTool,
): Promise<Result<Credential | undefined, Refusal>> {
  const { point, held } = enforcement
  const ask = askOf(enforcement, caller, allow, called)
  const needed = caller.target.resource.credential !== undefined
  if (caller.access.once && called !== undefined) {
    if (needed) return credentialOf(await lease(point, caller, ask))
    if (isGuarded(caller)) return err(UNGUARDED)
    const spent = await point.spend(ask)
    return spent.ok ? ok(undefined) : spent
  }
  if (!needed) return isGuarded(caller) ? err(UNGUARDED) : ok(undefined)
  // Another gateway may have let the session's label rise a moment ago: only the authority knows, so it is asked for each call, and
  // nothing is held.
  if (isSink(caller.target.resource)) return credentialOf(await lease(point, caller, ask))
  const before = heldCredential(enforcement, caller, called)
  if (before) return ok(before)
  const key = keyOf(caller)
  const asked = held.asking.get(key)
  const shared = asked && (await asked.catch(() => undefined))
  if (shared?.ok) return ok(shared.value.credential)
  return credentialOf(await leaseAndHold(enforcement, caller, key, ask))
}

/** Labels are kept at the authority, which is asked only where there is a credential to lease. */
function isGuarded({ target: { resource } }: GatewayCaller): boolean {
  return raises(resource) || isSink(resource)
}

const UNGUARDED = refuse(
  'denied',
  'lease.no_provider',
  'A resource with a label or a clearance needs a credential provider; its operator must add one.',
)

/** Not to be used again: the server behind didn't take it. What it said goes with the next ask for the same tool. */
export function dropCredential(
  { held }: Enforcement,
  caller: GatewayCaller,
  challenge?: UpstreamChallenge,
  called?: CalledTool,
): void {
  held.delete(keyOf(caller))
  if (challenge) held.challenges.set(challengeKey(caller, called), challenge)
}

/** Of this tool alone: another may need less. */
function challengeKey(caller: GatewayCaller, called: CalledTool | undefined): string {
  return JSON.stringify([keyOf(caller), called?.tool ?? null])
}

/** Its one header field. Only a header can be placed on a request. */
export function placeCredential(credential: Credential | undefined): Readonly<Record<string, string>> {
  if (credential?.placement.kind !== 'header') return {}
  const { name, prefix } = credential.placement
  return { [name.toLowerCase()]: `${prefix}${reveal(credential.secret)}` }
}

function credentialOf(leased: Result<Held, Refusal>): Result<Credential, Refusal> {
  return leased.ok ? ok(leased.value.credential) : leased
}

/** One tenant, one run of one chain, one key: nobody else's credential can be found under it. */
function keyOf({ target, access: { chain } }: GatewayCaller): string {
  return [
    target.tenant,
    target.resource.resource,
    chain.session,
    ...chain.actors,
    chain.user ?? '',
    chain.jkt ?? '',
  ].join(' ')
}

async function leaseAndHold(
  { point, held }: Enforcement,
  caller: GatewayCaller,
  key: string,
  ask: CredentialAsk,
): Promise<Result<Held, Refusal>> {
  const asking = lease(point, caller, ask)
  held.asking.set(key, asking)
  try {
    const leased = await asking
    if (leased.ok && !caller.access.once) held.set(key, leased.value)
    return leased
  } finally {
    if (held.asking.get(key) === asking) held.asking.delete(key)
  }
}

async function lease(
  point: EnforcementPoint,
  { target, access: { chain } }: GatewayCaller,
  ask: CredentialAsk,
): Promise<Result<Held, Refusal>> {
  const { tenant, resource, view } = target
  const leased = await point.credential(ask)
  if (!leased.ok) return err(leased.error)
  return ok({
    tenant,
    resource: resource.resource,
    credential: leased.value.credential,
    links: [...chain.links, link('lease', leased.value.lease)],
    rev: chain.rev,
    known: view.resources.get(resource.resource),
    user: chain.user && view.users.get(chain.user),
    userId: chain.user,
  })
}

function askOf(
  { held }: Enforcement,
  caller: GatewayCaller,
  allow: Allow,
  called?: CalledTool,
): CredentialAsk {
  const { target, presented, address } = caller
  const { tenant, resource } = target
  const about = challengeKey(caller, called)
  const challenge = held.challenges.get(about)
  // Told once: what was said of it may be over by the next time.
  if (challenge) held.challenges.delete(about)
  const said = challenge === undefined ? {} : { challenge }
  const ask = { tenant, resource: resource.resource, decision: allow.id, presented, address, ...said }
  return called === undefined ? ask : { ...ask, ...called }
}
