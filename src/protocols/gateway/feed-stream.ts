import type { IncomingMessage, ServerResponse } from 'node:http'
import { reveal } from '../../core/secret.ts'
import type { AuthorizedGateway } from '../../flows/authorize-gateway.ts'
import type { FeedMessage, GatewayFeeds } from '../../flows/feed-gateway.ts'
import type { DoorResponse } from '../../lib/http/route.ts'

/** Bytes that may wait for a gateway that doesn't read. It is cut off then: what it knows is old anyway, and it starts anew. */
const MAX_WAITING = 64 * 1024 * 1024

/** The feed as lines of JSON, for as long as the gateway listens and may. */
export function feedResponse(feeds: GatewayFeeds, gateway: AuthorizedGateway): DoorResponse {
  return {
    takeOver: (_request: IncomingMessage, response: ServerResponse) =>
      new Promise((resolve) => {
        response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
        const send = (message: FeedMessage): void => {
          response.write(`${JSON.stringify(wireOf(message))}\n`)
          if (message.type === 'end') response.end()
          else if (response.writableLength > MAX_WAITING) response.destroy()
        }
        const stop = feeds.open(gateway, send)
        response.once('close', () => {
          stop()
          resolve()
        })
      }),
  }
}

/** The one place where ticket keys leave for a gateway, which is listed for their tenants. */
function wireOf(message: FeedMessage): object {
  if (message.type !== 'ticket-keys') return message
  const tenants = Object.entries(message.tenants).map(([tenant, keys]) => [
    tenant,
    keys.map(({ id, key, from }) => ({ id, key: reveal(key), from })),
  ])
  return { ...message, tenants: Object.fromEntries(tenants) }
}
