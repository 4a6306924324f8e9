import { type McpServer, ResourceTemplate } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { PIXEL, text } from './plain-tools.ts'

/** Contents, prompts, completion and logging, by their names in the conformance suite. */
export function registerReadables(server: McpServer): void {
  registerContents(server)
  registerPrompts(server)
  const tell = (data: string) =>
    void server.server
      .notification({
        method: 'notifications/message',
        params: { level: 'info', logger: 'everything', data },
      })
      // Nobody may be listening.
      .catch(() => undefined)
  for (const method of ['resources/subscribe', 'resources/unsubscribe'] as const) {
    server.server.setRequestHandler(method, async ({ params: { uri } }) => {
      tell(`${method} ${uri}`)
      return {}
    })
  }
  server.server.setRequestHandler('logging/setLevel', async ({ params: { level } }) => {
    tell(`level ${level}`)
    return {}
  })
  server.server.setRequestHandler('completion/complete', async () => ({
    completion: { values: [], total: 0, hasMore: false },
  }))
}

function registerContents(server: McpServer): void {
  const words = (uri: string, said: string) => ({ contents: [{ uri, mimeType: 'text/plain', text: said }] })
  const plain = { mimeType: 'text/plain' }
  server.registerResource('static-text', 'test://static-text', plain, async () =>
    words('test://static-text', 'This is the content of the static text resource.'),
  )
  server.registerResource('watched-resource', 'test://watched-resource', plain, async () =>
    words('test://watched-resource', 'Watched resource content'),
  )
  server.registerResource('static-binary', 'test://static-binary', { mimeType: 'image/png' }, async () => ({
    contents: [{ uri: 'test://static-binary', mimeType: 'image/png', blob: PIXEL }],
  }))
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined })
  server.registerResource('template', template, { mimeType: 'application/json' }, async (uri, { id }) => {
    const data = { id, templateTest: true, data: `Data for ID: ${id}` }
    return { contents: [{ uri: uri.toString(), mimeType: 'application/json', text: JSON.stringify(data) }] }
  })
}

function registerPrompts(server: McpServer): void {
  const user = (content: object) => ({ role: 'user', content }) as never
  server.registerPrompt('test_simple_prompt', { description: 'simple' }, async () => ({
    messages: [user(text('This is a simple prompt for testing.'))],
  }))
  const two = z.object({ arg1: z.string().describe('First'), arg2: z.string().describe('Second') })
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'two', argsSchema: two },
    async (args) => ({
      messages: [user(text(`Prompt with arguments: arg1='${args.arg1}', arg2='${args.arg2}'`))],
    }),
  )
  const one = z.object({ resourceUri: z.string().describe('URI of the resource to embed') })
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'embeds', argsSchema: one },
    async ({ resourceUri: uri }) => {
      const resource = { uri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' }
      return { messages: [user({ type: 'resource', resource }), user(text('Please process it.'))] }
    },
  )
  server.registerPrompt('test_prompt_with_image', { description: 'image' }, async () => ({
    messages: [user({ type: 'image', data: PIXEL, mimeType: 'image/png' }), user(text('Please analyze it.'))],
  }))
}
