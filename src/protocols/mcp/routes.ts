import type { EnforcementPoint } from '../../core/enforcement.ts'
import type { Refusal } from '../../core/refusal.ts'
import { Unavailable } from '../../core/refusal.ts'
import type { Result } from '../../core/result.ts'
import type { GatewayCaller } from '../../flows/authenticate-at-gateway.ts'
import {
  authenticateAtGateway,
  findTarget,
  onlyTarget,
  type Target,
} from '../../flows/authenticate-at-gateway.ts'
import { createEnforcement, type Enforcement, type EnforcementOptions } from '../../flows/enforcement.ts'
import { recordRefusedMessage } from '../../flows/record-refused-message.ts'
import { refusalResponse } from '../../lib/http/door-refusal.ts'
import { DOOR_REFUSALS } from '../../lib/http/door-refusals.ts'
import type { DoorRequest, DoorResponse, Headless, Route } from '../../lib/http/route.ts'
import { METHOD_NOT_ALLOWED, refusalAnswer, rpcError, unavailable, unknownMethod } from './answers.ts'
import { callTool, getPrompt, readContent, subscribe } from './call.ts'
import { complete } from './complete.ts'
import { endSession } from './end-session.ts'
import { refusedMessage } from './exchange.ts'
import { type ListenOptions, listen } from './listen.ts'
import { listContents, listPrompts, listTemplates } from './lists.ts'
import { setLevel } from './logging.ts'
import { idOf } from './message.ts'
import { resourceMetadata } from './metadata.ts'
import { discover, initialize, listTools, ping } from './narrow.ts'
import { type Method, NO_MESSAGE, takePost } from './post.ts'
import { type Era, MODERN } from './revision.ts'
import { openServerStream } from './server-stream.ts'
import { readSession } from './session.ts'
import { useTask } from './tasks.ts'

export type McpOptions = EnforcementOptions & {
  /** Browser origins that may call, beside our own. A foreign one is refused (DNS rebinding). */
  readonly origins?: readonly string[]
  readonly keepAlive?: number
  /** Bytes of one message. Default 64 KiB. */
  readonly maxBytes?: number
}

/** The door's lines of the route table, and what ends everything that came in by them. */
export type McpDoor = {
  readonly routes: readonly Route[]
  readonly enforcement: Enforcement
  close(): Promise<void>
}

const PATH = '/t/:tenant/mcp/:resource'

/** MCP over Streamable HTTP in revisions 2025-03-26 to 2026-07-28. Every gateway can take each request, also of a session. */
export function openMcpDoor(point: EnforcementPoint, options: McpOptions = {}): McpDoor {
  const enforcement = createEnforcement(point, options)
  const { maxBytes } = options
  const listening = { keepAlive: options.keepAlive ?? 15_000 }
  const origins: ReadonlySet<string> = new Set([point.origin, ...(options.origins ?? [])])
  const common = { path: PATH, guard: 'agent', errors: 'jsonrpc', ...scriptsOf(options.origins) } as const
  const size = maxBytes === undefined ? {} : { maxBytes }
  const post = guarded(enforcement, origins, (caller, request) =>
    takePost({ enforcement, caller, request }, (name, era) => methodOf(name, era, listening)),
  )
  const get = guarded(enforcement, origins, (caller, request) =>
    withoutMessage(enforcement, caller, request, (exchange) => openServerStream(exchange, listening)),
  )
  const end = guarded(enforcement, origins, (caller, request) =>
    withoutMessage(enforcement, caller, request, endSession),
  )
  return {
    routes: [
      { ...common, ...size, method: 'POST', takes: 'json', run: post, refusesBody: noting(enforcement) },
      { ...common, method: 'GET', takes: 'nothing', run: get },
      { ...common, method: 'DELETE', takes: 'nothing', run: end },
      metadataRoute(`/.well-known/oauth-protected-resource${PATH}`, (request) =>
        targetOf(enforcement, request),
      ),
      metadataRoute('/.well-known/oauth-protected-resource', () => onlyTarget(enforcement)),
    ],
    enforcement,
    close: enforcement.close,
  }
}

/** Scripts of other sites, where the operator lists them. Everything that they may do their token says; there is no cookie. */
function scriptsOf(origins: readonly string[] = []): Pick<Route, 'cors'> {
  if (origins.length === 0) return {}
  const expose = ['www-authenticate', 'mcp-session-id', 'dpop-nonce', 'retry-after']
  return { cors: { origins: new Set(origins), headers: ['authorization', '*'], expose } }
}

