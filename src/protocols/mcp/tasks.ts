import { callResource } from '../../flows/call-resource.ts'
import type { Forward } from '../../flows/flight.ts'
import { recordRefusedMessage } from '../../flows/record-refused-message.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import type { JsonObject } from '../../lib/strict-json.ts'
import { unknownTask } from './answers.ts'
import { type Exchange, forwardOf, notAnswered } from './exchange.ts'
import { lookWith } from './look.ts'
import type { Use } from './named.ts'
import type { Edit } from './passage.ts'
import { relay } from './relay.ts'
import { headerValue } from './revision.ts'
import { type BegunTask, issueTask, openTask, taskIn, underOurId } from './task.ts'

/**
 * `tasks/get`, `tasks/cancel`, `tasks/result` (2025-11-25) and `tasks/update` (the extension): of a task that this very caller began, judged
 * again by the tool and the input that it was begun with.
 */
export async function useTask(exchange: Exchange): Promise<DoorResponse> {
  const { enforcement, caller, message } = exchange
  const task = openTask(exchange, message.params['taskId'])
  if (!task.ok) {
    await recordRefusedMessage(enforcement, caller, task.error)
    return unknownTask(message.id ?? null)
  }
  const { id, tool, input } = task.value
  const text = JSON.stringify(input)
  const forward = forwardTask(exchange, task.value)
  const called = await callResource(enforcement, caller, { tool, input }, text, forward, lookWith(exchange))
  const named = { kind: 'task', name: id } as const
  if (called.came !== 'answer') return notAnswered(exchange, called, named)
  return relay(exchange, called.flight, named, { change: (result) => underOurId(result, id) })
}

/** In the server's own words: it never sees our id, in the body or in a header field. */
function forwardTask(exchange: Exchange, { behind }: BegunTask): Forward {
  const { message } = exchange
  const params = { ...message.params, taskId: behind }
  const forward = forwardOf(exchange, { ...message.whole, params })
  const name = forward.headers['mcp-name'] === undefined ? {} : { 'mcp-name': headerValue(behind) }
  return { ...forward, headers: { ...forward.headers, ...name }, about: message.method }
}

/** A call may begin a task instead of answering: the caller gets it under an id of its own. */
export function sealingTask(exchange: Exchange, use: Use): Edit {
  return {
    mark: '"taskId"',
    change: (result) => {
      const behind = taskIn(result)
      if (behind === undefined) return result
      const id = issueTask(exchange, use, behind)
      return id === undefined ? tooLarge(exchange) : underOurId(result, id)
    },
  }
}

/** A task that could not be judged again, and so not be asked for. Its work goes on; the model must know. */
function tooLarge({ era }: Exchange): JsonObject {
  const text =
    'The server behind began a task, but its arguments are too large for the task to be asked for here: it goes on, and its result can not be had.'
  return {
    ...(era === 'modern' ? { resultType: 'complete' } : {}),
    isError: true,
    content: [{ type: 'text', text }],
    _meta: { 'countersign/reason': 'task.too_large' },
  }
}
