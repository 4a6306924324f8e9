import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  type AdminClient,
  type AdminConnection,
  type AdminLogin,
  createAdminClient,
} from '../sdk/admin-client.ts'
import type { Io } from './io.ts'
import { CliRefused, WrongUse } from './run.ts'

/** Where an authority runs when nobody says otherwise. */
export const DEFAULT_SOCKET = '/var/lib/countersign/admin.sock'

export type Where = { readonly socket?: string; readonly server?: string }

/** The socket that is meant: `--socket`, COUNTERSIGN_SOCKET, or the usual place. */
export function socketOf({ socket }: Where, io: Io): string {
  return socket ?? io.env['COUNTERSIGN_SOCKET'] ?? DEFAULT_SOCKET
}

/**
 * Over the socket, or to `--server` with COUNTERSIGN_TOKEN or the token that `admin login` kept. Refuses `cli.no_token` when there is none
 * for that server.
 */
export async function connect(where: Where, io: Io): Promise<AdminClient> {
  return createAdminClient(await connectionOf(where, io))
}

async function connectionOf(where: Where, io: Io): Promise<AdminConnection> {
  if (where.server === undefined) return { socket: socketOf(where, io) }
  if (where.socket !== undefined) throw new WrongUse('Name --socket or --server, not both.')
  if (!URL.canParse(where.server))
    throw new WrongUse(`--server takes an address such as https://authority.example, not ${where.server}.`)
  const token = io.env['COUNTERSIGN_TOKEN'] ?? (await keptToken(new URL(where.server).origin, io))
  if (token !== undefined) return { server: where.server, token }
  const says = `No administrator token for ${where.server}: set COUNTERSIGN_TOKEN, or run \`countersign admin login\` on its machine.`
  throw new CliRefused('cli.no_token', says)
}

function tokenFile(io: Io): string {
  const state = io.env['XDG_STATE_HOME'] || join(io.env['HOME'] || homedir(), '.local', 'state')
  return join(state, 'countersign', 'admin-token.json')
}

/** Keeps the token for its user alone: a 0600 file in a 0700 folder, replaced whole. Answers where. */
export async function keepToken(login: AdminLogin, io: Io): Promise<string> {
  const path = tokenFile(io)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const fresh = `${path}.${process.pid}`
  const file = await open(fresh, 'w', 0o600)
  await file.writeFile(JSON.stringify(login)).finally(() => file.close())
  await rename(fresh, path)
  return path
}

async function keptToken(origin: string, io: Io): Promise<string | undefined> {
  const text = await readFile(tokenFile(io), 'utf8').catch(() => '{}')
  const kept = JSON.parse(text) as Partial<AdminLogin>
  const good = kept.origin === origin && typeof kept.expires === 'number' && kept.expires * 1000 > io.now()
  return good ? kept.token : undefined
}
