import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { outcome, say, signInHere } from './person.mjs'

const [url] = process.argv.slice(2)
const { provider, came, close } = await signInHere('SDK v2')
const connect = async () => {
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider })
  const client = new Client({ name: 'sdk-v2', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
  return {
    transport,
    client,
    error: await client.connect(transport).then(
      () => undefined,
      (error) => error,
    ),
  }
}
const first = await connect()
if (!(first.error instanceof UnauthorizedError)) throw first.error
await first.transport.finishAuth(await came)
const { client, error } = await connect()
if (error) throw error
const { tools } = await client.listTools()
say({
  tools: tools.map(({ name }) => name),
  allowed: await outcome(client.callTool({ name: 'read_note', arguments: { name: 'x' } })),
  refused: await outcome(client.callTool({ name: 'burn_notes', arguments: {} })),
})
await client.close()
close()
