import type { McpServer, ServerContext } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { said } from './plain-tools.ts'

const nothing = z.object({})
const form = (message: string, properties: object, required: readonly string[] = []) =>
  ({ message, requestedSchema: { type: 'object', properties, required } }) as const

const DEFAULTS = {
  name: { type: 'string', description: 'User name', default: 'John Doe' },
  age: { type: 'integer', description: 'User age', default: 30 },
  score: { type: 'number', description: 'User score', default: 95.5 },
  status: {
    type: 'string',
    description: 'Status',
    enum: ['active', 'inactive', 'pending'],
    default: 'active',
  },
  verified: { type: 'boolean', description: 'Verification status', default: true },
}
const options = ['option1', 'option2', 'option3']
const titled = (word: string, titles: readonly string[]) =>
  titles.map((title, at) => ({ const: `value${at + 1}`, title: `${title} ${word}` }))
const ENUMS = {
  untitledSingle: { type: 'string', description: 'Select one option', enum: options },
  titledSingle: {
    type: 'string',
    description: 'Select one',
    oneOf: titled('Option', ['First', 'Second', 'Third']),
  },
  legacyEnum: {
    type: 'string',
    description: 'Select one option (legacy)',
    enum: ['opt1', 'opt2', 'opt3'],
    enumNames: ['Option One', 'Option Two', 'Option Three'],
  },
  untitledMulti: {
    type: 'array',
    description: 'Select several',
    minItems: 1,
    maxItems: 3,
    items: { type: 'string', enum: options },
  },
  titledMulti: {
    type: 'array',
    description: 'Select several',
    minItems: 1,
    maxItems: 3,
    items: { anyOf: titled('Choice', ['First', 'Second', 'Third']) },
  },
}

/** Tools that ask the client in the middle of a call, as servers did before 2026-07-28. */
export function registerAskingTools(server: McpServer): void {
  const prompt = z.object({ prompt: z.string() })
  server.registerTool(
    'test_sampling',
    { description: 'test_sampling', inputSchema: prompt },
    async ({ prompt: words }, context) => {
      const messages = [{ role: 'user', content: { type: 'text', text: words } }]
      const answer = await ask(context, 'sampling/createMessage', { messages, maxTokens: 100 })
      const { content } = answer as { content?: { text?: string } }
      return said(`LLM response: ${content?.text ?? JSON.stringify(answer)}`)
    },
  )
  const message = z.object({ message: z.string() })
  server.registerTool(
    'test_elicitation',
    { description: 'test_elicitation', inputSchema: message },
    ({ message: words }, context) => {
      const field = { response: { type: 'string', description: "User's response" } }
      return elicits(context, 'User response', form(words, field, ['response']))
    },
  )
  server.registerTool(
    'test_elicitation_sep1034_defaults',
    { description: 'test_elicitation_sep1034_defaults', inputSchema: nothing },
    (_args, context) => elicits(context, 'Elicitation completed', form('Please review the fields', DEFAULTS)),
  )
  server.registerTool(
    'test_elicitation_sep1330_enums',
    { description: 'test_elicitation_sep1330_enums', inputSchema: nothing },
    (_args, context) => elicits(context, 'Elicitation completed', form('Please select options', ENUMS)),
  )
}

async function elicits(context: ServerContext, what: string, params: object) {
  const { action, content } = (await ask(context, 'elicitation/create', params)) as {
    action?: string
    content?: unknown
  }
  return said(`${what}: action=${action}, content=${JSON.stringify(content ?? {})}`)
}

function ask(context: ServerContext, method: string, params: object): Promise<object> {
  return context.mcpReq
    .send({ method, params } as never, z.looseObject({}) as never)
    .catch((error: unknown) => ({ error: String(error) })) as Promise<object>
}
