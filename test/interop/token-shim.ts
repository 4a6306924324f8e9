import { createServer, type IncomingHttpHeaders, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'

/**
 * For a program that can't sign in: passes each request on to the gateway with a token, byte for byte otherwise. As a proxy before a server
 * does, it puts the server's own host in the place of its own.
 */
export async function startTokenShim(
  gateway: string,
  token: () => Promise<string>,
): Promise<{ readonly url: string; readonly close: () => void }> {
  const target = new URL(gateway)
  const server = createServer(async (request, response) => {
    const { host = '', ...rest } = request.headers
    const headers = { ...withHost(rest, host, target), authorization: `Bearer ${await token()}` }
    const { method } = request
    const onward = send(target, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      response.flushHeaders()
      pipeline(answer, response, () => undefined)
    })
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    pipeline(request, onward, () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, close }

  function withHost(headers: IncomingHttpHeaders, host: string, { origin }: URL): IncomingHttpHeaders {
    const own = `127.0.0.1:${(server.address() as AddressInfo).port}`
    const isOwn = host === own && headers.origin === `http://${own}`
    return isOwn ? { ...headers, origin } : headers
  }
}
