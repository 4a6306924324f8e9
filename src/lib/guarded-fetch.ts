import { Agent, request } from 'undici'
import { bad, good, type Outcome } from './outcome.ts'
import {
  type Address,
  hostAndPort,
  isPublicAddress,
  literalAddress,
  type Resolve,
  resolveByDns,
} from './outside-address.ts'
import { isJsonObject, type JsonObject, parseStrictJson } from './strict-json.ts'

export type FetchOptions = {
  readonly signal?: AbortSignal
  /** Default 256 KiB. */
  readonly maxBytes?: number
  /** PEM bundle to trust instead of the system's. */
  readonly ca?: string
  /** `host:port` entries with private addresses (or plain http) that this caller may reach, if the operator lists them too. */
  readonly allow?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: 'GET' | 'POST'
  readonly body?: string
}

export type Fetched = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Fetches a document from outside. Follows no redirect; reaches public addresses over https unless listed. */
export type GuardedFetch = (url: string, options?: FetchOptions) => Promise<Outcome<Fetched>>

export type GuardedFetchSettings = {
  /** The operator's list of `host:port` that may be reached at private addresses and over plain http. Default none. */
  readonly allow?: readonly string[]
  /** Milliseconds for one fetch from name to last byte. Default 5000. */
  readonly timeout?: number
  readonly resolve?: Resolve
}

const DEFAULT_TIMEOUT = 5000
const DEFAULT_BYTES = 256 * 1024

/** Why the connection was not made; travels through undici, which passes a lookup's error on as it is. */
class Blocked extends Error {}

export function createGuardedFetch(settings: GuardedFetchSettings = {}): GuardedFetch {
  return async (text, options = {}) => {
    const target = readTarget(text, settings, options)
    if (!target.ok) return target
    const { url, listed } = target.value
    // An agent for one request: no pool, so a connection opened under one caller's list never serves another's.
    const agent = new Agent({ connect: connectOptions(listed, settings, options), pipelining: 0 })
    const deadline = AbortSignal.timeout(settings.timeout ?? DEFAULT_TIMEOUT)
    const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline
    try {
      return await fetchOnce(url, options, agent, signal)
    } catch (error) {
      return failure(error, signal, url)
    } finally {
      await agent.destroy()
    }
  }
}

type Target = { readonly url: URL; readonly listed: boolean }

function readTarget(text: string, settings: GuardedFetchSettings, options: FetchOptions): Outcome<Target> {
  const url = URL.parse(text)
  if (!url) return bad('malformed', 'fetch.url', 'This is not a URL.')
  if (url.username !== '' || url.password !== '')
    return bad('denied', 'fetch.url', 'A URL must hold no login.')
  const place = hostAndPort(url)
  const listed = Boolean(settings.allow?.includes(place) && options.allow?.includes(place))
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && listed)) {
    return bad(
      'denied',
      'fetch.scheme',
      'Only https is fetched, unless the operator lists the host and port.',
      {
        host: place,
      },
    )
  }
  const literal = literalAddress(url)
  if (literal && !listed && !isPublicAddress(literal.address)) return blocked(url)
  return good({ url, listed })
}

function blocked(url: URL): Outcome<never> {
  return bad(
    'denied',
    'fetch.private_address',
    'The address is not public, and the operator does not list it.',
    {
      host: hostAndPort(url),
    },
  )
}

type LookupDone = (error: Error | null, addresses: Address[]) => void

function connectOptions(listed: boolean, settings: GuardedFetchSettings, options: FetchOptions) {
  const resolve = settings.resolve ?? resolveByDns
  // What was checked here is what is connected to: the name is not resolved a second time (DNS rebinding).
  const lookup = (host: string, _options: object, done: LookupDone): void => {
    resolve(host).then(
      (addresses) => {
        const allowed = listed || addresses.every(({ address }) => isPublicAddress(address))
        if (allowed) done(null, [...addresses])
        else done(new Blocked(), [])
      },
      (error: Error) => done(error, []),
    )
  }
  return { lookup: lookup as never, ...(options.ca === undefined ? {} : { ca: options.ca }) }
}

async function fetchOnce(
  url: URL,
  options: FetchOptions,
  dispatcher: Agent,
  signal: AbortSignal,
): Promise<Outcome<Fetched>> {
  const { method = 'GET', body = null, maxBytes = DEFAULT_BYTES } = options
  const headers = { 'user-agent': 'countersign', accept: 'application/json', ...options.headers }
  const response = await request(url, { method, body, headers, dispatcher, signal })
  if (response.statusCode >= 300 && response.statusCode < 400) {
    return bad('denied', 'fetch.redirect', 'The answer is a redirect, which is not followed.', {
      host: hostAndPort(url),
    })
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) {
      return bad('limited', 'fetch.too_large', `The document is larger than ${maxBytes} bytes.`, {
        host: hostAndPort(url),
      })
    }
    chunks.push(chunk)
  }
  return good({
    status: response.statusCode,
    headers: plainHeaders(response.headers),
    body: Buffer.concat(chunks),
  })
}

function plainHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  )
}

function failure(error: unknown, signal: AbortSignal, url: URL): Outcome<never> {
  const host = hostAndPort(url)
  if (error instanceof Blocked) return blocked(url)
  if (signal.aborted) return bad('stale', 'fetch.timeout', `${host} did not answer in time.`, { host })
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  return bad('stale', 'fetch.failed', `${host} could not be reached (${code}).`, { host, code })
}

/** A JSON object from outside: status 200 or 201, a JSON media type, unique members. */
export async function fetchJson(
  fetch: GuardedFetch,
  url: string,
  options: FetchOptions = {},
): Promise<Outcome<JsonObject>> {
  const answer = await fetch(url, options)
  if (!answer.ok) return answer
  const { status, headers, body } = answer.value
  if (status !== 200 && status !== 201) {
    return bad('stale', 'fetch.status', `The answer has status ${status}.`, { status })
  }
  const type = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (!/^application\/([\w.-]+\+)?json$/.test(type)) {
    return bad('denied', 'fetch.content_type', 'The answer is not JSON.', { type: type.slice(0, 80) })
  }
  const value = parseStrictJson(body)
  if (!isJsonObject(value))
    return bad('denied', 'fetch.json', 'The answer is not a JSON object with unique members.')
  return good(value)
}
