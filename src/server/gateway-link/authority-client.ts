import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Agent, type Dispatcher, request } from 'undici'
import { z } from 'zod'
import type { NewId } from '../../core/ids.ts'
import { Unavailable } from '../../core/refusal.ts'
import { type Clock, toSeconds } from '../../core/time.ts'
import { signJws } from '../../lib/jose/jws.ts'
import { newSigningKey, type SigningKey } from '../../lib/jose/signing-key.ts'
import type { GatewayConfig } from '../config.ts'

export type ClientPorts = {
  readonly now: Clock
  /** Milliseconds that only go forward. */
  readonly monotonic: () => number
  readonly newId: NewId
}

/** The authority, as this gateway's own key and evidence reach it. Throws `Unavailable` when it can't be reached, or refuses the gateway. */
export type AuthorityClient = {
  /** Thumbprint of the key that this process made for itself. */
  readonly jkt: string
  /** Answers 2xx and 409 as they are. */
  readonly ask: (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<AuthorityAnswer>
  /** The same with a body that is JSON already. */
  readonly askBytes: (method: 'POST', path: string, json: Uint8Array) => Promise<AuthorityAnswer>
  /** A body that is read as it comes. */
  readonly stream: (path: string, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>
  readonly close: () => Promise<void>
}
export type AuthorityAnswer = { readonly status: number; readonly json: unknown }

/** `renewAt` and `endsAt` on the monotonic clock. */
type Token = { readonly token: string; readonly renewAt: number; readonly endsAt: number }

type State = {
  readonly config: Pick<GatewayConfig, 'authority' | 'evidence' | 'instance'>
  readonly ports: ClientPorts
  readonly key: SigningKey
  readonly dispatcher: Agent
  token: Token | undefined
  asking: Promise<Token> | undefined
}

const TIMEOUT_MS = 10_000
/** The feed says something each second; longer silence is a dead connection. */
const SILENCE_MS = 15_000

/** Makes a key in memory, and talks to the one authority whose certificate chains to `authority_ca`. */
export function createAuthorityClient(
  config: Pick<GatewayConfig, 'authority' | 'authority_ca' | 'evidence' | 'instance'>,
  ports: ClientPorts,
): AuthorityClient {
  const ca = config.authority_ca === undefined ? {} : { ca: readFileSync(config.authority_ca) }
  const dispatcher = new Agent({ connect: { timeout: TIMEOUT_MS, ...ca }, headersTimeout: TIMEOUT_MS })
  const key = newSigningKey()
  const state: State = { config, ports, key, dispatcher, token: undefined, asking: undefined }
  const askBytes = async (method: 'GET' | 'POST', path: string, body?: string | Uint8Array) => {
    const answer = await send(state, method, path, { body, bodyTimeout: TIMEOUT_MS })
    return { status: answer.statusCode, json: await readJson(answer) }
  }
  return {
    jkt: key.kid,
    ask: (method, path, body) =>
      askBytes(method, path, body === undefined ? undefined : JSON.stringify(body)),
    askBytes,
    stream: async (path, signal) =>
      (await send(state, 'GET', path, { bodyTimeout: SILENCE_MS, signal })).body,
    close: () => dispatcher.destroy(),
  }
}

type Sending = {
  readonly body?: string | Uint8Array | undefined
  readonly bodyTimeout: number
  readonly signal?: AbortSignal
}

/** A credential that the authority no longer takes (it was restarted, its keys changed) is renewed once. */
async function send(
  state: State,
  method: 'GET' | 'POST',
  path: string,
  sending: Sending,
): Promise<Dispatcher.ResponseData> {
  const first = await tokenFor(state)
  const answer = await sendWith(state, first, method, path, sending)
  if (answer.statusCode !== 401) return accepted(answer)
  await answer.body.dump()
  if (state.token === first) state.token = undefined
  return accepted(await sendWith(state, await tokenFor(state), method, path, sending))
}

function sendWith(
  state: State,
  { token }: Token,
  method: 'GET' | 'POST',
  path: string,
  { body, bodyTimeout, signal }: Sending,
): Promise<Dispatcher.ResponseData> {
  const url = state.config.authority + path
  const json = body === undefined ? {} : { body }
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  const headers = { authorization: `DPoP ${token}`, dpop: proof(state, method, url, token), ...type }
  return reach(() =>
    request(url, {
      dispatcher: state.dispatcher,
      method,
      headers,
      bodyTimeout,
      ...json,
      ...(signal ? { signal } : {}),
    }),
  )
}

async function accepted(answer: Dispatcher.ResponseData): Promise<Dispatcher.ResponseData> {
  const { statusCode } = answer
  if (statusCode < 300 || statusCode === 409) return answer
  throw await refused(answer)
}

async function refused(answer: Dispatcher.ResponseData): Promise<Unavailable> {
  const said = problemSchema.safeParse(await readJson(answer))
  const reason = said.success ? said.data.reason : `status ${answer.statusCode}`
  return new Unavailable('authority.refused', `the authority refused this gateway: ${reason}`)
}

const problemSchema = z.object({ reason: z.string().max(200) })
const tokenSchema = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() })

