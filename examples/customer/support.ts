/**
 * A support agent that faces customers: one process that serves tenants A and B at once, each call for the user who asked, or for
 * nobody. It talks MCP to the gateway with the ordinary client; only `fetch` is replaced, to carry the token and the proof of its key.
 *
 *   node examples/customer/support.ts <home issuer> <token file> <gateway origin> <authority origin>
 */
import { readFile } from 'node:fs/promises'
import { Client, type McpSubscription, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Agent as Connections, fetch as fetchOver } from 'undici'
import { type AccessToken, createAgent } from '../../src/sdk/agent.ts'
import { announce } from '../parts/announce.ts'
import { takeOrders, text } from '../parts/commands.ts'
import { postTool } from './post-tool.ts'

const [home = '', tokenFile = '', gateway = '', authority = ''] = process.argv.slice(2)
// A connection for each request, so that requests really spread over the gateways behind the one address.
const dispatcher = new Connections({ pipelining: 0 })
const connectEachTime = ((input: string | URL, init?: RequestInit) => {
  const headers = Object.fromEntries(new Headers(init?.headers))
  return fetchOver(String(input), { ...(init as object), headers, dispatcher })
}) as unknown as typeof fetch
const agent = await createAgent({ home, evidence: () => readFile(tokenFile, 'utf8'), fetch: connectEachTime })
const tokens = new Map<string, { readonly token: AccessToken; readonly resource: string }>()
const streams = new Map<string, McpSubscription>()
const clients = new Map<string, Client>()

function held(name: string): { readonly token: AccessToken; readonly resource: string } {
  const found = tokens.get(name)
  if (!found) throw new Error(`no token named ${name}`)
  return found
}

async function obtain(args: Record<string, unknown>): Promise<unknown> {
  const resource = `${gateway}/t/${text(args, 'tenant')}/mcp/${text(args, 'resource')}`
  const user = text(args, 'user')
  const token = await agent.token({
    issuer: `${authority}/t/${text(args, 'tenant')}`,
    resource,
    ...(user ? { subjectToken: user } : {}),
    ...(args.singleUse === true ? { singleUse: true } : {}),
  })
  tokens.set(text(args, 'as'), { token, resource })
  const claims = JSON.parse(Buffer.from(token.token.split('.')[1] ?? '', 'base64url').toString()) as unknown
  return { type: token.type, expiresIn: token.expiresIn, claims }
}

async function connected(name: string): Promise<Client> {
  const known = clients.get(name)
  if (known) return known
  const { token, resource } = held(name)
  const client = new Client({ name: 'support', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  await client.connect(
    new StreamableHTTPClientTransport(new URL(resource), { fetch: agent.fetchWith(token) }),
  )
  clients.set(name, client)
  return client
}

async function callTool(args: Record<string, unknown>): Promise<unknown> {
  const client = await connected(text(args, 'as'))
  return client.callTool({ name: text(args, 'tool'), arguments: args.input as Record<string, unknown> })
}

async function listen(args: Record<string, unknown>): Promise<unknown> {
  const client = await connected(text(args, 'as'))
  const stream = await client.listen({ toolsListChanged: true })
  streams.set(text(args, 'stream'), stream)
  return { open: true }
}

takeOrders({
  token: obtain,
  tools: async (args) =>
    (await (await connected(text(args, 'as'))).listTools()).tools.map((tool) => tool.name),
  call: callTool,
  listen,
  'wait for end': async (args) => {
    const began = performance.now()
    const how = await streams.get(text(args, 'stream'))?.closed
    return { how, afterMs: Math.round(performance.now() - began) }
  },
  /** One plain HTTP request with the token named `as`, to any URL: for what a well-behaved client would not do. */
  post: (args) => {
    const { token, resource } = held(text(args, 'as'))
    return postTool(agent.fetchWith(token), text(args, 'url') || resource, text(args, 'tool'), args.input)
  },
  burst: async (args) => {
    const { token, resource } = held(text(args, 'as'))
    const send = agent.fetchWith(token)
    const times = Number(args.times)
    const answers = await Promise.all(
      Array.from({ length: times }, () => postTool(send, resource, text(args, 'tool'), args.input)),
    )
    return answers.map((answer) => ({ status: answer.status, refused: answer.refused }))
  },
  /** Hands the bare token out, as a leak would. */
  leak: async (args) => held(text(args, 'as')).token.token,
})
announce({})
