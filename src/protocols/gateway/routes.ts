import type { Revision } from '../../core/ids.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import type { Result } from '../../core/result.ts'
import { reveal } from '../../core/secret.ts'
import { attestGateway } from '../../flows/attest-gateway.ts'
import type { AuthorityPorts } from '../../flows/authority.ts'
import { type AuthorizedGateway, authorizeGateway } from '../../flows/authorize-gateway.ts'
import type { EngineReports } from '../../flows/engine-reports.ts'
import type { GatewayFeeds } from '../../flows/feed-gateway.ts'
import { leaseCredential } from '../../flows/lease-credential.ts'
import type { Leased, LeasingPorts } from '../../flows/open-lease.ts'
import { spendToken } from '../../flows/spend-token.ts'
import { takeDefinitions } from '../../flows/take-definitions.ts'
import { takeDoubt } from '../../flows/take-doubt.ts'
import { type JournalPorts, takeJournal } from '../../flows/take-journal.ts'
import type { DoorRequest, DoorResponse, Route } from '../../lib/http/route.ts'
import { problemOf } from '../problem.ts'
import { feedResponse } from './feed-stream.ts'
import { readAck, readAsk, readRecorder, readReport, readSeen, readShipment } from './wire.ts'

/** All that the authority's side of the border stands on. */
export type GatewayRoutePorts = {
  readonly authority: AuthorityPorts
  readonly leasing: LeasingPorts
  readonly feeds: GatewayFeeds
  readonly journal: JournalPorts
  readonly engines: EngineReports
}

/** What one gateway may ask once it has proven itself. */
type Answer = (gateway: AuthorizedGateway, request: DoorRequest) => Promise<DoorResponse>

const MIB = 1024 * 1024

/** The authority's API for gateways (ARCHITECTURE §1): everything but the first route demands a gateway's own credential and proof. */
export function gatewayRoutes(ports: GatewayRoutePorts): readonly Route[] {
  const { authority, leasing, feeds, journal, engines } = ports
  const guarded = (answer: Answer) => async (request: DoorRequest) => {
    const gateway = authorizeGateway(authority, presentedOf(authority, request))
    return gateway.ok ? answer(gateway.value, request) : problemOf(gateway.error)
  }
  const get = { method: 'GET', guard: 'gateway', takes: 'nothing', errors: 'problem' } as const
  const post = { method: 'POST', guard: 'gateway', takes: 'json', errors: 'problem' } as const
  return [
    {
      method: 'POST',
      path: '/gateway/v1/token',
      guard: 'evidence',
      takes: 'form',
      errors: 'problem',
      run: (request) => giveToken(authority, request),
    },
    { ...get, path: '/gateway/v1/feed', run: guarded(async (gateway) => feedResponse(feeds, gateway)) },
    {
      ...post,
      path: '/gateway/v1/ack',
      run: guarded(async (gateway, { json }) => acknowledge(feeds, gateway, json)),
    },
    {
      ...get,
      path: '/gateway/v1/journal',
      run: guarded((gateway, { query }) => tellNext(journal, gateway, query.get('recorder'))),
    },
    {
      ...post,
      path: '/gateway/v1/journal',
      maxBytes: 16 * MIB,
      run: guarded((gateway, { json }) => takeRecords(journal, gateway, json)),
    },
    {
      ...post,
      path: '/gateway/v1/engines',
      run: guarded((gateway, { json }) => takeReport(authority, engines, gateway, json)),
    },
    {
      ...post,
      path: '/gateway/v1/definitions',
      maxBytes: 8 * MIB,
      run: guarded((gateway, { json }) => takeSeen(authority, gateway, json)),
    },
    {
      ...post,
      path: '/gateway/v1/credentials',
      maxBytes: 2 * MIB,
      run: guarded((gateway, { json }) =>
        answerAsk(json, (ask) => leaseCredential(authority, leasing, gateway, ask), credentialOf),
      ),
    },
    {
      ...post,
      path: '/gateway/v1/spend',
      maxBytes: 2 * MIB,
      run: guarded((gateway, { json }) =>
        answerAsk(
          json,
          (ask) => spendToken(authority, gateway, ask),
          () => ({}),
        ),
      ),
    },
  ]
}

function presentedOf(authority: AuthorityPorts, { headers, method, path }: DoorRequest) {
  const { authorization = [], dpop = [] } = headers
  return { authorization, dpop, method, url: authority.origin + path }
}

