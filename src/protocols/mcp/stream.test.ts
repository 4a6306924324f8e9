import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Behind, type OpenDoor, openDoor, startBehind } from '../../../test/fakes/mcp-door.ts'
import { change } from '../../../test/properties/decide-world.ts'

let behind: Behind
let at: OpenDoor
beforeAll(async () => {
  behind = await startBehind()
})
afterAll(() => behind.close())
beforeEach(async () => {
  behind.status = 0
  behind.seen.length = 0
  at = await openDoor(behind)
})
afterEach(() => at.close())

describe('a listening stream', () => {
  const wanted = { notifications: { toolsListChanged: true } }
  const opened = async (over: Record<string, unknown> = {}) => {
    const answer = at.post({ method: 'subscriptions/listen', params: wanted, headers: at.bearer({ over }) })
    await expect.poll(() => at.door.enforcement.watch.size).toBeGreaterThan(0)
    return answer
  }
  // A change may also come while it is being opened: then it is refused instead of ended, and for the same reason.
  const ending = (text: string) => /"(?:countersign\/)?reason":"([a-z_.]+)"/.exec(text)?.[1]

  it('is acknowledged, kept alive, and ended with a result when the token expires', async () => {
    const answer = opened({ exp: Math.floor(Date.now() / 1000) + 2 })
    const { text } = await answer
    expect(text).toMatch(/^event: message\ndata: .*subscriptions\/acknowledged.*\n\n: alive/)
    expect(text).toMatch(/"id":7,"result":\{"resultType":"complete"/)
    expect(ending(text)).toBe('chain.expired')
  })

  it('ends when a change means that it would not be opened any more', async () => {
    const answer = opened()
    await expect.poll(() => behind.open).toBeGreaterThan(0)
    at.point.apply(change('a', 'policy', 'support-uses-orders', null))
    expect(ending((await answer).text)).toBe('agent.no_permit')
    await expect.poll(() => behind.open).toBe(0)
  })

  it('ends when the authority has been silent for too long: a revocation could have been missed', async () => {
    const answer = opened()
    await expect.poll(() => behind.open).toBeGreaterThan(0)
    at.point.broken.staleMs = 31_000
    expect(ending((await answer).text)).toBe('gateway.stale')
  })

  it('is refused where as many are open as the gateway keeps', async () => {
    const full = await openDoor(behind, { maxOpen: 0 })
    const { status, json } = await full.post({
      method: 'subscriptions/listen',
      params: wanted,
      headers: full.bearer(),
    })
    expect([status, json.error?.data.reason]).toEqual([429, 'stream.limit'])
    await full.close()
  })
})
