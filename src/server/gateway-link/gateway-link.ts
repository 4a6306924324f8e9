import { z } from 'zod'
import type { Credential } from '../../core/credential/credential.ts'
import type {
  CredentialAsk,
  DefinitionVerdicts,
  EnforcementPoint,
  SeenDefinitions,
} from '../../core/enforcement.ts'
import { seconds } from '../../core/identity/name.ts'
import type { LeaseId } from '../../core/ids.ts'
import { type Refusal, Unavailable } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { Secret } from '../../core/secret.ts'
import type { EngineReport } from '../../flows/engine-reports.ts'
import type { GatewayConfig } from '../config.ts'
import { type AuthorityClient, type ClientPorts, createAuthorityClient } from './authority-client.ts'
import { followFeed } from './follow-feed.ts'
import { type ApplyChanges, createRegistryView } from './registry-view.ts'
import { openShippedJournal, type ShippedJournal } from './shipped-journal.ts'

export type GatewayLinkPorts = ClientPorts & {
  /** Base64url of 16 random bytes. */
  readonly newSalt: () => string
  readonly apply: ApplyChanges
  /** Told of each fault of the link; it goes on trying. */
  readonly report: (fault: unknown) => void
}

/** A gateway's tie to its authority. `ready` resolves once the authority said that what this gateway knows is current. */
export type GatewayLink = {
  readonly point: EnforcementPoint
  readonly ready: Promise<void>
  readonly unshipped: ShippedJournal['unshipped']
  /** Tells the authority what the engines said. Rejects with `Unavailable` when it was not taken. */
  readonly report: (report: EngineReport) => Promise<void>
  readonly close: () => Promise<void>
}

type LinkConfig = Pick<
  GatewayConfig,
  'authority' | 'authority_ca' | 'evidence' | 'instance' | 'origin' | 'journal' | 'unshipped'
>

/**
 * Ties a gateway to its authority (ARCHITECTURE §1, §9): a key of its own in memory, the feed of what it may see, its Journal on the way
 * to the logs, and questions that only the authority can answer. Without the authority it goes on until what it knows is too old.
 */
export async function startGatewayLink(config: LinkConfig, ports: GatewayLinkPorts): Promise<GatewayLink> {
  const client = createAuthorityClient(config, ports)
  const view = createRegistryView(ports.apply, ports.monotonic)
  const limit = seconds(config.unshipped) * 1000
  const journal = await openShippedJournal(config.journal, limit, { ...ports, client })
  const ready = Promise.withResolvers<void>()
  const confirmed: typeof view = {
    ...view,
    take: (message) => {
      const revision = view.take(message)
      if (view.staleMs() < Infinity) ready.resolve()
      return revision
    },
  }
  const feed = followFeed(client, confirmed, ports.report)
  const point: EnforcementPoint = {
    gateway: config.instance,
    origin: config.origin,
    authorityOrigin: config.authority,
    now: ports.now,
    newId: ports.newId,
    snapshot: view.snapshot,
    staleMs: view.staleMs,
    serves: view.serves,
    ticketKeys: view.ticketKeys,
    onChange: view.onChange,
    record: (draft) => {
      // The authority would refuse it, and with it everything that follows.
      if (view.serves(draft.tenant)) return journal.record(draft)
      return Promise.reject(
        new Unavailable('gateway.not_listed', 'this gateway no longer serves that tenant'),
      )
    },
    credential: (ask) => askCredential(client, ask),
    spend: (ask) => askSpend(client, ask),
    definitions: (seen) => tellDefinitions(client, seen),
  }
  const end = async (): Promise<void> => {
    await feed.stop()
    await journal.close()
    await client.close()
  }
  let ending: Promise<void> | undefined
  const close = (): Promise<void> => {
    ending ??= end()
    return ending
  }
  const report = async (said: EngineReport): Promise<void> => {
    await client.ask('POST', '/gateway/v1/engines', said)
  }
  return { point, ready: ready.promise, unshipped: journal.unshipped, report, close }
}

const refusalSchema = z.object({
  refused: z.enum(['malformed', 'unauthenticated', 'stale', 'denied', 'ask', 'unknown', 'limited']),
  reason: z.string().max(200),
  says: z.string().max(2000),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
})
const placementSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('header'), name: z.string(), prefix: z.string() }),
  z.object({
    kind: z.literal('login'),
    host: z.string(),
    port: z.int(),
    database: z.string(),
    user: z.string(),
  }),
])
const noSchema = z.object({ ok: z.literal(false), refusal: refusalSchema })
const credentialSchema = z.object({
  ok: z.literal(true),
  lease: z.string(),
  credential: z.object({
    placement: placementSchema,
    secret: z.string(),
    expires: z.int(),
    handle: z.string(),
    again: z.literal(true).optional(),
  }),
})
const credentialAnswer = z.discriminatedUnion('ok', [credentialSchema, noSchema])
const verdictsSchema = z.object({
  ok: z.literal(true),
  revision: z.int(),
  tools: z.array(z.object({ tool: z.string(), sha256: z.string().optional() })),
})
const verdictsAnswer = z.discriminatedUnion('ok', [verdictsSchema, noSchema])
const spendAnswer = z.discriminatedUnion('ok', [z.object({ ok: z.literal(true) }), noSchema])

async function askCredential(
  client: AuthorityClient,
  ask: CredentialAsk,
): Promise<Result<{ readonly lease: LeaseId; readonly credential: Credential }, Refusal>> {
  const answer = await askAuthority(client, '/gateway/v1/credentials', ask, credentialAnswer)
  if (!answer.ok) return err(answer.refusal)
  const { secret, ...rest } = answer.credential
  return ok({
    lease: answer.lease as LeaseId,
    credential: { ...rest, secret: new Secret(secret) } as Credential,
  })
}

async function askSpend(client: AuthorityClient, ask: CredentialAsk): Promise<Result<void, Refusal>> {
  const answer = await askAuthority(client, '/gateway/v1/spend', ask, spendAnswer)
  return answer.ok ? ok(undefined) : err(answer.refusal)
}

async function tellDefinitions(
  client: AuthorityClient,
  seen: SeenDefinitions,
): Promise<Result<DefinitionVerdicts, Refusal>> {
  const answer = await askAuthority(client, '/gateway/v1/definitions', seen, verdictsAnswer)
  return answer.ok ? ok(answer as unknown as DefinitionVerdicts) : err(answer.refusal)
}

async function askAuthority<T>(
  client: AuthorityClient,
  path: string,
  ask: CredentialAsk | SeenDefinitions,
  schema: z.ZodType<T>,
): Promise<T> {
  const read = schema.safeParse((await client.ask('POST', path, ask)).json)
  if (read.success) return read.data
  throw new Unavailable('authority.unreadable', 'the authority answered something that is no answer')
}
