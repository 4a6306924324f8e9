import { readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { createSecureContext } from 'node:tls'
import { Unavailable } from '../core/refusal.ts'
import type { Route } from '../lib/http/route.ts'
import { type HttpServer, type ServerIdentity, serveRoutes } from '../lib/http/server.ts'
import type { Turns } from '../lib/http/turns.ts'
import { BadConfig, type LimitsConfig, type TlsFiles } from './config.ts'

/** Where a role listens, as its part of the configuration says. */
export type Place = { readonly listen: string; readonly tls?: TlsFiles | undefined }

/** A role's open door. */
export type OpenDoor = Pick<HttpServer, 'host' | 'port' | 'close'> & {
  /** Reads the certificate's files again, for connections from now on. Throws BadConfig, and keeps the old one. */
  readonly renew: () => void
}

/** Milliseconds that requests in flight have when a role ends; whoever stops it waits two seconds. */
export const GRACE_MS = 1000

/**
 * Everything about a place that can be wrong, before anything is started for it. Throws BadConfig for the files of `tls`, `Unavailable`
 * `config.listen` when the address can't be listened on.
 */
export async function checkPlace(role: string, place: Place): Promise<void> {
  identityOf(role, place)
  const { host, port } = addressOf(place)
  if (port === 0) return
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject)
    probe.listen({ host, port }, resolve)
  }).catch((error: unknown) => {
    throw notListening(place, error)
  })
  await new Promise<void>((resolve) => probe.close(() => resolve()))
}

/** Serves a role's routes at its place, over TLS where the configuration says so. Throws as `checkPlace`. */
export async function openDoor(
  role: string,
  place: Place & { readonly limits?: Pick<LimitsConfig, 'connections'> },
  routes: readonly Route[],
  onFault: (fault: unknown) => void,
  turns?: Turns,
): Promise<OpenDoor> {
  const { host, port } = addressOf(place)
  const tls = identityOf(role, place)
  const limits = { grace: GRACE_MS, ...(place.limits ? { connections: place.limits.connections } : {}) }
  const options = { host, port, onFault, limits, ...(turns ? { turns } : {}), ...(tls ? { tls } : {}) }
  const server = await serveRoutes(routes, options).catch((error: unknown) => {
    throw notListening(place, error)
  })
  const renew = () => {
    const identity = identityOf(role, place)
    if (identity) server.renew(identity)
  }
  return { host, port: server.port, renew, close: server.close }
}

function addressOf({ listen }: Place): { readonly host: string; readonly port: number } {
  const at = listen.lastIndexOf(':')
  return { host: listen.slice(0, at).replaceAll(/[[\]]/g, ''), port: Number(listen.slice(at + 1)) }
}

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'it is no address of this machine',
  EACCES: 'this account may not listen there',
  ENOTFOUND: 'its host is not known',
}

function notListening({ listen }: Place, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  const code = String(error.code)
  return new Unavailable('config.listen', `${listen} can't be listened on: ${WHY[code] ?? code}`, {
    cause: error,
  })
}

function identityOf(role: string, { tls }: Place): ServerIdentity | undefined {
  if (!tls) return undefined
  const identity = {
    certificate: readPem(`${role}.tls.certificate`, tls.certificate),
    key: readPem(`${role}.tls.key`, tls.key),
  }
  if ((statSync(tls.key).mode & 0o007) !== 0)
    throw new BadConfig([`${role}.tls.key: ${tls.key} may be read by everybody; take that right away`])
  try {
    createSecureContext({ cert: identity.certificate, key: identity.key })
  } catch {
    // OpenSSL's own words say no more, and might quote what stands in the files.
    throw new BadConfig([`${role}.tls: certificate and key are no PEM files that belong together`])
  }
  return identity
}

function readPem(key: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new BadConfig([`${key}: ${path} can't be read (${code})`])
  }
}
