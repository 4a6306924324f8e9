import { setTimeout as sleep } from 'node:timers/promises'
import { fromJsonSchema, type McpServer, type ServerContext } from '@modelcontextprotocol/server'
import { z } from 'zod'

/** A red pixel, and a WAV without sound. */
export const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
const SILENCE = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA='

export const text = (words: string) => ({ type: 'text' as const, text: words })
export const said = (words: string) => ({ content: [text(words)] })
const nothing = z.object({})

const image = { type: 'image', data: PIXEL, mimeType: 'image/png' } as const
const embedded = (uri: string, mimeType: string, words: string) =>
  ({ type: 'resource', resource: { uri, mimeType, text: words } }) as const

/** What answers at once, by its name in the conformance suite. */
const AT_ONCE = {
  test_simple_text: said('This is a simple text response for testing.'),
  test_image_content: { content: [image] },
  test_audio_content: { content: [{ type: 'audio', data: SILENCE, mimeType: 'audio/wav' }] },
  test_embedded_resource: {
    content: [embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
  },
  test_multiple_content_types: {
    content: [
      text('Multiple content types test:'),
      image,
      embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ],
  },
  test_streaming_elicitation: said('only results are in this stream'),
} as const

/** Schemas that must come through as they are written. */
const MIRRORED = { type: 'string', 'x-mcp-header': 'Region' } as const
const WITH_HEADER = fromJsonSchema<{ region?: string }>({
  type: 'object',
  properties: { region: MIRRORED, level: { type: 'integer' } },
})
const DRAFT_2020_12 = fromJsonSchema({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  ...conditional(),
  additionalProperties: false,
})

/** `then` is a keyword of JSON Schema; an object literal with it would look like a promise. */
function conditional(): Record<string, object> {
  const by = { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] }
  return Object.fromEntries([
    ['if', by],
    ['then', { required: ['phone'] }],
    ['else', { required: ['email'] }],
  ])
}

/** Cuts the stream of a call, where the transport can: its client must come back for the rest. */
export type CutStream = (session: string | undefined, request: string | number) => void

export function registerPlainTools(server: McpServer, cut: CutStream): void {
  for (const [name, answer] of Object.entries(AT_ONCE)) {
    server.registerTool(name, { description: name }, async () => answer as never)
  }
  server.registerTool(
    'test_x_mcp_header',
    { description: 'test_x_mcp_header', inputSchema: WITH_HEADER },
    async ({ region }) => said(`region=${region ?? '<none>'}`),
  )
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'json_schema_2020_12_tool', inputSchema: DRAFT_2020_12 },
    async (args) => said(`called with ${JSON.stringify(args)}`),
  )
  server.registerTool('test_error_handling', { description: 'fails' }, async () => {
    throw new Error('This tool intentionally returns an error for testing')
  })
  server.registerTool(
    'test_tool_with_logging',
    { description: 'test_tool_with_logging', inputSchema: nothing },
    (_args, context) => logs(context),
  )
  server.registerTool(
    'test_logging_tool',
    { description: 'test_logging_tool', inputSchema: nothing },
    async (_args, context) => {
      await context.mcpReq.log('info', 'told only to who asked for it')
      return said('logged')
    },
  )
  server.registerTool(
    'test_tool_with_progress',
    { description: 'test_tool_with_progress', inputSchema: nothing },
    (_args, context) => progresses(context),
  )
  server.registerTool(
    'test_reconnection',
    { description: 'test_reconnection', inputSchema: nothing },
    async (_args, context) => {
      cut(context.sessionId, context.mcpReq.id)
      await sleep(100)
      return said('Reconnection test completed successfully.')
    },
  )
}

async function logs({ mcpReq }: ServerContext) {
  for (const data of ['started', 'processing data', 'completed']) {
    await mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data } })
    await sleep(50)
  }
  return said('Tool with logging executed successfully')
}

async function progresses({ mcpReq }: ServerContext) {
  const progressToken = mcpReq._meta?.progressToken
  for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
    const params = { progressToken, progress, total: 100, message: `Completed step ${progress} of 100` }
    await mcpReq.notify({ method: 'notifications/progress', params })
    await sleep(50)
  }
  return said(String(progressToken ?? 'no-progress-token'))
}
