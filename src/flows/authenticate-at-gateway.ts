import type { Presented } from '../core/enforcement.ts'
import { issuerOf } from '../core/identity/tenant.ts'
import { type TenantName, tenantName } from '../core/ids.ts'
import { isSink } from '../core/policy/label.ts'
import { type Resource, resourceUri } from '../core/policy/resource.ts'
import { type Refusal, Unavailable } from '../core/refusal.ts'
import type { Result } from '../core/result.ts'
import type { TenantSnapshot } from '../core/snapshot.ts'
import { parseDuration, toSeconds } from '../core/time.ts'
import type { Enforcement } from './enforcement.ts'
import { refusedTokenEvent } from './refused-token.ts'
import { type VerifiedAccess, verifyAccessToken } from './verify-access-token.ts'

export type McpResource = Extract<Resource, { readonly type: 'mcp' }>

/** A resource that this gateway serves, found by the path of a request. */
export type Target = {
  readonly tenant: TenantName
  readonly view: TenantSnapshot
  readonly resource: McpResource
  /** Its canonical URI: the token's `aud`, and what a proof must be for. Made from configuration. */
  readonly uri: string
  readonly issuer: string
}

/** Who is calling: proven, and not judged yet. */
export type GatewayCaller = {
  readonly target: Target
  readonly access: VerifiedAccess
  readonly presented: Presented
  readonly address: string
}

/** What came with the request. */
export type Knock = {
  readonly method: string
  readonly authorization: readonly string[]
  readonly dpop: readonly string[]
  readonly address: string
}

/** Nothing, whether the tenant isn't there, the resource isn't, or this gateway isn't listed for it: they must look the same. */
export function findTarget({ point }: Enforcement, tenant: string, name: string): Target | undefined {
  const known = tenantName(tenant)
  if (known === undefined || !point.serves(known, name)) return undefined
  const view = point.snapshot().tenants.get(known)
  const resource = view?.resources.get(name)?.resource
  if (view === undefined || resource?.type !== 'mcp') return undefined
  const uri = resourceUri(point.origin, known, resource)
  return { tenant: known, view, resource, uri, issuer: issuerOf(point.authorityOrigin, known) }
}

/** The one MCP server that this gateway serves; undefined when there are several, or none. */
export function onlyTarget(enforcement: Enforcement): Target | undefined {
  let only: Target | undefined
  for (const [tenant, view] of enforcement.point.snapshot().tenants) {
    for (const name of view.resources.keys()) {
      const found = findTarget(enforcement, tenant, name)
      if (found && only) return undefined
      only = found ?? only
    }
  }
  return only
}

/**
 * Verifies the caller's access token and proof for exactly this resource. Throws `Unavailable` (`gateway.stale`) when this gateway's
 * view is too old to say: a revocation may have been missed, and so may a new key.
 */
export async function authenticateAtGateway(
  enforcement: Enforcement,
  target: Target,
  knock: Knock,
): Promise<Result<GatewayCaller, Refusal>> {
  const { point } = enforcement
  const { method, authorization, dpop, address } = knock
  const presented = { method, authorization, dpop, url: target.uri }
  const expected = { issuer: target.issuer, audience: target.uri }
  const now = toSeconds(point.now())
  const access = verifyAccessToken(presented, expected, target.view, now, enforcement.access)
  if (!access.ok) {
    const stale = staleFor(enforcement, target, 'read')
    if (stale) throw stale
    await recordRefused(enforcement, target, authorization[0], access.error)
    return access
  }
  const [proof] = dpop
  const forwarded = { method, url: target.uri, authorization: authorization[0] ?? '' }
  return {
    ok: true,
    value: {
      target,
      access: access.value,
      address,
      presented: proof === undefined || access.value.bearer ? forwarded : { ...forwarded, dpop: proof },
    },
  }
}

/**
 * ARCHITECTURE §9: what the resource says; else 5 s for writes, for confidential data and where not everything may flow, and the
 * tenant's limit for the rest.
 */
export function stalenessMs({ view, resource }: Target, hint: 'read' | 'write'): number {
  if (resource.staleness !== undefined) return milliseconds(resource.staleness)
  const general = milliseconds(view.tenant.staleness)
  const strict = hint === 'write' || resource.labels.includes('confidential') || isSink(resource)
  return strict ? Math.min(general, STRICT_MS) : general
}

const STRICT_MS = 5000

function milliseconds(duration: string): number {
  return (parseDuration(duration) ?? 0) * 1000
}

/** What to throw when the view is older than this use of the resource allows. */
export function staleFor(
  { point }: Enforcement,
  target: Target,
  hint: 'read' | 'write',
): Unavailable | undefined {
  if (point.staleMs() <= stalenessMs(target, hint)) return undefined
  return new Unavailable('gateway.stale', 'this gateway has not heard from its authority for too long')
}

async function recordRefused(
  { point }: Enforcement,
  target: Target,
  authorization: string | undefined,
  refusal: Refusal,
): Promise<void> {
  const { revision } = point.snapshot()
  const shown = { tenant: target.tenant, at: point.now(), revision, resource: target.resource.resource }
  const event = refusedTokenEvent(shown, authorization, refusal)
  if (event) await point.record(event)
}