const NOTHING = refusalResponse(DOOR_REFUSALS.nothing, 'problem')
const FOREIGN = rpcError(403, null, -32600, 'This origin may not call here.', { reason: 'mcp.origin' })

type Run = (caller: GatewayCaller, request: DoorRequest) => Promise<DoorResponse>

/** What every request passes before it is read: something is here, the origin is ours, the caller is proven. */
function guarded(enforcement: Enforcement, origins: ReadonlySet<string>, run: Run): Route['run'] {
  return async (request) => {
    const target = targetOf(enforcement, request)
    if (!target) return NOTHING
    if (request.headers['origin']?.every((origin) => origins.has(origin)) === false) return FOREIGN
    try {
      const caller = await authenticate(enforcement, target, request)
      return caller.ok
        ? await run(caller.value, request)
        : refusalAnswer(idOf(request.json), caller.error, target)
    } catch (fault) {
      if (!(fault instanceof Unavailable)) throw fault
      return unavailable(idOf(request.json), fault.reason)
    }
  }
}

/** What a caller who is known sent and what could not be read is recorded as theirs. */
function noting(enforcement: Enforcement): NonNullable<Route['refusesBody']> {
  return async (request, reason) => {
    const target = targetOf(enforcement, request)
    const caller = target && (await authenticate(enforcement, target, request))
    if (caller?.ok) await recordRefusedMessage(enforcement, caller.value, { reason })
  }
}

function targetOf(enforcement: Enforcement, { params }: Headless): Target | undefined {
  return findTarget(enforcement, params['tenant'] ?? '', params['resource'] ?? '')
}

function authenticate(
  enforcement: Enforcement,
  target: Target,
  { method, headers, address }: Headless,
): Promise<Result<GatewayCaller, Refusal>> {
  const { authorization = [], dpop = [] } = headers
  return authenticateAtGateway(enforcement, target, { method, authorization, dpop, address })
}

/** GET and DELETE: of revisions with sessions alone. */
async function withoutMessage(
  enforcement: Enforcement,
  caller: GatewayCaller,
  request: DoorRequest,
  method: Method,
): Promise<DoorResponse> {
  if (request.headers['mcp-protocol-version']?.includes(MODERN)) return METHOD_NOT_ALLOWED
  const session = readSession(enforcement, caller, request)
  const message = NO_MESSAGE
  if (!session.ok) return refusedMessage({ enforcement, caller, message }, session.error)
  return method({ enforcement, caller, message, era: 'legacy', request, session: session.value })
}

/** Methods by name; one that isn't here is refused, whatever the server behind could do with it. */
function methodOf(name: string, era: Era, listening: ListenOptions): Method {
  const methods = era === 'modern' ? MODERN_METHODS : LEGACY_METHODS
  if (era === 'modern' && name === 'subscriptions/listen') return (exchange) => listen(exchange, listening)
  const found = methods.get(name)
  return found ?? (async ({ message }) => unknownMethod(message.id ?? null, name, era))
}

/** Those of both eras. */
const NAMING_METHODS: readonly (readonly [string, Method])[] = [
  ['tools/call', callTool],
  ['tools/list', listTools],
  ['prompts/get', getPrompt],
  ['prompts/list', listPrompts],
  ['resources/read', readContent],
  ['resources/list', listContents],
  ['resources/templates/list', listTemplates],
  ['completion/complete', complete],
  ['tasks/get', useTask],
  ['tasks/cancel', useTask],
]
const LEGACY_METHODS: ReadonlyMap<string, Method> = new Map([
  ...NAMING_METHODS,
  ['resources/subscribe', subscribe],
  ['resources/unsubscribe', subscribe],
  ['logging/setLevel', setLevel],
  ['tasks/result', useTask],
  ['initialize', initialize],
  ['ping', (exchange) => ping(exchange)],
])
const MODERN_METHODS: ReadonlyMap<string, Method> = new Map([
  ...NAMING_METHODS,
  ['server/discover', discover],
  ['tasks/update', useTask],
])

/**
 * RFC 9728 §3: where the resource's metadata is found is made from its path, so each tenant's names its own issuer. Clients that don't insert the path ask at
 * the root, which can answer where there is one resource alone.
 */
function metadataRoute(path: string, find: (request: DoorRequest) => Target | undefined): Route {
  return {
    method: 'GET',
    path,
    guard: 'public',
    takes: 'nothing',
    errors: 'problem',
    cors: { origins: 'any', headers: ['*'], expose: [] },
    run: async (request) => {
      const target = find(request)
      return target ? { status: 200, headers: CACHED, json: resourceMetadata(target) } : NOTHING
    },
  }
}

const CACHED = { 'cache-control': 'max-age=300' }
