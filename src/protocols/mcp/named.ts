import { type AskedContent, contentAt, contentOver } from '../../core/policy/content.ts'
import { promptTool } from '../../core/policy/prompt.ts'
import { plainTool } from '../../core/policy/tool.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { isJsonObject, type Json, type JsonObject } from '../../lib/strict-json.ts'
import { type Message, readArguments } from './message.ts'

/** What a message is about, as its caller calls it: a tool or a prompt by name, a content or a template by URI, a task by its id. */
export type Named = { readonly kind: 'tool' | 'prompt' | 'content' | 'task'; readonly name: string }

/** What a message asks for: in its own words, and as the tool and input that policy judges. `text` is that input, for the audit. */
export type Use = {
  readonly named: Named
  readonly tool: string
  readonly input: JsonObject
  readonly text: string
}

/** The contents that a resource declares, as `KnownResource` has them. */
type Contents = Parameters<typeof contentAt>[0]

const MAX_NAME = 200
const MAX_URI = 2048

/** `tools/call`. A name that would mean a prompt or a content here is no tool, whatever the server behind calls its tools. */
export function readToolUse({ params }: Message): Result<Use, Refusal> {
  return readUse(params, 'tool', plainTool)
}

/** `prompts/get`. Its arguments are text. */
export function readPromptUse({ params }: Message): Result<Use, Refusal> {
  const read = readUse(params, 'prompt', promptTool)
  if (read.ok && Object.values(read.value.input).some((value) => typeof value !== 'string'))
    return no('The arguments of a prompt are text.')
  return read
}

function readUse(
  { name, arguments: given = {} }: JsonObject,
  kind: 'tool' | 'prompt',
  toolOf: (name: string) => string,
): Result<Use, Refusal> {
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME)
    return no(`A ${kind} is asked for by its name.`)
  const read = readArguments(given)
  return read.ok ? ok({ named: { kind, name }, tool: toolOf(name), ...read.value }) : read
}

/** `resources/read`, `resources/subscribe`, `resources/unsubscribe`. */
export function readContentUse({ params: { uri } }: Message, contents: Contents): Result<Use, Refusal> {
  if (typeof uri !== 'string' || uri === '' || uri.length > MAX_URI)
    return no(`A resource is asked for by its URI, of at most ${MAX_URI} characters.`)
  const { tool, input } = contentUse(contents, uri)
  return ok({ named: { kind: 'content', name: uri }, tool, input, text: JSON.stringify(input) })
}

/** A URI as the content that it is of. One of none is judged too, as a tool that is nowhere, so that it leaves a record. */
export function contentUse(contents: Contents, uri: string): AskedContent {
  return contentAt(contents, uri) ?? { tool: NO_CONTENT, input: { uri } }
}

/** Not a name that can be declared. */
const NO_CONTENT = 'content:?'

/** What is to be completed: which argument of what, with those that are there already. */
export type Completion = {
  readonly named: Named
  readonly tool: string
  readonly argument: string
  readonly others: Readonly<Record<string, string>>
}

/** `completion/complete`: about a prompt by name, or about the URIs of a template. */
export function readCompletion({ params }: Message, contents: Contents): Result<Completion, Refusal> {
  const { ref, argument, context = {} } = params
  const others = isJsonObject(context) ? (context['arguments'] ?? {}) : undefined
  const asked = isJsonObject(ref) ? refOf(ref, contents) : undefined
  const name = isJsonObject(argument) && typeof argument['value'] === 'string' ? argument['name'] : undefined
  if (asked === undefined || typeof name !== 'string' || name.length > MAX_NAME || !areTexts(others))
    return no('params.ref, params.argument and params.context say what is to be completed.')
  return ok({ ...asked, argument: name, others })
}

function refOf(
  { type, name, uri }: JsonObject,
  contents: Contents,
): Pick<Completion, 'named' | 'tool'> | undefined {
  if (type === 'ref/prompt' && typeof name === 'string' && name.length <= MAX_NAME)
    return { named: { kind: 'prompt', name }, tool: promptTool(name) }
  if (type === 'ref/resource' && typeof uri === 'string' && uri.length <= MAX_URI)
    return { named: { kind: 'content', name: uri }, tool: contentOver(contents, uri) ?? NO_CONTENT }
  return undefined
}

function areTexts(value: Json | undefined): value is Readonly<Record<string, string>> {
  return isJsonObject(value) && Object.values(value).every((each) => typeof each === 'string')
}

function no(says: string): Result<never, Refusal> {
  return err(refuse('malformed', 'mcp.params', says))
}
