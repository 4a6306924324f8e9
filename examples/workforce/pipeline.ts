/**
 * A data-pipeline agent. It holds no secret: its proof is the token file that the cluster projects into its pod, its key is made in
 * memory, and its database login is minted for it and lives minutes.
 *
 *   node examples/workforce/pipeline.ts <home issuer> <token file> <warehouse resource URI>
 */
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { createAgent, type DatabaseLogin } from '../../src/sdk/agent.ts'
import { announce } from '../parts/announce.ts'
import { takeOrders, text } from '../parts/commands.ts'

const [home = '', tokenFile = '', warehouse = ''] = process.argv.slice(2)
const agent = await createAgent({ home, evidence: () => readFile(tokenFile, 'utf8') })
const connections = new Map<string, pg.Client>()
const endings = new Map<string, Promise<string>>()

async function connect(login: DatabaseLogin): Promise<pg.Client> {
  const { host, port, database, user, password } = login
  const client = new pg.Client({ host, port, database, user, password, application_name: 'pipeline' })
  await client.connect()
  return client
}

/** Resolves with the reason once the server ends the connection. */
function watch(name: string, client: pg.Client): void {
  endings.set(
    name,
    new Promise((resolve) => {
      client.on('error', (error) => resolve(error.message))
      client.on('end', () => resolve('connection ended'))
    }),
  )
}

async function logIn(name: string, tools?: readonly string[]): Promise<Omit<DatabaseLogin, 'password'>> {
  const token = await agent.token({ issuer: home, resource: warehouse })
  const login = await agent.lease(home, token, tools)
  const client = await connect(login)
  watch(name, client)
  connections.set(name, client)
  return { ...login, password: '[not shown]' } as Omit<DatabaseLogin, 'password'>
}

function connection(name: string): pg.Client {
  const found = connections.get(name)
  if (!found) throw new Error(`no connection named ${name}`)
  return found
}

takeOrders({
  'log in': (args) => logIn(text(args, 'as')),
  query: async (args) => (await connection(text(args, 'as')).query(text(args, 'sql'))).rows,
  /** How a connection held open ended; answers when it did. */
  'wait for end': async (args) => {
    const began = performance.now()
    const how = await endings.get(text(args, 'as'))
    return { how, afterMs: Math.round(performance.now() - began) }
  },
})
announce({})
