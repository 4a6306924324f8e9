import type { IncomingMessage } from 'node:http'

/** Why a body could not be taken: `gone` when the caller went away before its end. */
export type BodyProblem = 'too_large' | 'gone'

/**
 * Reads at most `maxBytes`. A stated length beyond it is refused before a byte is read, so a caller that asked with
 * `Expect: 100-continue` never sends it; `letCome` answers such a caller.
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  letCome: () => void,
): Promise<Buffer | BodyProblem> {
  const stated = request.headers['content-length']
  if (stated !== undefined && Number(stated) > maxBytes) return Promise.resolve('too_large')
  letCome()
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    const take = (chunk: Buffer) => {
      size += chunk.length
      if (size <= maxBytes) chunks.push(chunk)
      else {
        request.off('data', take)
        resolve('too_large')
      }
    }
    request.on('data', take)
    // Each comes once, and only the first of them counts.
    request.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
    request.on('close', () => resolve('gone'))
    request.on('error', () => resolve('gone'))
  })
}

/** How much of an unwanted body is read and thrown away, so that its sender gets to read the answer instead of a reset. */
const DRAIN_BYTES = 4 * 1024 * 1024

/** Throws away what is left of a body, up to a bound; the request's own timeout bounds the time. */
export function drainBody(request: IncomingMessage): Promise<void> {
  if (request.complete || !hasBody(request)) return Promise.resolve()
  return new Promise((resolve) => {
    let left = DRAIN_BYTES - Number(request.headers['content-length'] ?? 0)
    if (left <= 0) return resolve()
    request.on('data', (chunk: Buffer) => {
      left -= chunk.length
      if (left <= 0) resolve()
    })
    for (const end of ['end', 'close', 'error']) request.once(end, () => resolve())
    request.resume()
  })
}

/** Whether the request brings a body at all (RFC 9112 §6.3). */
export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length']
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}
