import { type Logger, pino } from 'pino'
import { type Running, startAuthority } from './authority.ts'
import { readServerConfig } from './config.ts'
import { startGateway } from './gateway.ts'

export type Served = { readonly running: readonly Running[]; readonly close: () => Promise<void> }

/** What is secret by type prints as nothing; what could hold a token in text is cut out by name as well. */
function logger(): Logger {
  const redact = ['authorization', 'dpop', '*.authorization', '*.dpop', '*.password', 'err.config']
  return pino(
    { level: process.env['COUNTERSIGN_LOG'] ?? 'info', redact },
    pino.destination({ fd: 2, sync: false }),
  )
}

/**
 * Runs what the server's configuration names: an authority, a gateway, or both in one process. Resolves once all of it answers.
 * Throws BadConfig, or a fault with a stable reason.
 */
export async function serve(configPath: string): Promise<Served> {
  const config = readServerConfig(configPath)
  const log = logger()
  const running: Running[] = []
  const close = async () => {
    for (const role of running.splice(0).reverse()) await role.close()
  }
  try {
    if (config.authority)
      running.push(await startAuthority(config.authority, log.child({ role: 'authority' })))
    if (config.gateway) running.push(await startGateway(config.gateway, log.child({ role: 'gateway' })))
  } catch (error) {
    await close()
    throw error
  }
  return { running, close }
}

/** Ends cleanly on a signal: doors closed, what is in flight finished, journals and database last. A second signal ends at once. */
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
  process.on('SIGTERM', end).on('SIGINT', end)
}
