import type { Logger } from 'pino'
import { applyChanges } from '../core/apply-changes.ts'
import { serveRoutes } from '../lib/http/server.ts'
import { openMcpDoor } from '../protocols/mcp/routes.ts'
import { randomId, randomSalt } from '../stores/postgres/store/random.ts'
import type { Running } from './authority.ts'
import { applyPorts } from './conditions.ts'
import type { GatewayConfig } from './config.ts'
import { startGatewayLink } from './gateway-link/gateway-link.ts'
import { wallClock } from './plug-ins.ts'

/** Starts a gateway: proves itself, waits until the authority says that its view is current, then opens its doors. */
export async function startGateway(config: GatewayConfig, log: Logger): Promise<Running> {
  const fault = (error: unknown) => log.error({ err: error }, 'fault')
  const conditions = applyPorts()
  const link = await startGatewayLink(config, {
    now: wallClock,
    monotonic: () => performance.now(),
    newId: randomId,
    newSalt: randomSalt,
    apply: (snapshot, changes) => applyChanges(snapshot, changes, conditions),
    report: fault,
  })
  await link.ready
  const mcp = openMcpDoor(link.point)
  const at = config.listen.lastIndexOf(':')
  const host = config.listen.slice(0, at).replaceAll(/[[\]]/g, '')
  const server = await serveRoutes(mcp.routes, {
    host,
    port: Number(config.listen.slice(at + 1)),
    onFault: fault,
  })
  return {
    facts: { role: 'gateway', instance: config.instance, host, port: server.port, origin: config.origin },
    routes: { address: mcp.routes, socket: [] },
    close: async () => {
      await server.close()
      await mcp.close()
      await link.close()
    },
  }
}
