import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import { applyChanges } from '../core/apply-changes.ts'
import { seconds } from '../core/identity/name.ts'
import type { UpstreamLimits } from '../lib/upstream.ts'
import { type McpDoor, openMcpDoor } from '../protocols/mcp/routes.ts'
import { randomId, randomSalt } from '../stores/postgres/store/random.ts'
import type { Running } from './authority.ts'
import { applyPorts } from './conditions.ts'
import type { GatewayConfig, UpstreamsConfig } from './config.ts'
import { type GatewayEngine, openGatewayEngine } from './engines.ts'
import { type GatewayLink, startGatewayLink } from './gateway-link/gateway-link.ts'
import { checkPlace, GRACE_MS, type OpenDoor, openDoor } from './listen.ts'
import { wallClock } from './plug-ins.ts'
import { type OpenTurns, openTurns } from './turns.ts'

/** Milliseconds that the last records have to reach the authority: what it doesn't take now is shipped by the next start. */
const LAST_SHIPMENT_MS = 500

/**
 * Starts a gateway: proves itself, waits until the authority says that its view is current, for as long as that takes, then opens its
 * doors. Throws with a stable reason when something here can't be had, and what `signal` gives when it ends the start.
 */
export async function startGateway(
  config: GatewayConfig,
  log: Logger,
  signal: AbortSignal = new AbortController().signal,
): Promise<Running> {
  const fault = (error: unknown) => log.error({ err: error }, 'fault')
  await checkPlace('gateway', config)
  const conditions = applyPorts()
  const link = await startGatewayLink(config, {
    now: wallClock,
    monotonic: () => performance.now(),
    newId: randomId,
    newSalt: randomSalt,
    apply: (snapshot, changes) => applyChanges(snapshot, changes, conditions),
    report: fault,
  })
  try {
    await Promise.race([link.ready, ended(signal)])
    const engine = openGatewayEngine(config.ask_again, link, log)
    const mcp = openMcpDoor(link.point, {
      engine,
      origins: config.origins,
      upstream: upstreamLimits(config.upstreams),
    })
    const shared = openTurns(config.limits, { ...link.point, fault })
    const door = await openDoor('gateway', config, mcp.routes, fault, shared.turns)
    const { host, port, renew } = door
    const facts = { role: 'gateway', instance: config.instance, host, port, origin: config.origin }
    const routes = { address: mcp.routes, socket: [] }
    return { facts, routes, renew, close: () => closeGateway(door, mcp, engine, shared, link) }
  } catch (error) {
    await link.close()
    throw error
  }
}

function upstreamLimits({ connections, queue, wait, timeout }: UpstreamsConfig): Partial<UpstreamLimits> {
  const [queueTimeout, silence] = [seconds(wait) * 1000, seconds(timeout) * 1000]
  return { connections, queue, queueTimeout, headersTimeout: silence, bodyTimeout: silence }
}

/** Rejects once the signal ends the start. */
function ended(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(signal.reason)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}

/** Nothing new is let in; calls in flight may finish, streams are told and ended; then the last records go to the authority. */
async function closeGateway(
  door: OpenDoor,
  mcp: McpDoor,
  engine: GatewayEngine,
  shared: OpenTurns,
  link: GatewayLink,
): Promise<void> {
  const closed = door.close()
  await Promise.race([closed, wait(GRACE_MS / 2)])
  await mcp.close()
  await closed
  await shared.close()
  await Promise.race([engine.close(), wait(LAST_SHIPMENT_MS, undefined, { ref: false })])
  await Promise.race([link.close(), wait(LAST_SHIPMENT_MS, undefined, { ref: false })])
}
