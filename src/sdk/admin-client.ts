import { Agent, type Dispatcher, request } from 'undici'
import type {
  AccessAsk,
  AuditPage,
  AuditQuery,
  ConfigurationAnswer,
  ConfigurationFile,
  ConfigurationProblem,
  DefinitionLine,
  DefinitionShown,
  EngineLine,
  Explained,
  GatewayLine,
  QuarantineLine,
  RegisteredDocument,
  RevocationReport,
  RootLine,
  SignedCheckpoint,
  TargetFinding,
  TenantLine,
} from './admin-contract.ts'

/** An authority's unix socket, where opening it is the proof; or its address, with an administrator's token. */
export type AdminConnection =
  | { readonly socket: string }
  | { readonly server: string; readonly token: string }

/** A no of the authority, with its stable reason, its sentence, and what was wrong where. */
export class AdminRefused extends Error {
  readonly status: number
  readonly reason: string
  readonly problems: readonly ConfigurationProblem[]
  readonly findings: readonly TargetFinding[]
  constructor(status: number, answer: Problem) {
    super(answer.title ?? `The authority answered ${status}.`)
    this.status = status
    this.reason = answer.reason ?? 'http.status'
    this.problems = answer.problems ?? []
    this.findings = answer.findings ?? []
  }
}

/** Nobody answered. `code` is the system's, such as ENOENT or ECONNREFUSED. */
export class AdminUnreachable extends Error {
  readonly code: string
  constructor(where: string, cause: unknown) {
    const code = codeOf(cause)
    super(`No authority answers at ${where} (${code}).`)
    this.code = code
  }
}

type Problem = {
  readonly title?: string
  readonly reason?: string
  readonly problems?: readonly ConfigurationProblem[]
  readonly findings?: readonly TargetFinding[]
}

/** A bearer token of the admin API: `expires` in seconds since 1970, and the origin that it is for. */
export type AdminLogin = { readonly token: string; readonly expires: number; readonly origin: string }

/** The admin API. Every method throws `AdminRefused` for a no and `AdminUnreachable` when nobody answers. */
export type AdminClient = {
  /** Only over the socket. */
  readonly login: () => Promise<AdminLogin>
  readonly configure: (
    how: 'check' | 'plan' | 'apply',
    files: readonly ConfigurationFile[],
    variables: Readonly<Record<string, string>>,
  ) => Promise<ConfigurationAnswer>
  readonly tenants: () => Promise<{ readonly revision: number; readonly tenants: readonly TenantLine[] }>
  /** A tenant's documents of one kind, as they are registered. */
  readonly documents: (
    tenant: string,
    kind: string,
  ) => Promise<{ readonly documents: readonly RegisteredDocument[] }>
  readonly explain: (tenant: string, ask: AccessAsk) => Promise<Explained>
  readonly revoke: (
    tenant: string,
    ask: {
      readonly kind: string
      readonly name: string
      readonly reason: string
      readonly standing: boolean
    },
  ) => Promise<RevocationReport>
  readonly restore: (
    tenant: string,
    link: string,
    reason: string,
  ) => Promise<{ readonly link: string; readonly revision: number }>
  readonly quarantine: (tenant: string) => Promise<{ readonly quarantine: readonly QuarantineLine[] }>
  readonly liftQuarantine: (
    tenant: string,
    policy: string,
    reason: string,
  ) => Promise<{ readonly policy: string; readonly revision: number }>
  readonly definitions: (tenant: string) => Promise<{ readonly definitions: readonly DefinitionLine[] }>
  /** `definition`: `<resource>/<tool>`. */
  readonly definition: (tenant: string, definition: string) => Promise<DefinitionShown>
  readonly acceptDefinition: (
    tenant: string,
    definition: string,
    ask: { readonly sha256: string; readonly reason: string },
  ) => Promise<{ readonly definition: string; readonly sha256: string; readonly revision: number }>
  readonly engines: () => Promise<{ readonly engines: readonly EngineLine[] }>
  readonly audit: (tenant: string, query: AuditQuery) => Promise<AuditPage>
  readonly decision: (tenant: string, decision: string) => Promise<Pick<AuditPage, 'events'>>
  /** The whole log as bytes of lines, for `verifyExport`. */
  readonly exportAudit: (tenant: string) => Promise<AsyncIterable<Uint8Array>>
  readonly checkpoint: (tenant: string) => Promise<SignedCheckpoint>
  readonly logKey: (tenant: string) => Promise<{ readonly origin: string; readonly key: string }>
  readonly gateways: () => Promise<{ readonly revision: number; readonly gateways: readonly GatewayLine[] }>
  readonly roots: () => Promise<{ readonly roots: readonly RootLine[] }>
  readonly close: () => Promise<void>
}

type Ask = { readonly method?: 'GET' | 'POST' | 'DELETE'; readonly body?: unknown; readonly open?: true }
type Call = <T>(path: string, ask?: Ask) => Promise<T>

/**
 * A client of one authority. A token goes over https, or to this machine; anywhere else it is refused with a TypeError before anything is
 * sent.
 */
