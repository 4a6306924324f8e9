import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ANA, type Behind, type OpenDoor, openDoor, startBehind } from '../../../test/fakes/mcp-door.ts'
import { change } from '../../../test/properties/decide-world.ts'
import type { TenantName } from '../../core/ids.ts'

let behind: Behind
let at: OpenDoor
beforeAll(async () => {
  behind = await startBehind()
})
afterAll(() => behind.close())
beforeEach(async () => {
  behind.seen.length = 0
  at = await openDoor(behind)
})
afterEach(() => at.close())

const own = { customer_id: 'c-42' }
const SESSION = `ses_${ANA}`

function ordersWith(over: object): void {
  const known = at.point
    .snapshot()
    .tenants.get('a' as TenantName)
    ?.resources.get('orders')?.resource
  const doc = JSON.parse(JSON.stringify({ ...known, ...over }))
  at.point.apply(change('a', 'resource', 'orders', doc))
}
function carries(session: string, label: string): void {
  const name = `${session}/${label}`
  at.point.apply(change('a', 'session-label', name, { 'session-label': name, session, label, until: 1 }))
}
const reasonOf = async (over = {}) =>
  (await at.call(own, at.bearer({ over }))).json.result?._meta?.['countersign/reason'] ?? 'answered'

describe('a resource where not everything may flow', () => {
  beforeEach(() => ordersWith({ labels: [], clearance: 'internal' }))

  it('is asked about at the authority for each call, also of a burst: no credential is used twice', async () => {
    for (const round of [1, 2]) {
      await at.call(own, at.bearer())
      expect(at.point.asks).toHaveLength(round)
    }
    // The authority answers nobody before all three have come.
    const { credential } = at.point
    const all = Promise.withResolvers<void>()
    let waiting = 0
    Object.assign(at.point, {
      credential: async (ask: never) => {
        waiting += 1
        if (waiting === 3) all.resolve()
        await Promise.race([all.promise, setTimeout(300)])
        return credential(ask)
      },
    })
    await Promise.all([at.call(own, at.bearer()), at.call(own, at.bearer()), at.call(own, at.bearer())])
    expect(at.point.asks).toHaveLength(5)
    const used = behind.seen.map(({ authorization }) => authorization)
    expect(new Set(used).size).toBe(5)
  })

  it('is refused by the authority that knows more than this gateway, and nothing is sent', async () => {
    await at.call(own, at.bearer())
    const before = at.point.snapshot()
    carries(SESSION, 'confidential')
    const knows = at.point.snapshot()
    let asked = false
    const { credential } = at.point
    Object.assign(at.point, {
      snapshot: () => (asked ? knows : before),
      credential: (ask: never) => {
        asked = true
        return credential(ask)
      },
    })
    expect(await reasonOf()).toBe('label.flow')
    expect(behind.seen).toHaveLength(1)
  })

  it('tells a session that carries too much which label, and no other session', async () => {
    carries(SESSION, 'confidential')
    expect(await reasonOf()).toBe('label.flow')
    expect(await reasonOf({ sid: 'ses_other', lin: ['session:ses_other'] })).toBe('answered')
    expect(at.recorded('decision').map(([, reason]) => reason)).toEqual(['label.flow', 'allowed'])
  })

  it('may not be judged by a view as old as reading allows elsewhere', async () => {
    at.point.broken.staleMs = 6000
    expect((await at.call(own, at.bearer())).json.error?.data.reason).toBe('gateway.stale')
  })

  it('is refused where no credential leads past the authority, as is a label above public', async () => {
    for (const over of [{ clearance: 'internal' }, { clearance: 'confidential', labels: ['internal'] }]) {
      ordersWith({ ...over, credential: undefined })
      for (const once of [{}, { once: true }]) expect(await reasonOf(once)).toBe('lease.no_provider')
    }
    expect(behind.seen).toEqual([])
  })
})

it('with the clearance that everything has, a credential is used again', async () => {
  await at.call(own, at.bearer())
  carries(SESSION, 'confidential')
  await at.call(own, at.bearer())
  expect(at.point.asks).toHaveLength(1)
})
