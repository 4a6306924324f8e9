/**
 * `npm run interop [-- client…] [--json]`: real clients of others against a real authority and gateway. Each signs its person in by itself
 * (an identity provider, a browser without a screen), calls a tool that it may use, and tries one that it may not. Exits 0 only if each did
 * as it must.
 */

import { startSignInWorld } from '../support/sign-in-world.ts'
import { CLIENTS } from './clients.ts'
import { installPeers } from './peers.ts'
import type { Client, Seen } from './seen.ts'

const args = process.argv.slice(2)
const json = args.includes('--json')
const wanted = args.filter((arg) => !arg.startsWith('--'))
const progress = (line: string) => void process.stderr.write(`${line}\n`)

type Row = { readonly client: string; readonly ok: boolean; readonly ms: number } & Seen

/** Signed in, saw what is its own to see, could do what it may, and not what it may not. */
function isRight({ tools, allowed, refused }: Seen): boolean {
  const hidden = tools === undefined || !tools.some((name) => name.includes('burn_notes'))
  return hidden && allowed.includes('the note x') && !refused.includes('burnt')
}

async function tryOne(client: Client, context: Parameters<Client['run']>[0]): Promise<Row> {
  const began = performance.now()
  const seen = await client.run(context).catch((error: unknown) => {
    return { signedIn: '', allowed: String(error).slice(0, 600), refused: '' }
  })
  const ok = seen.signedIn !== '' && isRight(seen)
  return { client: client.name, ok, ms: Math.round(performance.now() - began), ...seen }
}

function line({ client, ok, ms, signedIn, allowed, refused }: Row): string {
  const head = `${ok ? 'ok    ' : 'failed'}  ${client.padEnd(24)} ${(ms / 1000).toFixed(1).padStart(5)} s`
  if (ok) return `${head}  ${signedIn.padEnd(12)} refused: ${refused.slice(0, 90)}`
  return `${head}\n        allowed: ${allowed}\n        refused: ${refused}`
}

async function main(): Promise<number> {
  const chosen = CLIENTS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
  if (chosen.length === 0) {
    progress(`there are: ${CLIENTS.map(({ name }) => name).join(', ')}`)
    return 2
  }
  const packages = await installPeers(progress)
  progress('starting an authority, a gateway, an identity provider and an MCP server')
  const world = await startSignInWorld()
  const rows: Row[] = []
  try {
    for (const client of chosen) {
      progress(`${client.name} …`)
      const row = await tryOne(client, { world, packages })
      rows.push(row)
      if (!json) process.stdout.write(`${line(row)}\n`)
    }
  } finally {
    await world.close()
  }
  const ok = rows.every((row) => row.ok)
  if (json) process.stdout.write(`${JSON.stringify({ ok, clients: rows })}\n`)
  return ok ? 0 : 1
}

process.exitCode = await main()