/** RFC 6749 §5.1 in shape: `access_token`, `token_type`, `expires_in`. */
async function giveToken(authority: AuthorityPorts, request: DoorRequest): Promise<DoorResponse> {
  const { form, headers, address } = request
  const evidence = form.get('evidence')?.[0]
  const instance = form.get('instance')?.[0]
  if (evidence === undefined || instance === undefined) {
    return problemOf(refuse('malformed', 'gateway.body', 'The form needs `evidence` and `instance`.'))
  }
  const { method, url } = presentedOf(authority, request)
  const wire = { dpop: headers['dpop'] ?? [], method, url, address, signal: () => request.signal }
  const given = await attestGateway(authority, { evidence, instance }, wire)
  if (!given.ok) return problemOf(given.error)
  const { token, expiresIn } = given.value
  return { status: 200, json: { access_token: token, token_type: 'DPoP', expires_in: expiresIn } }
}

async function acknowledge(
  feeds: GatewayFeeds,
  gateway: AuthorizedGateway,
  json: unknown,
): Promise<DoorResponse> {
  const revision = readAck(json)
  if (!revision.ok) return problemOf(revision.error)
  feeds.acknowledge(gateway, revision.value as Revision)
  return { status: 204, empty: true }
}

/** What can't be written down throws, and comes again with the next report; what is refused was recorded, and would be refused again. */
async function takeReport(
  authority: AuthorityPorts,
  engines: EngineReports,
  gateway: AuthorizedGateway,
  json: unknown,
): Promise<DoorResponse> {
  const report = readReport(json)
  if (!report.ok) return problemOf(report.error)
  engines.take(gateway, report.value.counts)
  for (const doubt of report.value.doubts) await takeDoubt(authority, gateway, doubt)
  return { status: 204, empty: true }
}

async function takeSeen(
  authority: AuthorityPorts,
  gateway: AuthorizedGateway,
  json: unknown,
): Promise<DoorResponse> {
  const seen = readSeen(json)
  if (!seen.ok) return problemOf(seen.error)
  const taken = await takeDefinitions(authority, gateway, seen.value)
  return { status: 200, json: taken.ok ? { ok: true, ...taken.value } : { ok: false, refusal: taken.error } }
}

async function tellNext(
  journal: JournalPorts,
  gateway: AuthorizedGateway,
  asked: string | undefined,
): Promise<DoorResponse> {
  const recorder = readRecorder(asked)
  if (!recorder.ok) return problemOf(recorder.error)
  return cursorOf(await takeJournal(journal, gateway, recorder.value, []))
}

async function takeRecords(
  journal: JournalPorts,
  gateway: AuthorizedGateway,
  json: unknown,
): Promise<DoorResponse> {
  const shipment = readShipment(json)
  if (!shipment.ok) return problemOf(shipment.error)
  return cursorOf(await takeJournal(journal, gateway, shipment.value.recorder, shipment.value.records))
}

/** 409: what was shipped doesn't fit what was taken, and repeating it changes nothing. */
function cursorOf(taken: Result<{ readonly next: number }, Refusal>): DoorResponse {
  if (taken.ok) return { status: 200, json: taken.value }
  const { reason, says, facts } = taken.error
  return {
    status: 409,
    headers: { 'content-type': 'application/problem+json' },
    json: { type: 'about:blank', title: says, status: 409, reason, next: facts['next'] },
  }
}

/**
 * The answer to a question that was understood is 200, whether yes or no: `{ok: true, …}`, or `{ok: false, refusal}` for the caller, whole,
 * since the gateway records it. Other statuses are about the gateway itself.
 */
async function answerAsk<T>(
  json: unknown,
  judge: (ask: Parameters<typeof leaseCredential>[3]) => Promise<Result<T, Refusal>>,
  said: (value: T) => object,
): Promise<DoorResponse> {
  const ask = readAsk(json)
  if (!ask.ok) return problemOf(ask.error)
  const judged = await judge(ask.value)
  if (!judged.ok) return { status: 200, json: { ok: false, refusal: judged.error } }
  return { status: 200, json: { ok: true, ...said(judged.value) } }
}

/** The one place where a leased secret leaves for a gateway. */
function credentialOf({ lease, credential }: Leased): object {
  const { secret, ...rest } = credential
  return { lease: lease.id, credential: { ...rest, secret: reveal(secret) } }
}
