import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import type { Surface } from './authority.ts'

/** One request as it goes over the wire: nothing is added or made nicer on the way. */
export type Knock = {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** A list is sent as so many fields of that name. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Buffer
  /** Don't wait for the end of a good answer: it is a stream. */
  readonly stream?: boolean
}

export type Knocked = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
}

/** Where something listens. */
export type Door = 'authority' | 'socket' | 'gateway'

const agent = new Agent({ keepAlive: true, maxSockets: 8 })

export function knock(surface: Surface, door: Door, asked: Knock): Promise<Knocked> {
  const { method, path, headers = {}, body, stream = false } = asked
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  const options = {
    method,
    path,
    headers: { ...length, ...headers } as OutgoingHttpHeaders,
    ...placeOf(surface, door),
    timeout: 15_000,
  }
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      const { statusCode: status = 0, headers: received } = response
      const done = (text: string) => resolve({ status, headers: received, text, json: objectIn(text) })
      if (stream && status < 300) {
        done('')
        response.destroy()
        return
      }
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => done(Buffer.concat(chunks).toString()))
      response.on('error', reject)
    })
    sent.on('timeout', () => sent.destroy(new Error(`no answer to ${method} ${path}`)))
    sent.on('error', reject)
    sent.end(body)
  })
}

function placeOf(surface: Surface, door: Door) {
  if (door === 'socket') return { socketPath: surface.socket }
  const { hostname, port } = new URL(door === 'gateway' ? surface.gatewayOrigin : surface.origin)
  return { hostname, port, agent }
}

export function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
  } catch {
    return {}
  }
}

/** The stable code of a refusal, wherever its protocol puts it. */
export function reasonOf({ json }: { readonly json: Readonly<Record<string, unknown>> }): string | undefined {
  const error = json['error'] as { readonly data?: { readonly reason?: string } } | undefined
  const result = json['result'] as { readonly _meta?: Readonly<Record<string, unknown>> } | undefined
  const found = json['reason'] ?? error?.data?.reason ?? result?._meta?.['countersign/reason']
  return typeof found === 'string' ? found : undefined
}
