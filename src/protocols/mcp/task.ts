import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { issueTicket, openTicket } from '../../flows/issue-ticket.ts'
import { isJsonObject, type JsonObject } from '../../lib/strict-json.ts'
import type { Exchange } from './exchange.ts'
import type { Use } from './named.ts'
import { META } from './revision.ts'

/**
 * A task that a call began at the server behind (2025-11-25; the extension `io.modelcontextprotocol/tasks` of 2026-07-28): by our id and by
 * the server's own, with the tool and what policy saw of its input, by which it is judged again each time.
 */
export type BegunTask = {
  readonly id: string
  readonly behind: string
  readonly tool: string
  readonly input: JsonObject
}

/** Characters of an id that a server behind may give. */
const MAX_BEHIND = 512
/** Characters of the sealed input: the id travels in a header field too. */
const MAX_INPUT = 2048
const MAX_ID = 8192
/** A ticket lasts a day, so a task can't be asked for any longer, in milliseconds. */
const MAX_TTL_MS = 86_400_000

const USE = ['task'] as const

/**
 * Our id for a task: a ticket, so that any gateway takes the next request, and nobody else's is known. Undefined where there is too much to
 * seal: a task that could not be judged again is not handed out.
 */
export function issueTask(
  { enforcement, caller }: Exchange,
  { tool, input }: Pick<Use, 'tool' | 'input'>,
  behind: string,
): string | undefined {
  const declared = declaredPart(
    caller.target.view.resources.get(caller.target.resource.resource),
    tool,
    input,
  )
  const text = JSON.stringify([tool, behind, declared])
  if (behind === '' || behind.length > MAX_BEHIND || text.length > MAX_BEHIND + MAX_INPUT) return undefined
  return issueTicket(enforcement.point, caller, USE, text)
}

type Known = { readonly tools: ReadonlyMap<string, { readonly input?: { readonly properties?: object } }> }

/** What policy can see of an input: the declared properties. What else was asked for is not kept. */
function declaredPart(known: Known | undefined, tool: string, input: JsonObject): JsonObject {
  const properties = known?.tools.get(tool)?.input?.properties ?? {}
  return Object.fromEntries(Object.entries(input).filter(([name]) => Object.hasOwn(properties, name)))
}

/** The task that a caller names. Somebody else's, and one that never was, are the same. */
export function openTask({ enforcement, caller }: Exchange, id: unknown): Result<BegunTask, Refusal> {
  if (typeof id !== 'string' || id.length > MAX_ID) return err(UNKNOWN)
  const opened = openTicket(enforcement.point, caller, USE, id)
  if (opened === undefined || opened === 'expired') return err(UNKNOWN)
  const [tool, behind, input] = JSON.parse(opened.text) as readonly [string, string, JsonObject]
  return ok({ id, behind, tool, input })
}

const UNKNOWN = refuse('unknown', 'task.unknown', 'Task not found')

const RELATED = `${META}related-task`

/** What is said of a task, under our id: in a task itself, in the object that holds one, and in what only names it. */
export function underOurId(said: JsonObject, id: string): JsonObject {
  const { task, _meta } = said
  return {
    ...said,
    ...(said['taskId'] === undefined ? {} : { taskId: id, ...cappedTtl(said) }),
    ...(isJsonObject(task) ? { task: underOurId(task, id) } : {}),
    ...(isJsonObject(_meta) && _meta[RELATED] !== undefined
      ? { _meta: { ..._meta, [RELATED]: { taskId: id } } }
      : {}),
  }
}

/** 2025-11-25 says `ttl`, the extension `ttlMs`; null is without end. */
function cappedTtl(task: JsonObject): JsonObject {
  const capped = (ttl: unknown) => (typeof ttl === 'number' ? Math.min(ttl, MAX_TTL_MS) : MAX_TTL_MS)
  return {
    ...(task['ttl'] === undefined ? {} : { ttl: capped(task['ttl']) }),
    ...(task['ttlMs'] === undefined ? {} : { ttlMs: capped(task['ttlMs']) }),
  }
}

/** The server's own id of the task that a call's result begins, if it begins one. */
export function taskIn({ resultType, taskId, task }: JsonObject): string | undefined {
  const id = isJsonObject(task) ? task['taskId'] : resultType === 'task' ? taskId : undefined
  return typeof id === 'string' ? id : undefined
}
