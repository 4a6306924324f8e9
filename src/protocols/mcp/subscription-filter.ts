import { isJsonObject, type Json, type JsonObject } from '../../lib/strict-json.ts'
import type { Exchange } from './exchange.ts'
import { mayRead } from './news.ts'

/** What a client wants to hear of, or is told of (2026-07-28, patterns/subscriptions). */
export type Filter = {
  readonly lists: ReadonlySet<string>
  readonly uris: ReadonlySet<string>
}

/** The members of a filter that are about lists, with the notification that each lets pass. */
const LISTS: Readonly<Record<string, string>> = {
  toolsListChanged: 'notifications/tools/list_changed',
  promptsListChanged: 'notifications/prompts/list_changed',
  resourcesListChanged: 'notifications/resources/list_changed',
}
const UPDATED = 'notifications/resources/updated'
export const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'

/** URIs that one stream may be about. */
const MOST_URIS = 100

export const NOTHING: Filter = { lists: new Set(), uris: new Set() }

/** Reads a filter; nothing where it is none. */
export function readFilter(stated: Json | undefined): Filter | undefined {
  if (!isJsonObject(stated)) return undefined
  const { resourceSubscriptions: uris = [] } = stated
  if (!Array.isArray(uris) || uris.length > MOST_URIS || uris.some((uri) => typeof uri !== 'string'))
    return undefined
  const lists = Object.keys(LISTS).filter((name) => stated[name] === true)
  return { lists: new Set(lists), uris: new Set(uris as readonly string[]) }
}

export function writeFilter({ lists, uris }: Filter): JsonObject {
  const flags = Object.fromEntries(Array.from(lists, (name) => [name, true]))
  return uris.size === 0 ? flags : { ...flags, resourceSubscriptions: [...uris] }
}

/** What both name. */
export function narrowFilter(one: Filter, other: Filter): Filter {
  return { lists: one.lists.intersection(other.lists), uris: one.uris.intersection(other.uris) }
}

/** Of a filter what this caller may hear: changes of lists that are served here, and of the URIs that it may read. */
export function filterHere(exchange: Exchange, wanted: Filter): Filter {
  const { prompts = {}, contents = {} } = exchange.caller.target.resource
  const lists = new Set(wanted.lists)
  if (Object.keys(prompts).length === 0) lists.delete('promptsListChanged')
  if (Object.keys(contents).length === 0) lists.delete('resourcesListChanged')
  return { lists, uris: new Set(Array.from(wanted.uris).filter((uri) => mayRead(exchange, uri))) }
}

/** What the client is told of a notification of the server behind; nothing of one that it didn't ask for or may not hear now. */
export function passedNews(
  exchange: Exchange,
  { lists, uris }: Filter,
  { method, params }: JsonObject,
): JsonObject | undefined {
  const list = Array.from(lists, (name) => LISTS[name]).find((each) => each === method)
  if (list !== undefined) return { method: list }
  const uri = method === UPDATED && isJsonObject(params) ? params['uri'] : undefined
  if (typeof uri !== 'string' || !uris.has(uri) || !mayRead(exchange, uri)) return undefined
  return { method: UPDATED, params: { uri } }
}
