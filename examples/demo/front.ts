/**
 * One TCP front for several gateways: each connection goes to the next one, or to the one that was pinned. It sees bytes only, so
 * a gateway behind it can't rely on which connection a request came by.
 */
import { type AddressInfo, connect, createServer, type Server } from 'node:net'

export type Front = {
  readonly port: number
  /** Every new connection goes to this backend until it is let go. */
  readonly pin: (backend: number | undefined) => void
  readonly point: (ports: readonly number[]) => void
  /** Connections that each backend was given so far. */
  readonly given: () => readonly number[]
  readonly close: () => Promise<void>
}

export async function startFront(): Promise<Front> {
  let backends: readonly number[] = []
  let pinned: number | undefined
  let turn = 0
  const given: number[] = []
  const server: Server = createServer((client) => {
    const index = pinned ?? turn++ % Math.max(1, backends.length)
    given[index] = (given[index] ?? 0) + 1
    const upstream = connect(backends[index] ?? 0, '127.0.0.1')
    client.pipe(upstream).pipe(client)
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy())
    upstream.on('error', () => client.destroy()).on('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    pin: (backend) => {
      pinned = backend
    },
    point: (ports) => {
      backends = ports
    },
    given: () => backends.map((_, index) => given[index] ?? 0),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