async function readJson({ body, statusCode }: Dispatcher.ResponseData): Promise<unknown> {
  const text = await reach(() => body.text())
  if (statusCode === 204 || text === '') return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Unavailable('authority.unreadable', 'the authority answered something else than JSON', {
      cause,
    })
  }
}

/** What undici throws names hosts and sockets, never a credential; it is kept as the cause. */
async function reach<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    throw new Unavailable('authority.unreachable', 'the authority can not be reached', { cause })
  }
}

/** The credential, renewed from half of its life on while the old one is still used. One request for it at a time. */
async function tokenFor(state: State): Promise<Token> {
  const now = state.ports.monotonic()
  const { token } = state
  if (token && now < token.renewAt) return token
  const asking = state.asking ?? startAsking(state)
  if (!token || now >= token.endsAt) return asking
  asking.catch(() => undefined)
  return token
}

function startAsking(state: State): Promise<Token> {
  const asking = attest(state)
    .then((token) => {
      state.token = token
      return token
    })
    .finally(() => {
      state.asking = undefined
    })
  state.asking = asking
  return asking
}

/** The evidence is read anew each time: platforms replace the file as it ages. */
async function attest(state: State): Promise<Token> {
  const { config, ports, dispatcher } = state
  const evidence = (await readFile(config.evidence, 'utf8').catch(noEvidence)).trim()
  const asked = ports.monotonic()
  const url = `${config.authority}/gateway/v1/token`
  const headers = { dpop: proof(state, 'POST', url), 'content-type': 'application/x-www-form-urlencoded' }
  const body = new URLSearchParams({ evidence, instance: config.instance }).toString()
  const answer = await reach(() => request(url, { dispatcher, method: 'POST', headers, body }))
  if (answer.statusCode !== 200) throw await refused(answer)
  const read = tokenSchema.safeParse(await readJson(answer))
  if (!read.success) throw new Unavailable('authority.unreadable', 'the authority gave no credential')
  const life = read.data.expires_in * 1000
  return { token: read.data.access_token, renewAt: asked + life / 2, endsAt: asked + life - 5000 }
}

function noEvidence(cause: unknown): never {
  throw new Unavailable('gateway.no_evidence', 'the evidence of this gateway can not be read', { cause })
}

/** RFC 9449 §4.2, of the key that lives and dies with this process. */
function proof({ key, ports }: State, method: string, target: string, token?: string): string {
  const { kty, crv, x, y } = key.jwk
  const url = new URL(target)
  const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }
  const claims = {
    jti: ports.newId('token'),
    htm: method,
    htu: url.origin + url.pathname,
    iat: toSeconds(ports.now()),
    ...ath,
  }
  const header = { alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } }
  return signJws(JSON.stringify(header), JSON.stringify(claims), key.key, 'ES256')
}
