import { createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Unavailable } from '../../core/refusal.ts'
import { faultOf, openPool } from './connect.ts'

const sockets = new Set<Socket>()
/** Says that the login is fine and that it is ready, and then nothing more: a network that lost the server. */
const READY = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49])
const silent = createServer((socket) => {
  sockets.add(socket)
  socket.once('data', () => socket.write(READY))
})
beforeAll(() => new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', () => resolve())))
afterAll(() => {
  for (const socket of sockets) socket.destroy()
  silent.close()
})

test('a server that has fallen silent is given up on, as unreachable', async () => {
  const address = silent.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const pool = openPool(
    { host: '127.0.0.1', port, user: 'u', database: 'd', ssl: false },
    { applicationName: 't', statementTimeoutMs: -4800 },
  )
  const fault = await pool.query('select 1').catch((error: unknown) => faultOf(error))
  expect(fault).toBeInstanceOf(Unavailable)
  expect(fault).toMatchObject({ reason: 'store.unreachable' })
  await pool.end()
})
