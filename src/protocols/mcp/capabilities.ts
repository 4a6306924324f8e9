import { ASKS_NOTHING, type Asks } from '../../core/policy/asks.ts'
import type { GatewayCaller } from '../../flows/authenticate-at-gateway.ts'
import { isJsonObject, type Json, type JsonObject } from '../../lib/strict-json.ts'
import type { Exchange } from './exchange.ts'
import { type Era, META } from './revision.ts'

/** What the server behind says it can do, as far as it is declared for this resource and passes here. Of each only flags that are known. */
export function capabilitiesHere({ caller, era }: Exchange, stated: Json | undefined): JsonObject {
  if (!isJsonObject(stated)) return {}
  const { tools, prompts = {}, contents = {} } = caller.target.resource
  const declares = { tools: hasAny(tools), prompts: hasAny(prompts), resources: hasAny(contents) }
  const named = declares.prompts || declares.resources
  return {
    ...(declares.tools ? flagsOf(stated, 'tools', ['listChanged']) : {}),
    ...(declares.prompts ? flagsOf(stated, 'prompts', ['listChanged']) : {}),
    ...(declares.resources ? flagsOf(stated, 'resources', ['listChanged', 'subscribe']) : {}),
    ...(named ? flagsOf(stated, 'completions', []) : {}),
    ...(era === 'legacy' ? flagsOf(stated, 'logging', []) : {}),
    ...(declares.tools ? tasksOf(era, stated) : {}),
  }
}

/** Tasks of calls. Those of before can't be listed here: which tool a listed one is of nobody could say. */
function tasksOf(era: Era, { tasks, extensions }: JsonObject): JsonObject {
  if (era === 'modern') {
    const known = isJsonObject(extensions) && isJsonObject(extensions[TASKS])
    return known ? { extensions: { [TASKS]: {} } } : {}
  }
  const requests = isJsonObject(tasks) && isJsonObject(tasks['requests']) ? tasks['requests'] : {}
  const calls = isJsonObject(requests['tools']) && isJsonObject(requests['tools']['call'])
  if (!isJsonObject(tasks) || !calls) return {}
  const cancel = isJsonObject(tasks['cancel']) ? { cancel: {} } : {}
  return { tasks: { ...cancel, requests: { tools: { call: {} } } } }
}

const TASKS = `${META}tasks`

function hasAny(declared: object): boolean {
  return Object.keys(declared).length > 0
}

function flagsOf(stated: JsonObject, name: string, flags: readonly string[]): JsonObject {
  const capability = stated[name]
  if (!isJsonObject(capability)) return {}
  return {
    [name]: Object.fromEntries(flags.flatMap((flag) => (capability[flag] === true ? [[flag, true]] : []))),
  }
}

export function asksHere({ target }: GatewayCaller): Asks {
  return target.resource.asks ?? ASKS_NOTHING
}

/** What the server behind is told that the client can do: of what it could ask for, only what it may. */
export function narrowCapabilities(caller: GatewayCaller, stated: Json | undefined): JsonObject {
  if (!isJsonObject(stated)) return {}
  const asks = asksHere(caller)
  const { sampling, elicitation, roots, ...rest } = stated
  const narrowed = isJsonObject(elicitation) ? narrowElicitation(asks, elicitation) : undefined
  return {
    ...rest,
    ...(asks.sampling && isJsonObject(sampling) && { sampling: withoutContext(sampling) }),
    ...(asks.roots && isJsonObject(roots) && { roots }),
    ...(narrowed && { elicitation: narrowed }),
  }
}

function withoutContext({ context: _context, ...rest }: JsonObject): JsonObject {
  return rest
}

/** A client that names no mode can do forms (2025-11-25, client/elicitation). */
function narrowElicitation(asks: Asks, stated: JsonObject): JsonObject | undefined {
  const { form, url } = stated
  const forms = asks.elicitation && (form !== undefined || url === undefined)
  const urls = asks.elicitation_url.length > 0 && url !== undefined
  if (!forms && !urls) return undefined
  return { ...(forms && form !== undefined && { form }), ...(urls && { url: url ?? {} }) }
}
