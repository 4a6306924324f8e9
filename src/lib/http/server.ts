import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { type HttpLimits, handle, LIMITS } from './door.ts'
import type { Route } from './route.ts'
import { compileRoutes } from './router.ts'
import type { Turns } from './turns.ts'

/** A certificate chain and its private key, as PEM. */
export type ServerIdentity = { readonly certificate: string; readonly key: string }

export type ServeOptions = {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** A unix socket to listen on instead; its folder says who may open it. */
  readonly path?: string
  /** Serve https with these, and nothing else at this address. */
  readonly tls?: ServerIdentity
  readonly limits?: Partial<HttpLimits>
  /** Where requests wait for their turn, and are refused when too many do. */
  readonly turns?: Turns
  /** Told of each fault (a thrown error): the caller learns nothing of it. */
  readonly onFault?: (fault: unknown, route: Route) => void
}

/** A running server. `close` stops taking connections, waits for what is in flight, then cuts what is left. */
export type HttpServer = {
  readonly server: Server
  readonly host: string
  readonly port: number
  /** New connections get this certificate; open ones keep theirs. Throws when the two don't fit; does nothing without TLS. */
  readonly renew: (identity: ServerIdentity) => void
  readonly close: () => Promise<void>
}

/** Serves exactly the routes of the table. Throws when two are the same, or the address can't be listened on. */
export async function serveRoutes(routes: readonly Route[], options: ServeOptions): Promise<HttpServer> {
  const limits = { ...LIMITS, ...options.limits }
  const door = {
    router: compileRoutes(routes),
    limits,
    onFault: options.onFault ?? (() => {}),
    turns: options.turns,
  }
  const server = makeServer(limits, options.tls)
  server.maxConnections = limits.connections
  // Node drops what exceeds its own count without a word; the door counts and refuses instead.
  server.maxHeadersCount = 0
  server.on('request', (request, response) => void handle(door, request, response, false))
  server.on('checkContinue', (request, response) => void handle(door, request, response, true))
  server.on('clientError', refuseConnection)
  const sockets = trackSockets(server)
  const port = await listen(server, options)
  return {
    server,
    host: options.host,
    port,
    renew: (identity) => {
      if (server instanceof TlsServer) server.setSecureContext(contextOf(identity))
    },
    close: () => closeServer(server, sockets, limits.grace),
  }
}

/** Every connection, also one that has sent nothing yet or is still in its TLS handshake: HTTP knows nothing of those. */
function trackSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}

// RFC 9325 §3.1.1: nothing below TLS 1.2. Said here, since a flag or a variable of Node could lower its default.
function contextOf({ certificate, key }: ServerIdentity) {
  return { cert: certificate, key, minVersion: 'TLSv1.2' } as const
}

function makeServer(limits: HttpLimits, tls: ServerIdentity | undefined): Server {
  const http = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAlive,
    connectionsCheckingInterval: Math.min(5000, limits.headersTimeout),
  }
  if (!tls) return createServer(http)
  return createTlsServer({ ...http, ...contextOf(tls), handshakeTimeout: limits.headersTimeout })
}

/** The port, 0 on a unix socket. */
function listen(server: Server, { host, port, path }: ServeOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path === undefined ? { host, port } : { path }, () => {
      server.removeListener('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : 0)
    })
  })
}

async function closeServer(server: Server, sockets: ReadonlySet<Socket>, grace: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // A connection that was busy when closing began would idle until its keep-alive ends.
  const sweep = setInterval(() => server.closeIdleConnections(), 20)
  const cut = setTimeout(() => {
    for (const socket of sockets) socket.destroy()
  }, grace)
  await closed
  clearInterval(sweep)
  clearTimeout(cut)
}

/** What could not be read as HTTP at all: there is no route, so no shape but a status. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
  const status = CONNECTION_STATUS[error.code ?? ''] ?? '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}

const CONNECTION_STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}
