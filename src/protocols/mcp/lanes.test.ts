import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Behind, type OpenDoor, openDoor, startBehind } from '../../../test/fakes/mcp-door.ts'
import { ana } from '../../../test/properties/decide-world.ts'

let behind: Behind
let at: OpenDoor
beforeEach(async () => {
  behind = await startBehind()
  at = await openDoor(behind, { upstream: { connections: 8, queue: 8, queueTimeout: 300 } })
})
afterEach(async () => {
  await at.close()
  behind.close()
})

/** The server behind is one for both tenants, and answers none of A's calls until it is released. */
const ofA = () => at.call({ customer_id: 'c-42', order_id: 'slow' }, at.bearer())
const B = { tenant: 'b', user: ana('b', 'bo') } as const
const ofB = () => at.call({ customer_id: 'c-42' }, at.bearer(B), 'get_order', at.urlOf('b'))

async function timed(times: number): Promise<{ readonly p99: number; readonly answered: number }> {
  const took: number[] = []
  let answered = 0
  for (let each = 0; each < times; each++) {
    const began = performance.now()
    const { json } = await ofB()
    took.push(performance.now() - began)
    if (json.result?.content?.[0]?.text === 'order of c-42') answered += 1
  }
  took.sort((a, b) => a - b)
  return { p99: took[Math.ceil(times * 0.99) - 1] ?? Infinity, answered }
}

describe('a server behind that does not answer one tenant', () => {
  it('is given no more than its lane holds, and what waits too long is refused as busy', async () => {
    const held = Array.from({ length: 8 }, ofA)
    await expect.poll(() => behind.open).toBe(8)
    const refused = await Promise.all(Array.from({ length: 12 }, ofA))
    for (const { status, json } of refused) {
      expect(status).toBe(200)
      expect(json.error).toMatchObject({ code: 503, data: { reason: 'upstream.busy' } })
    }
    expect(at.recorded('outcome').filter(([, reason]) => reason === 'upstream.busy')).toHaveLength(12)
    behind.release()
    for (const each of held) expect((await each).json.result?.content?.[0]?.text).toBe('order of c-42')
  })

  it('leaves the calls of another tenant to the same server as fast as they were', async () => {
    await timed(20)
    const alone = await timed(200)
    const held = Array.from({ length: 16 }, ofA)
    await expect.poll(() => behind.open).toBe(8)
    const beside = await timed(200)
    expect([alone.answered, beside.answered]).toEqual([200, 200])
    // Far above what the noise of a busy machine does, far below what waiting for A would.
    expect(beside.p99).toBeLessThan(Math.max(alone.p99 * 5, 250))
    behind.release()
    await Promise.all(held)
  })
})
