import { expect, test } from 'vitest'
import { echoNonces } from './nonces.ts'

test('of 200 people at once at two gateways each hears their own nonce, in a session of their own', async () => {
  const report = await echoNonces({ clients: 200, calls: 2000 })
  expect(report).toMatchObject({ calls: 2000, crossed: 0, sessions: 200 })
}, 120_000)
