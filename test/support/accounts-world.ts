import { spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { ROOT } from '../source-files.ts'

/** A server of another company, which takes tokens of its own authorization server alone. */
export type AccountsWorld = {
  /** The MCP server. */
  readonly at: string
  readonly issuer: string
  /** Both `host:port`s. */
  readonly hosts: readonly string[]
  /** What the server was shown: each bearer token once, in order. */
  readonly shown: readonly string[]
  readonly counts: () => Promise<Readonly<Record<string, number>>>
  readonly close: () => void
}

/** Starts both; access tokens live this many seconds. */
export async function startAccountsWorld(life: number): Promise<AccountsWorld> {
  const { issuer, end } = await startServer(life)
  const shown: string[] = []
  const server = mcpServer(issuer, shown)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    at: `http://${host}/mcp`,
    issuer,
    hosts: [host, new URL(issuer).host],
    shown,
    counts: async () => (await (await fetch(`${issuer}/counts`)).json()) as Record<string, number>,
    close: () => {
      end()
      server.closeAllConnections()
      server.close()
    },
  }
}

async function startServer(life: number): Promise<{ readonly issuer: string; readonly end: () => void }> {
  const script = join(ROOT, 'test/support/accounts-server.ts')
  const child = spawn(process.execPath, [script, String(life)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  })
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) continue
    return { issuer: (JSON.parse(line) as { issuer: string }).issuer, end: () => child.kill('SIGTERM') }
  }
  throw new Error('the authorization server ended before it was ready')
}

type Told = {
  readonly active: boolean
  readonly sub?: string
  readonly scope?: string
  readonly aud?: string
}

/** Asks the authorization server, so that what was revoked there counts no more here. */
async function introspect(issuer: string, token: string): Promise<Told> {
  const answer = await fetch(`${issuer}/token/introspection`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from('mcp-server:the-secret-of-the-server').toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ token }).toString(),
  })
  return (await answer.json()) as Told
}

function mcpServer(issuer: string, shown: string[]) {
  const server = createServer((request, response) => {
    const base = `http://${request.headers.host}`
    const metadata = `${base}/.well-known/oauth-protected-resource/mcp`
    if (request.url?.startsWith('/.well-known/oauth-protected-resource')) {
      const json = { resource: `${base}/mcp`, authorization_servers: [issuer], scopes_supported: ['read'] }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(json))
      return
    }
    const refuse = (status: number, said: string) => {
      const challenge = `Bearer resource_metadata="${metadata}", ${said}`
      response.writeHead(status, { 'www-authenticate': challenge }).end()
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', async () => {
      const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
      const told = token === undefined ? undefined : await introspect(issuer, token)
      if (token !== undefined && !shown.includes(token)) shown.push(token)
      if (!told?.active || told.aud !== `${base}/mcp`)
        return refuse(401, 'error="invalid_token", scope="read"')
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString() || '{}')
      if (wantsWrite(body) && !told.scope?.split(' ').includes('write'))
        return refuse(403, 'error="insufficient_scope", scope="write"')
      await answer(told.sub ?? '', request, response, body)
    })
  })
  return server
}

function wantsWrite(body: unknown): boolean {
  return JSON.stringify(body).includes('"close_issue"')
}

type Served = (request: IncomingMessage, response: ServerResponse, body: unknown) => Promise<void>

async function answer(
  sub: string,
  request: IncomingMessage,
  response: ServerResponse,
  body: unknown,
): Promise<void> {
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'tracker', version: '1.0.0' })
    const said = (text: string) => ({ content: [{ type: 'text' as const, text }] })
    server.registerTool('read_issue', { inputSchema: z.object({}) }, () => said(`an issue of ${sub}`))
    server.registerTool('close_issue', { inputSchema: z.object({}) }, () => said(`closed by ${sub}`))
    return server
  })
  await (toNodeHandler(handler) as unknown as Served)(request, response, body)
}
