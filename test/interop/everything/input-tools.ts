import { randomBytes } from 'node:crypto'
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  type InputRequests,
  inputRequired,
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { said } from './plain-tools.ts'

/** What this server makes of its own state: sealed, and refused when it was changed. */
export const STATES = createRequestStateCodec<Record<string, unknown>>({ key: randomBytes(32) })

const nothing = z.object({})
const sampled = (words: string, maxTokens: number) =>
  inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: words } }],
    maxTokens,
  })
const asked = (message: string, name: string, type: 'string' | 'boolean' = 'string') => {
  const properties = { [name]: type === 'string' ? { type } : { type } }
  return inputRequired.elicit({ message, requestedSchema: { type: 'object', properties, required: [name] } })
}

type Answer = Promise<ReturnType<typeof said> | ReturnType<typeof inputRequired>>
type Run = (context: ServerContext) => Answer

const NAME = { user_name: asked('What is your name?', 'name') }
const CONFIRM = { confirm: asked('Please confirm', 'ok', 'boolean') }
const ALL = { ...NAME, greeting: sampled('Generate a greeting', 50), client_roots: inputRequired.listRoots() }

function given(context: ServerContext, key: string): Record<string, unknown> | undefined {
  return acceptedContent<Record<string, unknown>>(context.mcpReq.inputResponses, key)
}

function responded<T>(context: ServerContext, key: string): T | undefined {
  return context.mcpReq.inputResponses?.[key] as T | undefined
}

async function needs(inputRequests: InputRequests, state?: Record<string, unknown>) {
  const requestState = state && { requestState: await STATES.mint(state) }
  return inputRequired({ inputRequests, ...requestState })
}

/** Tools that ask by their answer, as servers do since 2026-07-28, by their names in the conformance suite. */
const RUNS: Readonly<Record<string, Run>> = {
  test_missing_capability: async (context) =>
    responded(context, 'llm_answer') === undefined
      ? needs({ llm_answer: sampled('Reply with the single word: pong', 16) })
      : said('sampled'),
  test_input_required_result_elicitation: async (context) => {
    const name = given(context, 'user_name')?.['name']
    return typeof name === 'string' ? said(`Hello, ${name}!`) : needs(NAME)
  },
  test_input_required_result_sampling: async (context) => {
    const answer = responded<{ content?: { text?: string } }>(context, 'capital_question')
    if (answer === undefined)
      return needs({ capital_question: sampled('What is the capital of France?', 100) })
    return said(`Sampling response: ${answer.content?.text ?? JSON.stringify(answer)}`)
  },
  test_input_required_result_list_roots: async (context) => {
    const roots = responded<{ roots?: { uri?: string }[] }>(context, 'client_roots')?.roots
    if (!Array.isArray(roots)) return needs({ client_roots: inputRequired.listRoots() })
    return said(`Client exposed ${roots.length} root(s): ${roots.map(({ uri }) => uri).join(', ')}`)
  },
  test_input_required_result_request_state: async (context) => {
    if (given(context, 'confirm') === undefined) return needs(CONFIRM, { tool: 'request_state' })
    if (context.mcpReq.requestState() === undefined)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'Invalid requestState')
    return said('state-ok: requestState verified and confirmation received')
  },
  test_input_required_result_multiple_inputs: async (context) => {
    const name = given(context, 'user_name')?.['name']
    const greeting = responded<{ content?: { text?: string } }>(context, 'greeting')?.content?.text
    const roots = responded<{ roots?: unknown[] }>(context, 'client_roots')?.roots
    const whole = typeof name === 'string' && typeof greeting === 'string' && Array.isArray(roots)
    return whole
      ? said(`${greeting} ${name}: ${roots.length} root(s)`)
      : needs(ALL, { tool: 'multiple_inputs' })
  },
  test_input_required_result_multi_round: async (context) => {
    const state = context.mcpReq.requestState<Record<string, unknown>>() ?? {}
    const { round = 0 } = state
    if (round === 0) return needs({ step1: asked('Step 1: What is your name?', 'name') }, { round: 1 })
    if (round === 1) {
      const name = given(context, 'step1')?.['name'] ?? 'unknown'
      return needs({ step2: asked('Step 2: What is your favorite color?', 'color') }, { round: 2, name })
    }
    return said(`${String(state['name'])} likes ${String(given(context, 'step2')?.['color'])}`)
  },
  test_input_required_result_tampered_state: async (context) =>
    context.mcpReq.requestState() !== undefined && given(context, 'confirm') !== undefined
      ? said('integrity-ok: requestState verified')
      : needs(CONFIRM, { tool: 'tampered_state' }),
  test_input_required_result_capabilities: async (context) => {
    if (context.mcpReq.inputResponses !== undefined) return said('fulfilled')
    const envelope: Readonly<Record<string, unknown>> = { ...context.mcpReq.envelope }
    const declared = (envelope[CLIENT_CAPABILITIES_META_KEY] ?? {}) as object
    const { user_name, greeting, client_roots } = ALL
    const possible = {
      ...('elicitation' in declared && { user_name }),
      ...('sampling' in declared && { greeting }),
      ...('roots' in declared && { client_roots }),
    }
    return Object.keys(possible).length === 0 ? said('nothing can be asked') : needs(possible)
  },
}

export function registerInputTools(server: McpServer): void {
  for (const [name, run] of Object.entries(RUNS)) {
    server.registerTool(
      name,
      { description: name, inputSchema: nothing },
      (_args, context) => run(context) as never,
    )
  }
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'asks before it answers' },
    (async (context: ServerContext) => {
      const words = given(context, 'user_context')?.['context']
      if (typeof words !== 'string')
        return needs({ user_context: asked('What context should the prompt use?', 'context') })
      return {
        messages: [{ role: 'user', content: { type: 'text', text: `Use the following context: ${words}` } }],
      }
    }) as never,
  )
}
