import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * A model that does as it is told: it calls the one tool that it was given once, and then repeats what the tool answered. It speaks as much of
 * Anthropic's Messages and OpenAI's Responses as coding tools need, so that their own MCP clients can be tried without anybody's account.
 */
export type Model = {
  readonly origin: string
  /** The call to make the next time somebody asks; a function's name as the coding tool knows it. */
  readonly tell: (call: { readonly tool: string; readonly input: object }) => void
  /** What the last call came to, as the coding tool said it. */
  readonly heard: () => string
  readonly close: () => void
}

type Event = Readonly<Record<string, unknown>> & { readonly type: string }
type Call = { readonly tool: string; readonly input: object }

export async function startModel(): Promise<Model> {
  let call: Call = { tool: '', input: {} }
  let heard = ''
  const server = createServer(async (request, response) => {
    const body = JSON.parse((await textOf(request)) || '{}') as Body
    const path = new URL(request.url ?? '', 'http://model').pathname
    const speaks = path.endsWith('/messages') ? MESSAGES : path.endsWith('/responses') ? RESPONSES : undefined
    if (!speaks) return void response.writeHead(404, { 'content-type': 'application/json' }).end('{}')
    const answered = speaks.answered(body)
    if (answered !== undefined) heard = answered
    const has = (body.tools ?? []).length > 0
    stream(response, has && answered === undefined ? speaks.call(call) : speaks.say(answered ?? ''))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tell: (next) => {
      call = next
      heard = ''
    },
    heard: () => heard,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

type Body = {
  readonly tools?: readonly unknown[]
  readonly messages?: readonly { readonly content?: unknown }[]
  readonly input?: readonly { readonly type?: string; readonly output?: unknown }[]
}

type Speaks = {
  /** The result of a call in the newest turn, if it holds one. */
  readonly answered: (body: Body) => string | undefined
  readonly call: (call: Call) => readonly Event[]
  readonly say: (text: string) => readonly Event[]
}

const MESSAGES: Speaks = {
  answered: ({ messages = [] }) => {
    const last = messages.at(-1)?.content
    const result = Array.isArray(last)
      ? (last as { type?: string; content?: unknown }[]).find(({ type }) => type === 'tool_result')
      : undefined
    return result && JSON.stringify(result.content)
  },
  call: ({ tool, input }) =>
    message('tool_use', [
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'tool_use', id: 'toolu_1', name: tool, input: {} },
      },
      {
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'input_json_delta', partial_json: JSON.stringify(input) },
      },
    ]),
  say: (text) =>
    message('end_turn', [
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: text || 'done' } },
    ]),
}

function message(stop: string, content: readonly Event[]): readonly Event[] {
  const usage = { input_tokens: 1, output_tokens: 1 }
  const start = { id: 'msg_1', type: 'message', role: 'assistant', model: 'told', content: [], usage }
  return [
    { type: 'message_start', message: { ...start, stop_reason: null, stop_sequence: null } },
    ...content,
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: stop, stop_sequence: null }, usage },
    { type: 'message_stop' },
  ]
}

const RESPONSES: Speaks = {
  answered: ({ input = [] }) => {
    const result = input.findLast(({ type }) => type === 'function_call_output')
    return result && JSON.stringify(result.output)
  },
  call: ({ tool, input }) => {
    const at = tool.lastIndexOf('.')
    const named = at < 0 ? { name: tool } : { namespace: tool.slice(0, at), name: tool.slice(at + 1) }
    return responseOf({
      type: 'function_call',
      id: 'fc_1',
      call_id: 'call_1',
      ...named,
      arguments: JSON.stringify(input),
      status: 'completed',
    })
  },
  say: (text) =>
    responseOf({
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: text || 'done', annotations: [] }],
    }),
}

function responseOf(item: object): readonly Event[] {
  const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 }
  const whole = { id: 'resp_1', object: 'response', status: 'completed', output: [item], usage }
  return [
    { type: 'response.created', response: { ...whole, status: 'in_progress', output: [] } },
    { type: 'response.output_item.added', output_index: 0, item },
    { type: 'response.output_item.done', output_index: 0, item },
    { type: 'response.completed', response: whole },
  ]
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

function stream(response: ServerResponse, events: readonly Event[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const event of events) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  response.end()
}
