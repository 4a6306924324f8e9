import { contentAt } from '../../core/policy/content.ts'
import { askedBy } from '../../flows/decide-at-gateway.ts'
import { isJsonObject, type JsonObject } from '../../lib/strict-json.ts'
import { contentsHere, type Exchange } from './exchange.ts'

type Judge = (exchange: Exchange, params: JsonObject) => boolean
const always: Judge = () => true

/** What a stream of one request may tell beside its answer (2026-07-28, Streamable HTTP). */
const MODERN: Readonly<Record<string, Judge>> = {
  'notifications/progress': always,
  'notifications/message': always,
}
/** What a server may tell by itself before 2026-07-28. */
const LEGACY: Readonly<Record<string, Judge>> = {
  ...MODERN,
  'notifications/tools/list_changed': always,
  'notifications/prompts/list_changed': ({ caller }) => caller.target.resource.prompts !== undefined,
  'notifications/resources/list_changed': ({ caller }) => caller.target.resource.contents !== undefined,
  'notifications/resources/updated': (exchange, { uri }) => typeof uri === 'string' && mayRead(exchange, uri),
}

/** Whether this caller may hear what the server behind tells; what isn't known here, nobody hears. */
export function mayHear(exchange: Exchange, { method, params }: JsonObject): boolean {
  const known = exchange.era === 'legacy' ? LEGACY : MODERN
  const judge = typeof method === 'string' && Object.hasOwn(known, method) ? known[method] : undefined
  return judge?.(exchange, isJsonObject(params) ? params : {}) ?? false
}

export function mayRead(exchange: Exchange, uri: string): boolean {
  const asked = contentAt(contentsHere(exchange), uri)
  return asked !== undefined && mayUse(exchange, asked)
}

/** Asked as if it were used now, and not recorded: nothing is done. What was let in once may have been taken away since. */
export function mayUse(
  { enforcement, caller }: Exchange,
  { tool, input }: { readonly tool: string; readonly input: JsonObject },
): boolean {
  const { engine, point } = enforcement
  const request = askedBy(enforcement, caller, { kind: 'call', tool, input })
  return engine.decideNow(request, point.snapshot(), point.now()).outcome === 'allow'
}
