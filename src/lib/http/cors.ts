import type { Cors } from './route.ts'

type Headers = Readonly<Record<string, string>>

/** Seconds that a browser may keep the answer to its question, so that it asks once and not before each call. */
const KEEP = '7200'

/** Whether a script of that origin may call, and what it is told: itself where only some may, since a cache must not give it to another. */
function allowed(cors: Cors, origin: string): Headers | undefined {
  if (cors.origins === 'any') return { 'access-control-allow-origin': '*' }
  return cors.origins.has(origin) ? { 'access-control-allow-origin': origin, vary: 'origin' } : undefined
}

/**
 * What a browser asks before a script of another site may call (Fetch standard, CORS-preflight): answered from the table alone, so it costs nothing, and never
 * with leave to bring cookies. Undefined where it is no such question, or the answer is no.
 */
export function preflight(
  cors: Cors,
  methods: string,
  { origin, 'access-control-request-method': method }: Readonly<Record<string, unknown>>,
): Headers | undefined {
  if (typeof origin !== 'string' || typeof method !== 'string') return undefined
  const leave = allowed(cors, origin)
  if (!leave) return undefined
  return {
    ...leave,
    'access-control-allow-methods': methods,
    'access-control-allow-headers': cors.headers.join(', '),
    'access-control-max-age': KEEP,
  }
}

/**
 * What every answer says to such a script, a no included: an error that can't be read can't be acted on. What may be cached says it to everybody, since the
 * same copy may be given to a script later.
 */
export function corsHeaders(cors: Cors, method: string, origin: string | undefined): Headers | undefined {
  const leave = origin === undefined ? undefined : allowed(cors, origin)
  if (!leave && !(cors.origins === 'any' && method === 'GET')) return undefined
  const readable = cors.expose.join(', ')
  const expose = readable === '' ? {} : { 'access-control-expose-headers': readable }
  return { 'access-control-allow-origin': '*', ...leave, ...expose }
}
