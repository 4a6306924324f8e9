import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Halt } from '../halt.ts'

/** Every value of every header field, by lower-case name, without a prototype: a field may be called `__proto__`. */
export function requestHeaders(raw: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const headers: Record<string, string[]> = Object.create(null)
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase()
    const value = raw[at + 1] ?? ''
    const before = headers[name]
    if (before) before.push(value)
    else headers[name] = [value]
  }
  return headers
}

/** The peer of the connection; an IPv4 peer of a dual-stack socket in its own notation. */
export function peerAddress(request: IncomingMessage): string {
  const address = request.socket.remoteAddress ?? ''
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

/** A signal that aborts when the caller goes away before the answer is whole. */
export function departureSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController()
  const abort = () => {
    if (!response.writableFinished) controller.abort()
  }
  if (response.destroyed) abort()
  else response.once('close', abort)
  return controller.signal
}

/** The same as such a signal, without the cost of one. */
export class Departure implements Halt {
  readonly #response: ServerResponse
  readonly #listeners: (() => void)[] = []

  constructor(response: ServerResponse) {
    this.#response = response
  }

  get aborted(): boolean {
    return this.#response.destroyed && !this.#response.writableFinished
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listeners.length === 0) this.#response.on('close', this.#tell)
    this.#listeners.push(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    const at = this.#listeners.indexOf(listener)
    if (at >= 0) this.#listeners.splice(at, 1)
    if (this.#listeners.length === 0) this.#response.off('close', this.#tell)
  }

  readonly #tell = (): void => {
    if (!this.#response.writableFinished) for (const listener of this.#listeners.splice(0)) listener()
  }
}
