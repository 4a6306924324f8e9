/**
 * A process that got hold of a token but not of the key behind it. It tries the token as a bearer, with a proof of a key of its own,
 * and with a proof that it recorded.
 *
 *   node examples/customer/thief.ts
 */

import { createAgent } from '../../src/sdk/agent.ts'
import { announce } from '../parts/announce.ts'
import { takeOrders, text } from '../parts/commands.ts'
import { postTool } from './post-tool.ts'

const own = await createAgent({ home: 'http://127.0.0.1', evidence: async () => '' })

function send(type: 'Bearer' | 'DPoP', args: Record<string, unknown>) {
  const call = own.fetchWith({ token: text(args, 'token'), type, expiresIn: 60 })
  return postTool(call, text(args, 'url'), text(args, 'tool'), args.input)
}

takeOrders({
  'as bearer': (args) => send('Bearer', args),
  'with own key': (args) => send('DPoP', args),
})
announce({})
