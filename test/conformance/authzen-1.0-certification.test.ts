import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Surface, startSurface } from '../support/authority.ts'
import { CERTIFICATION } from '../support/certification-tenant.ts'
import { type AskingPoint, applyFiles, pointOf } from '../support/enforcement-point.ts'
import { knock, reasonOf } from '../support/knock.ts'

// The sections are those of the certification scenario (`certification/authorization-api-1_0-scenario.md` of openid/authzen).
let surface: Surface
let archive: AskingPoint
beforeAll(async () => {
  surface = await startSurface()
  await applyFiles(surface, CERTIFICATION, 'records/archive')
  archive = await pointOf(surface, 'records', 'records/archive')
})
afterAll(() => surface?.close())

const user = (id?: string, properties?: object) => ({
  type: 'user',
  ...(id && { id }),
  ...(properties && { properties }),
})
const record = (id?: string, properties?: object) => ({
  type: 'record',
  ...(id && { id }),
  ...(properties && { properties }),
})
const [alice, bob, one, two] = [user('alice'), user('bob'), record('record-1'), record('record-2')]
const admin = user('bob', { role: 'admin' })
const archived = record('record-2', { status: 'archived' })
const [read, write] = [{ name: 'read' }, { name: 'write' }]
const CONTEXT = { time: '2025-06-27T18:03-07:00', ip: '192.168.1.1' }
const READ = { subject: alice, action: read, resource: one }

describe('Basic: Access Evaluation', () => {
  test.each<[string, object, boolean]>([
    ['5.2.1 a permit', READ, true],
    ['5.2.2 a deny', { subject: bob, action: write, resource: one }, false],
    ['rule 2', { subject: alice, action: write, resource: one }, true],
    ['rule 3', { subject: bob, action: read, resource: one }, true],
    ['5.2.3 a context that nobody asked for', { ...READ, context: CONTEXT }, true],
    ['5.2.4 properties of the resource', { subject: alice, action: write, resource: archived }, false],
    ['5.2.5 properties of the subject', { subject: admin, action: write, resource: archived }, true],
    [
      '5.2.6 properties of the action',
      { ...READ, action: { name: 'delete', properties: { soft: true } } },
      true,
    ],
    ['5.2.7 the same, denied', { ...READ, action: { name: 'delete', properties: { soft: false } } }, false],
    [
      '5.2.8 properties that nothing declares',
      {
        subject: user('alice', { department: 'Sales', role: 'manager' }),
        action: { name: 'read', properties: { method: 'GET' } },
        resource: record('record-1', { status: 'active', owner: 'bob' }),
      },
      true,
    ],
    ['5.2.9 fields that nobody knows', { ...READ, foo: 'bar', futureField: { nested: true } }, true],
  ])('%s is decided as the fixture says', async (_section, body, decision) => {
    const { status, headers, json } = await archive.ask('evaluation', body)
    expect([status, headers['content-type'], json]).toEqual([200, 'application/json', { decision }])
  })

  test.each<[string, unknown]>([
    ['no subject', { action: read, resource: one }],
    ['no action', { subject: alice, resource: one }],
    ['no resource', { subject: alice, action: read }],
    ['a subject without type', { ...READ, subject: { id: 'alice' } }],
    ['a subject without id', { ...READ, subject: user() }],
    ['an action without name', { ...READ, action: {} }],
    ['a resource without type', { ...READ, resource: { id: 'record-1' } }],
    ['a resource without id', { ...READ, resource: record() }],
    ['a subject that is text', { ...READ, subject: 'alice' }],
    ['an action with a number for a name', { ...READ, action: { name: 123 } }],
    ['properties that are a list', { ...READ, resource: { ...one, properties: [] } }],
    ['a list', [READ]],
  ])('5.4.1, 5.4.2, 5.4.6 %s is 400', async (_name, body) => {
    const answer = await archive.ask('evaluation', body)
    expect([answer.status, reasonOf(answer)]).toEqual([400, 'evaluation.body'])
  })

  test.each(['', '{"subject":', '{"subject":{},"subject":{}}', 'null and void'])(
    '5.4.4, 5.4.5 %j is 400',
    async (body) => {
      const answer = await archive.ask('evaluation', body)
      expect([answer.status, reasonOf(answer)]).toEqual([400, 'http.json'])
    },
  )

  test('5.4.3 another content type is refused: with 415 here, as at every door (docs/divergences.md)', async () => {
    const answer = await archive.ask('evaluation', READ, { 'content-type': 'text/plain' })
    expect([answer.status, reasonOf(answer)]).toEqual([415, 'http.media_type'])
  })

  test('5.6 the same question has the same answer', async () => {
    for (let time = 0; time < 5; time += 1)
      expect((await archive.ask('evaluation', READ)).json).toEqual({ decision: true })
  })
})

