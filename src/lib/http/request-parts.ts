import type { IncomingMessage, ServerResponse } from 'node:http'

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

/** A signal that aborts when the caller goes away before the answer is whole; made when first asked for, since most never ask. */
export function lazySignal(response: ServerResponse): () => AbortSignal {
  let controller: AbortController | undefined
  return () => {
    if (controller) return controller.signal
    const made = new AbortController()
    controller = made
    const abort = () => {
      if (!response.writableFinished) made.abort()
    }
    if (response.destroyed) abort()
    else response.once('close', abort)
    return made.signal
  }
}
