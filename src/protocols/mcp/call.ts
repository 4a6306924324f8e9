import type { Refusal } from '../../core/refusal.ts'
import type { Result } from '../../core/result.ts'
import { callResource } from '../../flows/call-resource.ts'
import type { DoorResponse } from '../../lib/http/route.ts'
import { refusalAnswer } from './answers.ts'
import { contentsHere, type Exchange, forwardOf, notAnswered } from './exchange.ts'
import { forThisCaller } from './for-this-caller.ts'
import { lookWith } from './look.ts'
import { readContentUse, readPromptUse, readToolUse, type Use } from './named.ts'
import type { Edit } from './passage.ts'
import { relay } from './relay.ts'
import { sealingTask } from './tasks.ts'

/** `tools/call`: judged with its arguments, each time, also when it is the retry of one that asked for input. */
export function callTool(exchange: Exchange): Promise<DoorResponse> {
  return use(exchange, readToolUse(exchange.message), (called) => sealingTask(exchange, called))
}

/** `prompts/get`: judged like a call, with the prompt's arguments. */
export function getPrompt(exchange: Exchange): Promise<DoorResponse> {
  return use(exchange, readPromptUse(exchange.message))
}

/** `resources/read`: judged like a call, with the URI and what it is made of. What is answered is for this caller alone. */
export function readContent(exchange: Exchange): Promise<DoorResponse> {
  const edit = { change: forThisCaller }
  return use(exchange, readContentUse(exchange.message, contentsHere(exchange)), () => edit)
}

/** `resources/subscribe` and `resources/unsubscribe` (2025-11-25): who may read it may hear that it changed. */
export function subscribe(exchange: Exchange): Promise<DoorResponse> {
  return use(exchange, readContentUse(exchange.message, contentsHere(exchange)))
}

/** Methods whose use of a tool needs no word in the audit beside its name. */
const PLAIN: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read'])

async function use(
  exchange: Exchange,
  read: Result<Use, Refusal>,
  editOf?: (use: Use) => Edit,
): Promise<DoorResponse> {
  const { enforcement, caller, message } = exchange
  if (!read.ok) return refusalAnswer(message.id ?? null, read.error, caller.target)
  const { named, tool, input, text } = read.value
  const about = PLAIN.has(message.method) ? {} : { about: message.method }
  const forward = { ...forwardOf(exchange, message.whole), ...about }
  const called = await callResource(enforcement, caller, { tool, input }, text, forward, lookWith(exchange))
  if (called.came !== 'answer') return notAnswered(exchange, called, named)
  return relay(exchange, called.flight, named, editOf?.(read.value))
}
