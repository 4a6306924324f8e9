import { randomUUID } from 'node:crypto'
import { applyChanges } from '../../src/core/apply-changes.ts'
import type { AuditDraft } from '../../src/core/audit/audit-event.ts'
import type { Credential } from '../../src/core/credential/credential.ts'
import type { CredentialAsk, EnforcementPoint } from '../../src/core/enforcement.ts'
import { accessTokenSchema, chainOf } from '../../src/core/identity/access-token.ts'
import type { PrincipalChain } from '../../src/core/identity/principal-chain.ts'
import type { AgentId, LeaseId, NewId, TenantName, UserId } from '../../src/core/ids.ts'
import { decide } from '../../src/core/policy/decide.ts'
import type { Decision } from '../../src/core/policy/decision.ts'
import { refuse, Unavailable } from '../../src/core/refusal.ts'
import type { Change, DocumentKind } from '../../src/core/registry.ts'
import { err, ok } from '../../src/core/result.ts'
import { Secret } from '../../src/core/secret.ts'
import { emptySnapshot } from '../../src/core/snapshot.ts'
import { epochMillis, epochSeconds } from '../../src/core/time.ts'
import type { AuthorizedGateway } from '../../src/flows/authorize-gateway.ts'
import { type DefinitionPorts, takeDefinitions } from '../../src/flows/take-definitions.ts'
import type { Route } from '../../src/lib/http/route.ts'
import { type HttpServer, serveRoutes } from '../../src/lib/http/server.ts'
import { newSigningKey, type SigningKey } from '../../src/lib/jose/signing-key.ts'
import { change, changesOf, PORTS, type World } from '../properties/decide-world.ts'
import { signAs } from './tenant.ts'
import { fakeTicketKeys } from './ticket-keys.ts'

/** An enforcement point that behaves: real decisions and signatures; what it stands on can be taken away by the test. */
export type FakePoint = EnforcementPoint & {
  readonly events: AuditDraft[]
  readonly asks: CredentialAsk[]
  /** What is broken or odd now. */
  readonly broken: {
    staleMs: number
    journal: boolean
    authority: boolean
    shiftMs: number
    unlisted: string[]
  }
  readonly apply: (...changes: readonly Change[]) => void
  readonly revoke: (tenant: string, link: string, standing?: boolean) => void
  readonly token: (ask: TokenAsk) => string
  readonly key: (tenant: string) => SigningKey
}

export type TokenAsk = {
  readonly tenant: string
  readonly resource?: string
  readonly agent?: AgentId
  readonly user?: UserId
  readonly jkt?: string
  readonly over?: Readonly<Record<string, unknown>>
}

export type FakePlaces = {
  readonly origin: string
  readonly authorityOrigin: string
  /** `aud` of upstream credentials. */
  readonly upstream: string
}

const newId = ((kind: string) =>
  `${kind.slice(0, 3)}_${randomUUID().replaceAll('-', '').slice(0, 16)}`) as NewId

const spent = new Set<string>()
const unbroken = (): FakePoint['broken'] => ({
  staleMs: 0,
  journal: true,
  authority: true,
  shiftMs: 0,
  unlisted: [],
})

export async function fakeEnforcementPoint(
  world: World,
  places: FakePlaces,
  keys = keysFor(world),
): Promise<FakePoint> {
  const broken = unbroken()
  const events: AuditDraft[] = []
  const asks: CredentialAsk[] = []
  const listeners = new Set<() => void>()
  let snapshot = applyChanges(emptySnapshot(), [...(await changesOf(world)), ...keyChanges(keys)], PORTS)
  const apply = (...changes: readonly Change[]) => {
    snapshot = applyChanges(snapshot, changes, PORTS)
    for (const listener of listeners) listener()
  }
  const now = () => epochMillis(Date.now() + broken.shiftMs)
  const key = (tenant: string) => keys.get(tenant) ?? newSigningKey()
  /** The authority decides again, from the caller's own token. */
  const judged = (ask: CredentialAsk) => {
    asks.push(ask)
    if (!broken.authority) throw new Unavailable('authority.unreachable', 'the test took the authority away')
    const claims = claimsIn(ask.presented.authorization)
    const chain = chainOf(ask.tenant, claims)
    const { decision: id, tenant, resource, tool, input = {} } = ask
    const act = tool === undefined ? ({ kind: 'enter' } as const) : ({ kind: 'call', tool, input } as const)
    const decision: Decision = decide({ id, tenant, chain, resource, act }, snapshot, now())
    return { decision, claims, chain }
  }
  const spend = (
    ask: CredentialAsk,
    claims: { readonly jti: string; readonly once?: boolean | undefined },
  ) => {
    if (!claims.once || ask.tool === undefined) return undefined
    if (spent.has(claims.jti))
      return refuse('stale', 'token.spent', 'This token was good for one use, and was used.')
    spent.add(claims.jti)
    return undefined
  }
  return {
    gateway: 'gw-1',
    origin: places.origin,
    authorityOrigin: places.authorityOrigin,
    now,
    newId,
    snapshot: () => snapshot,
    staleMs: () => broken.staleMs,
    serves: (tenant, resource) =>
      [tenant, `${tenant}/${resource}`].every((name) => !broken.unlisted.includes(name)),
    ticketKeys: (tenant) => fakeTicketKeys(tenant, now()),
    record: async (draft) => {
      if (!broken.journal) throw new Unavailable('journal.full', 'the test took the journal away')
      events.push(draft)
    },
    credential: async (ask) => {
      const { decision, claims, chain } = judged(ask)
      if (decision.outcome !== 'allow') return err(decision.refusal)
      const refused = spend(ask, claims)
      if (refused) return err(refused)
      const customer =
        chain.user && snapshot.tenants.get(ask.tenant)?.users.get(chain.user)?.attributes['customer_id']
      const lease = newId('lease') as LeaseId
      const credential = upstreamToken(places, key(ask.tenant), { chain, customer, lease, now: now() })
      return ok({ lease, credential })
    },
    spend: async (ask) => {
      const { decision, claims } = judged(ask)
      const refused = decision.outcome === 'allow' ? spend(ask, claims) : decision.refusal
      return refused ? err(refused) : ok(undefined)
    },
    definitions: keepsDefinitions(world, { broken, events, apply, now, snapshot: () => snapshot }),
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    events,
    asks,
    broken,
    apply,
    revoke: (tenant, link, standing = false) =>
      apply(
        change(tenant, 'revocation' as DocumentKind, link, { revocation: link, standing, reason: 'test' }),
      ),
    token: (ask) => mint(ask, places, key(ask.tenant), snapshot.revision, Math.floor(now() / 1000)),
    key,
  }
}