describe('Batch: Access Evaluations', () => {
  const decisions = (...all: boolean[]) => ({ evaluations: all.map((decision) => ({ decision })) })
  test.each<[string, object, object]>([
    [
      '6.2.1 one subject, two resources',
      { subject: alice, action: read, evaluations: [{ resource: one }, { resource: two }] },
      decisions(true, true),
    ],
    [
      '6.2.2 one resource, two actions',
      { subject: bob, resource: one, evaluations: [{ action: read }, { action: write }] },
      decisions(true, false),
    ],
    [
      '6.2.3 properties of each',
      {
        subject: alice,
        action: write,
        evaluations: [{ resource: record('record-1', { status: 'active' }) }, { resource: archived }],
      },
      decisions(true, false),
    ],
    [
      '6.2.4 subjects of each',
      { action: write, resource: archived, evaluations: [{ subject: alice }, { subject: admin }] },
      decisions(false, true),
    ],
    [
      '6.2.5 nothing in common',
      { evaluations: [READ, { subject: bob, action: write, resource: one }] },
      decisions(true, false),
    ],
    [
      '6.2.6 a context for all but one',
      {
        subject: alice,
        action: read,
        context: CONTEXT,
        evaluations: [{ resource: one }, { resource: two, context: { source: 'x' } }],
      },
      decisions(true, true),
    ],
    [
      '6.2.7 whole defaults',
      {
        subject: alice,
        action: write,
        resource: record('record-1', { status: 'active' }),
        evaluations: [{}, { resource: archived }],
      },
      decisions(true, false),
    ],
    ['6.4.2 no evaluations', READ, { decision: true }],
    ['6.4.3 an empty list of evaluations', { ...READ, evaluations: [] }, { decision: true }],
  ])('%s', async (_section, body, expected) => {
    const { status, json } = await archive.ask('evaluations', body)
    expect([status, json]).toEqual([200, expected])
  })

  test('6.4.1 what is missing in one item is a no in its place, and says so', async () => {
    const options = { evaluations_semantic: 'execute_all' }
    const { status, json } = await archive.ask('evaluations', {
      subject: alice,
      action: read,
      options,
      evaluations: [{ resource: one }, {}],
    })
    const error = { status: 400, message: '`resource` is missing or not what is taken there.' }
    expect([status, json]).toEqual([
      200,
      { evaluations: [{ decision: true }, { decision: false, context: { error } }] },
    ])
  })
})

