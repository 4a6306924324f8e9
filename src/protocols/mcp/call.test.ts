import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TokenAsk } from '../../../test/fakes/enforcement-point.ts'
import {
  ANA,
  type Behind,
  type OpenDoor,
  openDoor,
  REVISION,
  startBehind,
} from '../../../test/fakes/mcp-door.ts'
import { fakeProver } from '../../../test/fakes/tenant.ts'
import { ana } from '../../../test/properties/decide-world.ts'

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

const own = { customer_id: 'c-42' }

describe('a call', () => {
  it('is recorded before it leaves and after it came back, with its input as a personal value', async () => {
    await at.call(own, at.bearer())
    expect(at.recorded('decision')).toEqual([['allow', 'allowed', 'get_order']])
    expect(at.recorded('outcome')).toEqual([['done', 'upstream.answered', 'get_order']])
    expect(at.point.events[0]).toMatchObject({
      personal: { user: 'ana@a.example', input: '{"customer_id":"c-42"}' },
      facts: { arguments: 'customer_id' },
    })
  })

  it('is not answered when it can not be recorded', async () => {
    at.point.broken.journal = false
    const { status, json } = await at.call(own, at.bearer())
    expect([status, json.error?.data.reason]).toEqual([503, 'journal.full'])
    expect(behind.seen).toEqual([])
  })

  it('of a hidden tool and of one that is nowhere get the same answer, and differ in the audit', async () => {
    const hidden = (await at.call(own, at.bearer(), 'cancel_order')).json.error
    const nowhere = (await at.call(own, at.bearer(), 'drop_order')).json.error
    expect(hidden?.message).toBe('Unknown tool: cancel_order')
    expect(nowhere?.message).toBe('Unknown tool: drop_order')
    expect({ ...hidden, message: '', data: { ...hidden?.data, decision: '' } }).toEqual({
      ...nowhere,
      message: '',
      data: { ...nowhere?.data, decision: '' },
    })
    expect(at.recorded('decision').map(([, reason]) => reason)).toEqual(['user.no_permit', 'tool.unknown'])
    expect(behind.seen).toEqual([])
  })

  it('by the agent alone is refused where a user is needed', async () => {
    const { authorization } = { authorization: `Bearer ${at.point.token({ tenant: 'a' })}` }
    const { status, json } = await at.call(own, { authorization })
    expect([status, json.result?._meta?.['countersign/reason']]).toEqual([200, 'user.required'])
  })

  it('that is allowed once is spent at the authority, however many try', async () => {
    const headers = at.bearer({ over: { once: true } })
    const answers = await Promise.all(Array.from({ length: 20 }, () => at.call(own, headers)))
    expect(answers.filter(({ json }) => json.result !== undefined)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(19)
    expect(behind.seen).toHaveLength(1)
  })

  it('is refused by a gateway that has not heard from its authority, sooner for a write', async () => {
    at.point.broken.staleMs = 6000
    expect((await at.call(own, at.bearer())).status).toBe(200)
    const write = await at.call(own, at.bearer(), 'cancel_order')
    expect([write.status, write.json.error?.data.reason]).toEqual([503, 'gateway.stale'])
    at.point.broken.staleMs = 31_000
    expect((await at.call(own, at.bearer())).status).toBe(503)
    expect(at.recorded('decision').slice(-2)).toEqual([
      ['deny', 'gateway.stale', 'cancel_order'],
      ['deny', 'gateway.stale', 'get_order'],
    ])
  })

  it('fails closed when a new credential is needed and the authority is away; a held one is used again', async () => {
    await at.call(own, at.bearer())
    at.point.broken.authority = false
    expect((await at.call(own, at.bearer())).status).toBe(200)
    const other = at.bearer({ user: ana('a', 'ada') })
    const { status, json } = await at.call({ customer_id: 'c-77' }, other)
    expect([status, json.error?.data.reason]).toEqual([503, 'authority.unreachable'])
    expect(at.recorded('outcome').at(-1)).toEqual(['failed', 'authority.unreachable', 'get_order'])
  })

  it('in flight is aborted and refused when its chain is revoked', async () => {
    const waiting = at.call({ ...own, order_id: 'slow' }, at.bearer())
    await expect.poll(() => behind.seen.length).toBe(1)
    at.point.revoke('a', `user:${ANA}`)
    const { status, json } = await waiting
    expect([status, json.error?.data.reason]).toEqual([401, 'chain.revoked'])
    expect(at.recorded('outcome')).toEqual([['deny', 'chain.revoked', 'get_order']])
  })

  it('is refused when what it stands on ends while its credential is being made', async () => {
    const { credential } = at.point
    Object.assign(at.point, {
      credential: async (ask: never) => {
        const leased = await credential(ask)
        at.point.revoke('a', `user:${ANA}`)
        return leased
      },
    })
    const { status, json } = await at.call(own, at.bearer())
    expect([status, json.error?.data.reason]).toEqual([401, 'chain.revoked'])
    expect(behind.seen).toEqual([])
  })

  it('answers clearly when the server behind does not, and never with its challenge', async () => {
    behind.status = 401
    const refused = await at.call(own, at.bearer())
    expect([refused.status, refused.challenge, refused.json.error?.data.reason]).toEqual([
      200,
      '',
      'upstream.unauthorized',
    ])
    behind.status = 403
    expect((await at.call(own, at.bearer())).json.error?.data.reason).toBe('upstream.malformed')
    behind.status = 500
    expect((await at.call(own, at.bearer())).json.error?.data.reason).toBe('upstream.malformed')
    // The credential that was not taken is not used again.
    expect(at.point.asks).toHaveLength(2)
    expect(at.recorded('outcome').map(([, reason]) => reason)).toEqual([
      'upstream.unauthorized',
      'upstream.malformed',
      'upstream.malformed',
    ])
  })

  it('whose caller went away is not waited for behind', async () => {
    const gone = new AbortController()
    const meta = {
      'io.modelcontextprotocol/protocolVersion': REVISION,
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const params = { name: 'get_order', arguments: { ...own, order_id: 'slow' }, _meta: meta }
    const answer = fetch(at.urlOf(), {
      method: 'POST',
      signal: gone.signal,
      headers: {
        ...at.bearer(),
        'content-type': 'application/json',
        'mcp-protocol-version': REVISION,
        'mcp-method': 'tools/call',
        'mcp-name': 'get_order',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    })
    await expect.poll(() => behind.open).toBe(1)
    gone.abort()
    await expect(answer).rejects.toThrow()
    await expect.poll(() => behind.open).toBe(0)
    await expect.poll(() => at.recorded('outcome')).toEqual([['failed', 'caller.gone', 'get_order']])
  })

  it('whose arguments outgrow the audit once they are written anew is refused', async () => {
    const { status } = await at.post({
      params: { name: 'get_order' },
      headers: at.bearer(),
      raw: (body) => body.replace('"name"', `"arguments":{"x":[${'1e20,'.repeat(9000)}1]},"name"`),
    })
    expect(status).toBe(400)
  })

  it('is answered 503, not with a login, where a stale gateway can not judge the token', async () => {
    at.point.broken.staleMs = 31_000
    const { status, json } = await at.call(own, at.bearer({ over: { exp: 1_000_000 } }))
    expect([status, json.error?.data.reason]).toEqual([503, 'gateway.stale'])
  })
})

describe('a leased credential', () => {
  const asks = () => at.point.asks.length
  it.each<[string, () => Partial<TokenAsk>]>([
    ['the lease is revoked', () => revoked(`lease:${leases()[0]}`)],
    ['it is past its end', () => later(119_000)],
    ['it is another session', () => ({ over: { sid: 'ses_other' } })],
    ['it is another user', () => ({ user: ana('a', 'ada') })],
  ])('is not used again when %s', async (_name, change_) => {
    await at.call(own, at.bearer())
    await at.call(own, at.bearer())
    expect(asks()).toBe(1)
    const ask = change_()
    const customer = ask.user === undefined ? own : { customer_id: 'c-77' }
    expect((await at.call(customer, at.bearer(ask))).status).toBe(200)
    expect(asks()).toBe(2)
  })

  it('is not used again under another key', async () => {
    for (const round of [1, 2]) {
      const me = fakeProver(Math.floor(Date.now() / 1000), 'POST', at.urlOf())
      const token = at.point.token({ tenant: 'a', user: ANA, jkt: me.jkt })
      const headers = () => ({ authorization: `DPoP ${token}`, dpop: me.prove({}, token) })
      await at.call(own, headers())
      await at.call(own, headers())
      expect(asks()).toBe(round)
    }
  })

  function revoked(link: string): Partial<TokenAsk> {
    at.point.revoke('a', link)
    return {}
  }

  function later(ms: number): Partial<TokenAsk> {
    at.point.broken.shiftMs = ms
    return {}
  }

  function leases(): string[] {
    return behind.seen.map(({ authorization = '' }) => {
      const [, payload = ''] = authorization.split('.')
      return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { jti: string }).jti
    })
  }
})