export function createAdminClient(connection: AdminConnection): AdminClient {
  const wire = openWire(connection)
  const login = () => wire.json<AdminLogin>('/login', { method: 'POST' }, undefined)
  let token: Promise<string> | undefined
  const tokenOf = (): Promise<string> => {
    if ('token' in connection) return Promise.resolve(connection.token)
    token ??= login().then((given) => given.token)
    return token
  }
  const call: Call = async (path, ask = {}) => wire.json(path, ask, await tokenOf())
  const at = (tenant: string, rest: string) => `/t/${encodeURIComponent(tenant)}/${rest}`
  return {
    login,
    configure: (how, files, variables) => call(`/${how}`, { body: { files, variables } }),
    tenants: () => call('/tenants'),
    documents: (tenant, kind) => call(at(tenant, kind)),
    explain: (tenant, ask) => call(at(tenant, 'explain'), { body: ask }),
    revoke: (tenant, ask) => call(at(tenant, 'revocations'), { body: ask }),
    restore: (tenant, link, reason) => {
      const query = new URLSearchParams({ reason })
      return call(at(tenant, `revocations/${pathPart(link)}?${query}`), { method: 'DELETE' })
    },
    quarantine: (tenant) => call(at(tenant, 'quarantine')),
    liftQuarantine: (tenant, policy, reason) => {
      const query = new URLSearchParams({ reason })
      return call(at(tenant, `quarantine/${pathPart(policy)}?${query}`), { method: 'DELETE' })
    },
    definitions: (tenant) => call(at(tenant, 'definitions')),
    definition: (tenant, definition) => call(at(tenant, definitionPath(definition))),
    acceptDefinition: (tenant, definition, ask) =>
      call(at(tenant, definitionPath(definition)), { body: ask }),
    engines: () => call('/engines'),
    audit: (tenant, query) => call(at(tenant, `audit?${new URLSearchParams(query)}`)),
    decision: (tenant, decision) => call(at(tenant, `audit/${pathPart(decision)}`)),
    exportAudit: async (tenant) => wire.bytes(at(tenant, 'export'), await tokenOf()),
    checkpoint: (tenant) => call(at(tenant, 'checkpoint')),
    logKey: (tenant) => call(at(tenant, 'log-key')),
    gateways: () => call('/gateways'),
    roots: () => call('/roots'),
    close: wire.close,
  }
}

/** A resource's name holds no slash. */
function definitionPath(definition: string): string {
  const [resource = '', ...tool] = definition.split('/')
  return `definitions/${pathPart(resource)}/${pathPart(tool.join('/'))}`
}

/** The server takes one spelling of a path: what needs no escape has none. */
function pathPart(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':')
}

type Wire = {
  readonly json: <T>(path: string, ask: Ask, token: string | undefined) => Promise<T>
  readonly bytes: (path: string, token: string) => Promise<AsyncIterable<Uint8Array>>
  readonly close: () => Promise<void>
}

const PATIENCE_MS = 120_000

function openWire(connection: AdminConnection): Wire {
  const where = 'socket' in connection ? connection.socket : connection.server
  const origin = 'socket' in connection ? 'http://localhost' : safeOrigin(connection.server)
  const connect = 'socket' in connection ? { connect: { socketPath: connection.socket } } : {}
  const dispatcher: Dispatcher = new Agent({
    ...connect,
    headersTimeout: PATIENCE_MS,
    bodyTimeout: PATIENCE_MS,
  })
  const send = async (path: string, ask: Ask, token: string | undefined) => {
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(ask.body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const method = ask.method ?? (ask.body === undefined ? 'GET' : 'POST')
    const body = ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }
    const response = await request(`${origin}/admin/v1${path}`, {
      dispatcher,
      method,
      headers,
      ...body,
    }).catch((error: unknown) => {
      throw new AdminUnreachable(where, error)
    })
    if (response.statusCode >= 300)
      throw new AdminRefused(response.statusCode, await problemOf(response.body))
    return response.body
  }
  return {
    json: async <T>(path: string, ask: Ask, token: string | undefined) => {
      const body = await send(path, ask, token)
      return (await body.json()) as T
    },
    bytes: (path, token) => send(path, {}, token),
    close: () => dispatcher.close(),
  }
}

async function problemOf(body: { readonly json: () => Promise<unknown> }): Promise<Problem> {
  const answer = await body.json().catch(() => ({}))
  return typeof answer === 'object' && answer !== null ? answer : {}
}

function safeOrigin(server: string): string {
  const url = new URL(server)
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  if (url.protocol === 'https:' || (url.protocol === 'http:' && local)) return url.origin
  throw new TypeError(`An administrator's token goes over https only, not to ${url.origin}.`)
}

function codeOf(cause: unknown): string {
  if (typeof cause !== 'object' || cause === null) return 'unknown'
  if ('code' in cause && typeof cause.code === 'string') return cause.code
  return 'cause' in cause ? codeOf(cause.cause) : 'unknown'
}