/** What the authority keeps of definitions is told to the point at once, at the revision that it has. */
function keepsDefinitions(
  world: World,
  at: Pick<FakePoint, 'broken' | 'events' | 'apply' | 'now' | 'snapshot'>,
): FakePoint['definitions'] {
  const commit: DefinitionPorts['store']['commit'] = async (write) => {
    if (!at.broken.authority) throw new Unavailable('store.unavailable', 'the test took the authority away')
    const { revision } = at.snapshot()
    at.events.push(...write.events)
    at.apply(...(write.changes ?? []).map((each) => ({ ...each, revision })))
    return { done: true, revision }
  }
  const { now, snapshot } = at
  const ports = { now, snapshot, refresh: async () => {}, store: { commit } }
  return (seen) => takeDefinitions(ports, gatewayFor(world), seen)
}

/** One that is listed for every tenant. */
function gatewayFor(world: World): AuthorizedGateway {
  const gateway = { gateway: 'edge', is: { trust: 'prod-cluster' }, tenants: Object.keys(world) }
  return { gateway, instance: 'gw-1', jkt: 'thumb', expires: 2_000_000_000 } as unknown as AuthorizedGateway
}

type Minted = {
  readonly chain: PrincipalChain
  readonly customer: unknown
  readonly lease: string
  readonly now: number
}

/** As the provider `signed-token` makes it. */
function upstreamToken(
  places: FakePlaces,
  key: SigningKey,
  { chain, customer, lease, now }: Minted,
): Credential {
  const iat = Math.floor(now / 1000)
  const exp = epochSeconds(iat + 120)
  const token = signAs(key, 'at+jwt', {
    iss: `${places.authorityOrigin}/t/${chain.tenant}`,
    sub: chain.user ?? chain.agent,
    aud: places.upstream,
    client_id: chain.agent,
    iat,
    exp,
    jti: lease,
    ctx: { customer_id: customer },
  })
  const placement = { kind: 'header', name: 'Authorization', prefix: 'Bearer ' } as const
  return { placement, secret: new Secret(token), expires: exp, handle: lease }
}

function claimsIn(authorization: string) {
  const [, payload = ''] = authorization.split('.')
  return accessTokenSchema.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()))
}

function mint(ask: TokenAsk, places: FakePlaces, key: SigningKey, rev: number, iat: number): string {
  const { tenant, resource = 'orders', agent = 'operator/support' as AgentId, user, jkt, over = {} } = ask
  const session = `ses_${user ?? 'none'}`
  return signAs(key, 'at+jwt', {
    iss: `${places.authorityOrigin}/t/${tenant}`,
    sub: user ?? agent,
    aud: `${places.origin}/t/${tenant}/mcp/${resource}`,
    client_id: agent,
    iat,
    exp: iat + 60,
    jti: newId('token'),
    sid: session,
    rev,
    lin: [`agent:${agent}`, `session:${session}`, ...(user === undefined ? [] : [`user:${user}`])],
    chn: [agent],
    prf: 'attested',
    ...(user === undefined ? {} : { act: { iss: `${places.authorityOrigin}/t/operator`, sub: agent } }),
    ...(jkt === undefined ? {} : { cnf: { jkt } }),
    ...over,
  })
}

export function keysFor(world: World): ReadonlyMap<string, SigningKey> {
  return new Map(Object.keys(world).map((tenant) => [tenant, newSigningKey()]))
}

function keyChanges(keys: ReadonlyMap<string, SigningKey>): Change[] {
  return [...keys].map(([tenant, { kid, jwk }]) =>
    change(tenant, 'key', kid, { key: kid, state: 'current', created: 0, jwk }),
  )
}

/** Publishes the keys of each tenant where an authority does. */
export async function fakeIssuers(keys: ReadonlyMap<string, SigningKey>): Promise<HttpServer> {
  const jwks: Route = {
    method: 'GET',
    path: '/t/:tenant/jwks.json',
    guard: 'public',
    takes: 'nothing',
    errors: 'problem',
    run: async ({ params }) => ({
      status: 200,
      json: { keys: [keys.get((params['tenant'] ?? '') as TenantName)?.jwk] },
    }),
  }
  return serveRoutes([jwks], { host: '127.0.0.1', port: 0 })
}

/** Serves routes that can be made only once their origin is known. */
export async function serveAt(
  make: (origin: string) => Promise<readonly Route[]>,
): Promise<HttpServer & { readonly origin: string }> {
  const first = await serveRoutes([], { host: '127.0.0.1', port: 0 })
  const { port } = first
  await first.close()
  const origin = `http://127.0.0.1:${port}`
  const faults = (fault: unknown) => console.error(fault)
  return { ...(await serveRoutes(await make(origin), { host: '127.0.0.1', port, onFault: faults })), origin }
}
