import { isJsonObject, type Json, type JsonObject } from '../../lib/strict-json.ts'
import type { Exchange } from './exchange.ts'
import { mayRead, mayUse } from './news.ts'
import { type BegunTask, openTask, underOurId } from './task.ts'

/** What a client wants to hear of, or is told of (2026-07-28, patterns/subscriptions). */
export type Filter = {
  readonly lists: ReadonlySet<string>
  readonly uris: ReadonlySet<string>
  /** Of the tasks extension. */
  readonly taskIds: ReadonlySet<string>
}

/** A filter in the words of the server behind, with the tasks that it calls otherwise than the client does. */
export type Heard = Filter & { readonly tasks: ReadonlyMap<string, BegunTask> }

/** The members of a filter that are about lists, with the notification that each lets pass. */
const LISTS: Readonly<Record<string, string>> = {
  toolsListChanged: 'notifications/tools/list_changed',
  promptsListChanged: 'notifications/prompts/list_changed',
  resourcesListChanged: 'notifications/resources/list_changed',
}
const UPDATED = 'notifications/resources/updated'
export const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'

const TASK = 'notifications/tasks'

/** URIs, and tasks, that one stream may be about. */
const MOST = 100

const NOTHING: Filter = { lists: new Set(), uris: new Set(), taskIds: new Set() }

/** Reads a filter; nothing where it is none. */
export function readFilter(stated: Json | undefined): Filter | undefined {
  if (!isJsonObject(stated)) return undefined
  const { resourceSubscriptions: uris = [], taskIds = [] } = stated
  if (!areFew(uris) || !areFew(taskIds)) return undefined
  const lists = Object.keys(LISTS).filter((name) => stated[name] === true)
  return { lists: new Set(lists), uris: new Set(uris), taskIds: new Set(taskIds) }
}

function areFew(value: Json): value is readonly string[] {
  return Array.isArray(value) && value.length <= MOST && value.every((each) => typeof each === 'string')
}

export function writeFilter({ lists, uris, taskIds }: Filter): JsonObject {
  return {
    ...Object.fromEntries(Array.from(lists, (name) => [name, true])),
    ...(uris.size === 0 ? {} : { resourceSubscriptions: [...uris] }),
    ...(taskIds.size === 0 ? {} : { taskIds: [...taskIds] }),
  }
}

/** Of what a caller may hear, what the server behind agreed to. */
export function agreedTo(heard: Heard, stated: Json | undefined): Heard {
  const other = readFilter(stated) ?? NOTHING
  const lists = heard.lists.intersection(other.lists)
  const uris = heard.uris.intersection(other.uris)
  return { ...heard, lists, uris, taskIds: heard.taskIds.intersection(other.taskIds) }
}

/** The same as the client calls it. */
export function inItsWords(heard: Heard): Filter {
  return { ...heard, taskIds: new Set(Array.from(heard.taskIds, (id) => heard.tasks.get(id)?.id ?? '')) }
}

/**
 * Of a filter what this caller may hear: changes of lists that are served here, of the URIs that it may read, and of the tasks that it
 * began and may still use.
 */
export function filterHere(exchange: Exchange, wanted: Filter): Heard {
  const { prompts = {}, contents = {} } = exchange.caller.target.resource
  const lists = new Set(wanted.lists)
  if (Object.keys(prompts).length === 0) lists.delete('promptsListChanged')
  if (Object.keys(contents).length === 0) lists.delete('resourcesListChanged')
  const uris = new Set(Array.from(wanted.uris).filter((uri) => mayRead(exchange, uri)))
  const opened = Array.from(wanted.taskIds, (id) => openTask(exchange, id))
  const own = opened.flatMap((task) => (task.ok && mayUse(exchange, task.value) ? [task.value] : []))
  const tasks = new Map(own.map((task) => [task.behind, task]))
  return { lists, uris, taskIds: new Set(tasks.keys()), tasks }
}

/** What the client is told of a notification of the server behind; nothing of one that it didn't ask for or may not hear now. */
export function passedNews(
  exchange: Exchange,
  { lists, uris, taskIds, tasks }: Heard,
  { method, params }: JsonObject,
): JsonObject | undefined {
  const list = Array.from(lists, (name) => LISTS[name]).find((each) => each === method)
  if (list !== undefined) return { method: list }
  if (!isJsonObject(params)) return undefined
  if (method === TASK) {
    const task = taskIds.has(String(params['taskId'])) ? tasks.get(String(params['taskId'])) : undefined
    return task && passedTask(exchange, task, params)
  }
  const uri = method === UPDATED ? params['uri'] : undefined
  if (typeof uri !== 'string' || !uris.has(uri) || !mayRead(exchange, uri)) return undefined
  return { method: UPDATED, params: { uri } }
}

/** What a task asks of its client is looked at where it is polled, so news of one that waits for an answer are left to that. */
function passedTask(exchange: Exchange, task: BegunTask, params: JsonObject): JsonObject | undefined {
  if (params['inputRequests'] !== undefined || !mayUse(exchange, task)) return undefined
  return { method: TASK, params: underOurId(params, task.id) }
}
