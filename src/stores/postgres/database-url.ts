import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import type { PoolConfig } from 'pg'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'

/** Where a database is: `DATABASE_URL` read by `readDatabaseUrl`, or the `connection` of an embedded one. */
export type DatabaseAddress = Pick<PoolConfig, 'host' | 'port' | 'user' | 'password' | 'database' | 'ssl'>

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])
/** Everything else is refused: some of libpq's parameters switch the checks of TLS off. */
const PARAMETERS = new Set(['sslmode', 'sslrootcert', 'sslcert', 'sslkey'])

function wrong(says: string): Result<never, Refusal> {
  return err(refuse('malformed', 'config.database_url', `DATABASE_URL ${says}`))
}

/** Nothing may be left to a default that sends a password in the clear, so a remote host must say what it wants. */
function judgeTls(host: string, sslmode: string | null): Result<'verify' | 'off', Refusal> {
  if (host.startsWith('/') || sslmode === 'disable') return ok('off')
  if (sslmode === 'verify-full') return ok('verify')
  if (LOOPBACK.has(host) && sslmode === null) return ok('off')
  const says = 'DATABASE_URL must say sslmode=verify-full (or sslmode=disable, on a network that you trust)'
  return err(refuse('malformed', 'config.database_url_tls', says, { host }))
}

function readTls(parameters: URLSearchParams): ConnectionOptions {
  const file = (name: string) => {
    const path = parameters.get(name)
    return path === null ? undefined : readFileSync(path, 'utf8')
  }
  const [ca, cert, key] = [file('sslrootcert'), file('sslcert'), file('sslkey')]
  return {
    rejectUnauthorized: true,
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
  }
}

function readAddress(url: URL): Result<DatabaseAddress, Refusal> {
  const odd = [...url.searchParams.keys()].find((name) => !PARAMETERS.has(name))
  if (odd !== undefined) return wrong(`has an unknown parameter ${odd}`)
  const host = decodeURIComponent(url.hostname)
  if (host === '')
    return wrong('must name a host, or a socket folder as in postgres://user@%2Ffolder/database')
  const database = decodeURIComponent(url.pathname.slice(1))
  if (database === '' || url.username === '') return wrong('must name a user and a database')
  const tls = judgeTls(host, url.searchParams.get('sslmode'))
  if (!tls.ok) return tls
  return ok({
    host: host.replace(/^\[(.+)\]$/, '$1'),
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    ...(url.password ? { password: decodeURIComponent(url.password) } : {}),
    database,
    ssl: tls.value === 'off' ? false : readTls(url.searchParams),
  })
}

/**
 * Reads `DATABASE_URL`: `postgres://user:password@host:5432/database?sslmode=verify-full`, with `sslrootcert`,
 * `sslcert` and `sslkey` as files; or `postgres://user@%2Ffolder/database` for a unix socket. Messages never hold the
 * URL, since it may hold a password.
 *
 * Refusals: `config.database_url`, `config.database_url_tls`.
 */
export function readDatabaseUrl(text: string): Result<DatabaseAddress, Refusal> {
  if (!/^postgres(ql)?:\/\//.test(text)) return wrong('must begin with postgres://')
  try {
    return readAddress(new URL(text))
  } catch {
    return wrong("can't be read; is the password percent-encoded, and is every certificate file there?")
  }
}
