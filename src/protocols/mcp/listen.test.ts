import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type OpenDoor, openDoor, REVISION } from '../../../test/fakes/mcp-door.ts'
import { type Library, libraryWorld, startLibrary } from '../../../test/fakes/mcp-library.ts'
import { change } from '../../../test/properties/decide-world.ts'
import { createEventReader } from '../../lib/event-stream.ts'

let behind: Library
let at: OpenDoor
beforeAll(async () => {
  behind = await startLibrary()
})
afterAll(() => behind.close())
beforeEach(async () => {
  behind.asked.length = 0
  at = await openDoor(behind, {}, libraryWorld(behind.url))
})
afterEach(() => at.close())

type Told = { readonly method?: string; readonly params?: Record<string, unknown>; readonly result?: object }

/** A stream that stays open, and what came on it so far. */
async function listening(notifications: Record<string, unknown>) {
  const gone = new AbortController()
  const meta = {
    'io.modelcontextprotocol/protocolVersion': REVISION,
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const params = { _meta: meta, notifications }
  const answer = await fetch(at.urlOf(), {
    method: 'POST',
    signal: gone.signal,
    headers: {
      ...at.bearer(),
      'content-type': 'application/json',
      'mcp-protocol-version': REVISION,
      'mcp-method': 'subscriptions/listen',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'subscriptions/listen', params }),
  })
  const told: Told[] = []
  const reader = createEventReader()
  const reading = (async () => {
    const decoder = new TextDecoder()
    for await (const chunk of answer.body ?? []) {
      told.push(...(reader.push(decoder.decode(chunk)) ?? []).map((data) => JSON.parse(data) as Told))
    }
  })().catch(() => undefined)
  await expect.poll(() => told.length).toBeGreaterThan(0)
  return { told, close: () => gone.abort(), over: reading }
}

const everything = {
  toolsListChanged: true,
  promptsListChanged: true,
  resourcesListChanged: true,
  resourceSubscriptions: [
    'orders://c-42/o-1',
    'orders://c-77/o-3',
    'shop://ledger',
    'shop://nowhere',
    'shop://terms',
  ],
}
const mine = ['orders://c-42/o-1', 'shop://terms']

describe('a listening stream', () => {
  it('is about what its caller may read, and asks the server behind for no more', async () => {
    const { told, close } = await listening(everything)
    const agreed = { ...everything, resourceSubscriptions: mine }
    expect(told[0]).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: agreed, _meta: { 'io.modelcontextprotocol/subscriptionId': 7 } },
    })
    expect(behind.asked[0]?.params?.['notifications']).toEqual(agreed)
    expect(at.recorded('decision')).toEqual([['allow', 'allowed', undefined]])
    close()
  })

  it('tells of changes that were asked for, and of contents that may still be read', async () => {
    const { told, close } = await listening({ promptsListChanged: true, resourceSubscriptions: mine })
    behind.notify.toolsChanged()
    behind.notify.promptsChanged()
    behind.notify.resourceUpdated('orders://c-42/o-1')
    await expect.poll(() => told.length).toBe(3)
    at.point.apply(change('a', 'policy', 'own-orders', null))
    behind.notify.resourceUpdated('orders://c-42/o-1')
    behind.notify.resourceUpdated('shop://terms')
    await expect.poll(() => told.length).toBe(4)
    expect(told.slice(1).map(({ method, params }) => [method, params?.['uri']])).toEqual([
      ['notifications/prompts/list_changed', undefined],
      ['notifications/resources/updated', 'orders://c-42/o-1'],
      ['notifications/resources/updated', 'shop://terms'],
    ])
    for (const { params } of told) {
      expect(params?.['_meta']).toEqual({ 'io.modelcontextprotocol/subscriptionId': 7 })
    }
    close()
  })

  it('hears of no list that nothing is declared of', async () => {
    const doc = at.point
      .snapshot()
      .tenants.get('a' as never)
      ?.resources.get('orders')?.resource
    at.point.apply(change('a', 'resource', 'orders', { ...doc, prompts: {}, contents: {} }))
    const { told, close } = await listening(everything)
    expect(told[0]?.params?.['notifications']).toEqual({ toolsListChanged: true })
    close()
  })

  it('ends with its chain, whatever it is about', async () => {
    const { told, over } = await listening(everything)
    at.point.revoke(
      'a',
      'user:' +
        String(
          at.point
            .snapshot()
            .tenants.get('a' as never)
            ?.users.keys()
            .next().value,
        ),
    )
    await over
    expect(told.at(-1)?.result).toMatchObject({
      resultType: 'complete',
      _meta: { 'countersign/reason': 'chain.revoked' },
    })
  })

  it.each([
    [{ resourceSubscriptions: 'shop://terms' }],
    [{ resourceSubscriptions: [1] }],
    [{ resourceSubscriptions: Array.from({ length: 101 }, (_, at) => `shop://${at}`) }],
  ])('is refused where it does not say plainly what about: %j', async (notifications) => {
    const { status, json } = await at.post({
      method: 'subscriptions/listen',
      params: { notifications },
      headers: at.bearer(),
    })
    expect([status, json.error?.data.reason]).toEqual([400, 'mcp.params'])
    expect(behind.asked).toEqual([])
  })
})
