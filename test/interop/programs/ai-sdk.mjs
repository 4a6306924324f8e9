import { auth, createMCPClient } from '@ai-sdk/mcp'
import { outcome, say, signInHere } from './person.mjs'

const [url] = process.argv.slice(2)
const { provider, came, close } = await signInHere('AI SDK')
if ((await auth(provider, { serverUrl: url })) !== 'AUTHORIZED') {
  const answer = await came
  await auth(provider, {
    serverUrl: url,
    authorizationCode: answer.get('code'),
    callbackState: answer.get('state'),
  })
}
const client = await createMCPClient({ transport: { type: 'http', url, authProvider: provider } })
const tools = await client.tools()
const call = (name, args) =>
  tools[name]
    ? tools[name].execute(args, { toolCallId: name, messages: [] })
    : Promise.reject(new Error('not shown'))
say({
  tools: Object.keys(tools),
  allowed: await outcome(call('read_note', { name: 'x' })),
  refused: await outcome(call('burn_notes', {})),
})
await client.close()
close()
