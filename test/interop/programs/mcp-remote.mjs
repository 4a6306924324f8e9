// mcp-remote is a stdio server in front of a remote one; the client here is the SDK's.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { outcome, say } from './person.mjs'

const [url] = process.argv.slice(2)
const home = await mkdtemp(join(tmpdir(), 'mcp-remote-'))
const transport = new StdioClientTransport({
  command: process.execPath,
  args: [
    fileURLToPath(import.meta.resolve('mcp-remote/dist/proxy.js')),
    url,
    '--transport',
    'http-only',
    '--allow-http',
  ],
  env: { ...process.env, HOME: home, MCP_REMOTE_CONFIG_DIR: home },
  stderr: 'pipe',
})
let told = false
transport.stderr?.on('data', (chunk) => {
  const link = /https?:\/\/\S+\/authorize\?\S+/.exec(String(chunk))?.[0]
  if (link && !told) {
    told = true
    say({ link })
  }
})
const client = new Client({ name: 'mcp-remote', version: '1.0.0' })
await client.connect(transport, { timeout: 60_000 })
const { tools } = await client.listTools()
say({
  tools: tools.map(({ name }) => name),
  allowed: await outcome(client.callTool({ name: 'read_note', arguments: { name: 'x' } })),
  refused: await outcome(client.callTool({ name: 'burn_notes', arguments: {} })),
})
await client.close()