describe('Search', () => {
  const found = async (target: string, body: object) => {
    const { status, json } = await archive.ask(`search/${target}`, body)
    expect([status, json['page']]).toEqual([
      200,
      { next_token: '', count: (json['results'] as unknown[]).length },
    ])
    return json['results']
  }

  test.each<[string, string, object, object[]]>([
    ['7.2.1', 'subject', { subject: user(), action: read, resource: one }, [alice, bob]],
    [
      '7.2.2 with a context',
      'subject',
      { subject: user(), action: read, resource: one, context: CONTEXT },
      [alice, bob],
    ],
    [
      '7.2.3 with an id, which is ignored',
      'subject',
      { subject: alice, action: read, resource: one },
      [alice, bob],
    ],
    ['7.2.4 with properties', 'subject', { subject: user(), action: write, resource: archived }, [bob]],
    ['7.3.1', 'resource', { subject: alice, action: read, resource: record() }, [one, two]],
    [
      '7.3.2 with a context',
      'resource',
      { subject: alice, action: read, resource: record(), context: CONTEXT },
      [one, two],
    ],
    [
      '7.3.3 with an id, which is ignored',
      'resource',
      { subject: alice, action: write, resource: two },
      [one],
    ],
    ['7.3.4 with properties', 'resource', { subject: admin, action: write, resource: record() }, [two]],
    ['7.4.1', 'action', { subject: alice, resource: one }, [read, write]],
    ['7.4.2 with a context', 'action', { subject: alice, resource: one, context: CONTEXT }, [read, write]],
    ['7.4.3 with properties', 'action', { subject: admin, resource: archived }, [read, write]],
    ['7.6.1 for nobody', 'action', { subject: user('nonexistent-user'), resource: one }, []],
    [
      '7.6.1 about nothing',
      'subject',
      { subject: user(), action: read, resource: { type: 'nothing', id: 'x' } },
      [],
    ],
    [
      '7.6.2 among spaceships',
      'subject',
      { subject: { type: 'spaceship' }, action: read, resource: one },
      [],
    ],
    [
      '7.6.2 of spaceships',
      'resource',
      { subject: alice, action: read, resource: { type: 'spaceship' } },
      [],
    ],
  ])('%s: search %s', async (_section, target, body, expected) => {
    expect(await found(target, body)).toEqual(expected)
  })

  test.each<[string, object]>([
    ['subject', { subject: user(), resource: one }],
    ['resource', { action: read, resource: record() }],
    ['action', { subject: alice }],
    ['subject', { subject: user(), action: read, resource: record() }],
    ['resource', { subject: user(), action: read, resource: record() }],
    ['action', { subject: user(), resource: one }],
  ])('7.7 search %s without what it needs is 400', async (target, body) => {
    const answer = await archive.ask(`search/${target}`, body)
    expect([answer.status, reasonOf(answer)]).toEqual([400, 'evaluation.body'])
  })

  test('7.5 pages follow each other to the end, by token alone', async () => {
    const body = { subject: user(), action: read, resource: one }
    const first = await archive.ask('search/subject', { ...body, page: { limit: 1 } })
    const { next_token: token, count } = first.json['page'] as Readonly<Record<string, unknown>>
    expect([first.status, count, first.json['results']]).toEqual([200, 1, [alice]])
    const second = await archive.ask('search/subject', { ...body, page: { token } })
    expect([second.status, second.json]).toEqual([
      200,
      { page: { next_token: '', count: 1 }, results: [bob] },
    ])
  })
})

describe('Transport and Discovery', () => {
  test.each(['evaluation', 'evaluations', 'search/subject', 'search/resource', 'search/action'])(
    '5.5, 8 %s gives X-Request-ID back, with a yes, a 400 and a 415 alike, and needs none',
    async (endpoint) => {
      const id = 'bfe9eb29-ab87-4ca3-be83-a1d5d8305716'
      for (const [body, type, status] of [
        [READ, 'application/json', 200],
        [[], 'application/json', 400],
        [READ, 'text/plain', 415],
      ] as const) {
        const answer = await archive.ask(endpoint, body, { 'x-request-id': id, 'content-type': type })
        expect([answer.status, answer.headers['x-request-id']]).toEqual([status, id])
      }
      expect((await archive.ask(endpoint, READ)).headers['x-request-id']).toBeUndefined()
    },
  )

  test('9 the metadata stands under the well-known path with the tenant inserted, and names this decision point', async () => {
    const path = '/.well-known/authzen-configuration/t/records'
    const { status, headers, json } = await knock(surface, 'authority', { method: 'GET', path })
    const point = surface.issuer('records')
    expect([status, headers['content-type']]).toEqual([200, 'application/json'])
    expect({ ...json, signed_metadata: '' }).toEqual({
      policy_decision_point: point,
      access_evaluation_endpoint: `${point}/access/v1/evaluation`,
      access_evaluations_endpoint: `${point}/access/v1/evaluations`,
      search_subject_endpoint: `${point}/access/v1/search/subject`,
      search_resource_endpoint: `${point}/access/v1/search/resource`,
      search_action_endpoint: `${point}/access/v1/search/action`,
      signed_metadata: '',
    })
  })
})

test('nothing broke on the way', () => expect(surface.faults).toEqual([]))
