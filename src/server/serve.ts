import { type Logger, pino } from 'pino'
import type { Running } from './authority.ts'
import { readServerConfig, type ServerConfig } from './config.ts'

/** What a role says when it is ready: where it listens, and as what. */
export type Facts = Running['facts']

/** A server that starts or runs. */
export type Served = {
  /** Resolves once every role answers, or `close` was called before. Rejects, with everything closed, when one can't be started. */
  readonly started: Promise<void>
  /** Reads the certificates' files again. What is wrong with them is logged, and the old ones stay. */
  readonly renew: () => void
  /** Ends the roles, also in the middle of their start; the gateway first, since it has something to ship to the authority. */
  readonly close: () => Promise<void>
}

/** What is secret by type prints as nothing; what could hold a token in text is cut out by name as well. */
function logger(): Logger {
  const redact = ['authorization', 'dpop', '*.authorization', '*.dpop', '*.password', 'err.config']
  return pino(
    { level: process.env['COUNTERSIGN_LOG'] ?? 'info', redact },
    pino.destination({ fd: 2, sync: false }),
  )
}

type Start = (signal: AbortSignal) => Promise<Running>

/** Each role's code is loaded only where it runs: a gateway has no use for the authority's. */
function rolesOf({ authority, gateway }: ServerConfig, log: Logger): readonly Start[] {
  const roles: Start[] = []
  if (authority) {
    roles.push(async (signal) => {
      const { startAuthority } = await import('./authority.ts')
      return startAuthority(authority, log.child({ role: 'authority' }), signal)
    })
  }
  if (gateway) {
    roles.push(async (signal) => {
      const { startGateway } = await import('./gateway.ts')
      return startGateway(gateway, log.child({ role: 'gateway' }), signal)
    })
  }
  return roles
}

/**
 * Runs what the server's configuration names: an authority, a gateway, or both in one process, started side by side, since a gateway
 * waits until the authority knows it. `ready` is called for each role once it answers. Throws BadConfig; `started` rejects with a fault
 * that has a stable reason.
 */
export function serve(configPath: string, ready: (facts: Facts) => void): Served {
  const log = logger()
  const roles = rolesOf(readServerConfig(configPath), log)
  const stop = new AbortController()
  const running: Running[] = []
  const starting = roles.map(async (start) => {
    const role = await start(stop.signal)
    running.push(role)
    if (!stop.signal.aborted) ready(role.facts)
  })
  const close = async () => {
    stop.abort()
    await Promise.allSettled(starting)
    // Whatever could not be closed, the rest still is.
    const order = running.splice(0).sort((a) => (a.facts['role'] === 'gateway' ? -1 : 1))
    for (const role of order) {
      await role.close().catch((error: unknown) => log.error({ err: error }, 'closing'))
    }
  }
  const started = Promise.all(starting).then(
    () => undefined,
    async (error: unknown) => {
      const asked = stop.signal.aborted
      await close()
      if (!asked) throw error
    },
  )
  const renew = () => {
    for (const role of running) {
      try {
        role.renew()
      } catch (error) {
        log.error({ err: error }, 'the certificate stays as it was')
      }
    }
  }
  return { started, renew, close }
}

/**
 * Ends cleanly on SIGTERM and SIGINT: doors closed, what is in flight finished, journals and database last. A second signal ends at once.
 * SIGHUP reads the certificates anew.
 */
export function closeOnSignals(served: Served, ended: (code: number) => void): void {
  let closing = false
  const end = () => {
    if (closing) return ended(1)
    closing = true
    served.close().then(
      () => ended(0),
      () => ended(1),
    )
  }
  process.on('SIGTERM', end).on('SIGINT', end).on('SIGHUP', served.renew)
}
