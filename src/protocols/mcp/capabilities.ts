import { isJsonObject, type Json, type JsonObject } from '../../lib/strict-json.ts'
import type { Exchange } from './exchange.ts'

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
  }
}

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
