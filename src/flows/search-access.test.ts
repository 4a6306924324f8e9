import { beforeEach, describe, expect, it } from 'vitest'
import { askingPoint, type FakeAskingPoint } from '../../test/fakes/asking-point.ts'
import { ASKING } from '../../test/fakes/asking-world.ts'

let desk: FakeAskingPoint
beforeEach(async () => {
  desk = await askingPoint(ASKING, 'a', 'a/desk')
})

const ana = { type: 'user', id: 'ana' }
const plan = { type: 'document', id: 'plan' }
const users = { subject: { type: 'user' }, action: { name: 'list' }, resource: plan }
const END = { next_token: '' }
type Page = { readonly next_token: string; readonly count: number }
const pageOf = (answer: Readonly<Record<string, unknown>>) => answer['page'] as Page

describe('a search', () => {
  it.each<[string, 'subject' | 'resource' | 'action', object, object[]]>([
    [
      'users, by what tells who they are',
      'subject',
      users,
      ['ada', 'ana', 'company:sam', 'partner:sam'].map((id) => ({ type: 'user', id })),
    ],
    ['users who own it', 'subject', { ...users, action: { name: 'read' } }, [ana]],
    [
      'agents: only what is proven counts',
      'subject',
      { ...users, subject: { type: 'agent' } },
      [{ type: 'agent', id: 'desk' }],
    ],
    [
      'objects that are known',
      'resource',
      { subject: ana, action: { name: 'read' }, resource: { type: 'document' } },
      [plan],
    ],
    [
      'MCP servers',
      'resource',
      { subject: ana, action: { name: 'fetch', properties: { key: 'ana' } }, resource: { type: 'mcp' } },
      [{ type: 'mcp', id: 'archive' }],
    ],
    [
      'tools',
      'action',
      { subject: ana, resource: plan },
      [{ name: 'read' }, { name: 'sign' }, { name: 'list' }],
    ],
    [
      'tools of an MCP server that need an argument: which, the question does not say',
      'action',
      { subject: ana, resource: { type: 'mcp', id: 'archive' } },
      [],
    ],
    [
      'objects that may not be asked about',
      'resource',
      { subject: ana, action: { name: 'read' }, resource: { type: 'payroll' } },
      [],
    ],
    [
      'tools of a built-in resource',
      'action',
      { subject: ana, resource: { type: 'facts', id: 'facts' } },
      [],
    ],
  ])('finds %s', async (_what, target, body, results) => {
    expect(await desk.search(target, body)).toEqual({ page: { ...END, count: results.length }, results })
  })

  it('is recorded once, with how much was found, and without what', async () => {
    await desk.search('subject', users)
    expect(desk.store.events).toMatchObject([
      {
        kind: 'decision',
        outcome: 'allow',
        agent: 'a/desk',
        resource: 'authzen',
        tool: 'search',
        facts: { searched: 'subject', judged: 5, found: 4, asked_by: 'a/desk' },
      },
    ])
    expect(JSON.stringify(desk.store.events)).not.toMatch(/ana|sam/)
  })

  it('that may not be made is recorded as that, and found nothing', async () => {
    const asked = {
      subject: ana,
      action: { name: 'read' },
      resource: { type: 'payroll' },
      page: { limit: 0 },
    }
    expect(await desk.search('resource', asked)).toEqual({ page: { ...END, count: 0 }, results: [] })
    expect(desk.store.events).toMatchObject([
      { outcome: 'deny', reason: 'agent.no_permit', facts: { judged: 0, found: 0 } },
    ])
  })
})

describe('a page', () => {
  const many = Array.from({ length: 2500 }, (_, at) => ({
    user: `u${at}`,
    idp: 'company',
    sub: `u${at}`,
    attributes: { name: 'u' },
  }))
  const crowd = () => askingPoint({ ...ASKING, a: { ...ASKING['a'], user: many } }, 'a', 'a/desk')

  it('holds as many as it was asked for, and all pages together each once', async () => {
    const big = await crowd()
    const found: unknown[] = []
    const counts: number[] = []
    let page: object = { limit: 900 }
    for (let token = 'more'; token !== ''; page = { token }) {
      const answer = await big.search('subject', { ...users, page })
      found.push(...(answer['results'] as unknown[]))
      counts.push(pageOf(answer).count)
      token = pageOf(answer).next_token
    }
    expect(counts).toEqual([900, 900, 700])
    expect(new Set(found.map((each) => JSON.stringify(each))).size).toBe(2500)
  })

  it.each([
    ['100 where nothing is said', undefined, 100],
    ['1,000 at the most', 100_000, 1000],
    ['none, if none are wanted, and then there are more', 0, 0],
  ])('holds %s', async (_what, limit, count) => {
    const big = await crowd()
    const { page } = await big.search('subject', {
      ...users,
      ...(limit === undefined ? {} : { page: { limit } }),
    })
    expect((page as Page).count).toBe(count)
    expect((page as Page).next_token).not.toBe('')
  })

  it('costs at most 1,000 decisions, found or not', async () => {
    const big = await crowd()
    const answer = await big.search('subject', { ...users, action: { name: 'read' } })
    expect(answer).toMatchObject({
      results: [],
      page: { count: 0, next_token: expect.stringMatching(/^1000:/) },
    })
    expect(big.decided).toHaveLength(1001)
  })

  it('goes on only with the very same search', async () => {
    const first = await desk.search('subject', { ...users, page: { limit: 1 } })
    const token = pageOf(first).next_token
    const [from, limit, digest] = token.split(':')
    const next = (page: object, more: object = {}) => desk.search('subject', { ...users, ...more, page })
    expect(await next({ token, limit: 1 })).toMatchObject({ results: [{ id: 'ana' }] })
    const refused = { refused: 'evaluation.page' }
    expect(await next({ token, limit: 2 })).toEqual(refused)
    expect(await next({ token }, { action: { name: 'read' } })).toEqual(refused)
    expect(await next({ token }, { context: { time: 'later' } })).toEqual(refused)
    expect(await desk.search('action', { subject: ana, resource: plan, page: { token } })).toEqual(refused)
    for (const odd of [
      '',
      'x',
      `${from}:${limit}:${digest}x`,
      `-1:${limit}:${digest}`,
      `${from}:9999:${digest}`,
    ])
      expect(await next({ token: odd })).toEqual(refused)
  })

  it('of another order of members is the same search', async () => {
    const first = await desk.search('subject', { ...users, page: { limit: 1 } })
    const { subject, action, resource } = users
    const { type, id } = resource
    const again = { resource: { id, type }, action, subject, page: { token: pageOf(first).next_token } }
    expect(await desk.search('subject', again)).toMatchObject({ results: [{ id: 'ana' }] })
  })

  it.each([{ limit: -1 }, { limit: 1.5 }, { limit: '3' }, { token: 7 }, 7])('%j is refused', async (page) => {
    expect(await desk.search('subject', { ...users, page })).toEqual({ refused: 'evaluation.body' })
  })
})
