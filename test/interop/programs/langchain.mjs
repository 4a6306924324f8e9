import { MultiServerMCPClient } from '@langchain/mcp-adapters'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { outcome, say, signInHere } from './person.mjs'

const [url] = process.argv.slice(2)
const { provider, came, close } = await signInHere('LangChain')
const open = () =>
  new MultiServerMCPClient({
    mcpServers: { notes: { transport: 'http', url, authProvider: provider, automaticSSEFallback: false } },
  })
const refusedAtFirst = await open()
  .getTools()
  .then(
    () => undefined,
    (error) => error,
  )
if (!refusedAtFirst) throw new Error('it was let in without a person')
await new StreamableHTTPClientTransport(new URL(url), { authProvider: provider }).finishAuth(
  (await came).get('code'),
)
const client = open()
const tools = await client.getTools()
const call = (name, args) => {
  const tool = tools.find((each) => each.name === name)
  return tool ? tool.invoke(args) : Promise.reject(new Error('not shown'))
}
say({
  tools: tools.map(({ name }) => name),
  allowed: await outcome(call('read_note', { name: 'x' })),
  refused: await outcome(call('burn_notes', {})),
})
await client.close()
close()
