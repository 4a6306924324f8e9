/** One `tools/call` of MCP revision 2026-07-28 as a plain HTTP request, and what came back. */
export type PostedTool = {
  readonly status: number
  readonly challenge: string | null
  readonly refused: boolean
  readonly reason: string | undefined
  readonly text: string
}

const VERSION = '2026-07-28'

type Answer = {
  readonly result?: {
    readonly isError?: boolean
    readonly content?: readonly { readonly text?: string }[]
    readonly _meta?: Readonly<Record<string, unknown>>
  }
  readonly error?: { readonly message?: string; readonly data?: { readonly reason?: string } }
}

function body(tool: string, input: unknown): string {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': VERSION,
    'io.modelcontextprotocol/clientInfo': { name: 'support', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  return JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: tool, arguments: input ?? {}, _meta: meta },
  })
}

/** The message of a JSON answer, or of the first one in an event stream. */
function read(text: string): Answer {
  const line = text.startsWith('{') ? text : (/^data: (\{.*)$/m.exec(text)?.[1] ?? '{}')
  return JSON.parse(line) as Answer
}

export async function postTool(
  send: typeof fetch,
  url: string,
  tool: string,
  input: unknown,
): Promise<PostedTool> {
  const response = await send(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': VERSION,
      'mcp-method': 'tools/call',
      'mcp-name': tool,
    },
    body: body(tool, input),
  })
  const { result, error } = read(await response.text())
  const reason = result?._meta?.['countersign/reason'] ?? error?.data?.reason
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    refused: response.status >= 400 || error !== undefined || result?.isError === true,
    reason: typeof reason === 'string' ? reason : undefined,
    text: result?.content?.[0]?.text ?? error?.message ?? '',
  }
}
