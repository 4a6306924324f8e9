import { readFileSync } from 'node:fs'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Surface, startSurface } from '../support/authority.ts'
import { type AskingPoint, applyTodo, pointOf } from '../support/enforcement-point.ts'
import { knock, reasonOf } from '../support/knock.ts'
import { vectorFile } from '../vectors.ts'

let surface: Surface
let backend: AskingPoint
beforeAll(async () => {
  surface = await startSurface()
  await applyTodo(surface)
  backend = await pointOf(surface, 'todo', 'todo/backend')
})
afterAll(() => surface?.close())

type Vector<Expected> = { readonly request: object; readonly expected: Expected }
type Vectors = {
  readonly evaluation: readonly Vector<boolean>[]
  readonly evaluations: readonly Vector<readonly object[]>[]
}
const vectors = JSON.parse(
  readFileSync(vectorFile('authzen', 'todo-decisions-1_0-02.json'), 'utf8'),
) as Vectors

describe('the Todo scenario of the OpenID AuthZEN interoperability events, from examples/authzen-todo', () => {
  test('§6 answers each of its 40 evaluations as it must', async () => {
    expect(vectors.evaluation).toHaveLength(40)
    const wrong: unknown[] = []
    for (const { request, expected } of vectors.evaluation) {
      const { status, json } = await backend.ask('evaluation', request)
      if (status !== 200 || json['decision'] !== expected) wrong.push({ request, expected, status, json })
    }
    expect(wrong).toEqual([])
  })

  test('§7 answers each of its 3 batches with exactly these decisions', async () => {
    expect(vectors.evaluations).toHaveLength(3)
    for (const { request, expected } of vectors.evaluations) {
      const { status, json } = await backend.ask('evaluations', request)
      expect([status, json]).toEqual([200, { evaluations: expected }])
    }
  })
})

const MORTY = 'CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs'
const subject = { type: 'user', id: MORTY }
const own = { type: 'todo', id: 'todo-7', properties: { ownerID: 'morty@the-citadel.com' } }
const ASKED = { subject, action: { name: 'can_update_todo' }, resource: own }
const endpoint = '/t/todo/access/v1/evaluation'

describe('§8 the Search APIs over the same application', () => {
  test('§8.4 finds the users who may delete a todo of theirs', async () => {
    const { json } = await backend.ask('search/subject', {
      subject: { type: 'user' },
      action: { name: 'can_delete_todo' },
      resource: own,
    })
    const rick = vectors.evaluation[0]?.request as { readonly subject: object }
    expect(json).toEqual({ page: { next_token: '', count: 2 }, results: [subject, rick.subject] })
  })

  test('§8.6 finds what a user may do with one', async () => {
    const { json } = await backend.ask('search/action', {
      subject,
      resource: { ...own, properties: { ownerID: 'rick@the-citadel.com' } },
    })
    expect(json['results']).toEqual([{ name: 'can_read_todos' }, { name: 'can_create_todo' }])
  })

  test('§8.5 finds no objects where none are declared', async () => {
    const { json } = await backend.ask('search/resource', { ...ASKED, resource: { type: 'todo' } })
    expect(json).toEqual({ page: { next_token: '', count: 0 }, results: [] })
  })
})

describe('§5.5 a decision', () => {
  test('is in the audit with who asked, before it is answered, and says why when asked', async () => {
    const { json } = await backend.ask('evaluation', {
      ...ASKED,
      action: { name: 'can_read_user' },
      options: { explain: true },
    })
    const { id, reason_admin, reason_user } = json['context'] as Readonly<
      Record<string, Readonly<Record<string, string>> & string>
    >
    expect([json['decision'], reason_admin?.['403']]).toEqual([false, 'tool.unknown'])
    expect(reason_user?.['403']).toBe('`todo` has no tool `can_read_user`.')
    const { events } = await surface.admin.decision('todo', String(id))
    const facts = { door: 'authzen', asked_by: 'todo/todo-backend', subject: 'user' }
    expect(events).toMatchObject([
      { kind: 'decision', outcome: 'deny', reason: 'tool.unknown', resource: 'todo', facts },
    ])
  })
})

describe('§9 metadata', () => {
  test('§9.1.3 is signed by the tenant, for an hour, in a type that no token has', async () => {
    const path = '/.well-known/authzen-configuration/t/todo'
    const { json, headers } = await knock(surface, 'authority', { method: 'GET', path })
    const keys = await knock(surface, 'authority', { method: 'GET', path: '/t/todo/jwks.json' })
    const signed = String(json['signed_metadata'])
    const typ = 'authzen-configuration+jwt'
    const { payload } = await jwtVerify(signed, createLocalJWKSet(keys.json as unknown as JSONWebKeySet), {
      typ,
      issuer: surface.issuer('todo'),
    })
    const { signed_metadata: _signed, ...plain } = json
    const { iss: _iss, iat = 0, exp, ...claims } = payload
    expect(claims).toEqual(plain)
    expect([exp, decodeProtectedHeader(signed).typ, headers['cache-control']]).toEqual([
      iat + 3600,
      typ,
      'public, max-age=60',
    ])
  })

  test('§9.2 is nowhere else, and not there for a tenant that is not', async () => {
    for (const path of [
      '/.well-known/authzen-configuration',
      '/.well-known/authzen-configuration/t/nowhere',
      '/t/todo/.well-known/authzen-configuration',
    ])
      expect((await knock(surface, 'authority', { method: 'GET', path })).status).toBe(404)
  })
})

describe('§10 transport', () => {
  test.each([
    ['GET', endpoint, 405],
    ['PUT', endpoint, 405],
    ['POST', `${endpoint}s/x`, 404],
  ])('§10.1 %s %s is %d', async (method, path, status) => {
    expect((await knock(surface, 'authority', { method, path })).status).toBe(status)
  })

  test('§10.1.2, §11.3 who proves nothing is told how to: 401, before anything that was asked is looked at', async () => {
    for (const body of [ASKED, {}, []]) {
      const headers = { 'content-type': 'application/json' }
      const answer = await knock(surface, 'authority', {
        method: 'POST',
        path: endpoint,
        headers,
        body: JSON.stringify(body),
      })
      expect([answer.status, reasonOf(answer), answer.headers['www-authenticate']]).toEqual([
        401,
        'token.missing',
        'DPoP realm="countersign"',
      ])
    }
  })

  test('§11.2 a token without the key that it is bound to is none', async () => {
    const headers = { authorization: `Bearer ${backend.token}`, 'content-type': 'application/json' }
    const answer = await knock(surface, 'authority', {
      method: 'POST',
      path: endpoint,
      headers,
      body: JSON.stringify(ASKED),
    })
    expect([answer.status, reasonOf(answer)]).toEqual([401, 'token.bound'])
  })

  test('§11.2 a proof is for one endpoint', async () => {
    const dpop = backend.caller.prove('POST', `${surface.origin}/t/todo/access/v1/evaluations`, backend.token)
    const answer = await backend.ask('evaluation', ASKED, { dpop })
    expect([answer.status, reasonOf(answer)]).toEqual([401, 'dpop.url'])
  })

  test.each(['a\u00e9b', 'x'.repeat(201), ''])(
    '§10.1.3 a request id that can not be given back as it came is refused: %j',
    async (id) => {
      const answer = await backend.ask('evaluation', ASKED, { 'x-request-id': id })
      expect([answer.status, reasonOf(answer), answer.headers['x-request-id']]).toEqual([
        400,
        'http.request_id',
        undefined,
      ])
    },
  )

  test.each(['7', 'with spaces; and="more"', '<script>'])(
    '§10.1.3 any other is given back as it came, also with a 401: %j',
    async (id) => {
      expect((await backend.ask('evaluation', ASKED, { 'x-request-id': id })).headers['x-request-id']).toBe(
        id,
      )
      const headers = { 'content-type': 'application/json', 'x-request-id': id }
      const answer = await knock(surface, 'authority', {
        method: 'POST',
        path: endpoint,
        headers,
        body: '{}',
      })
      expect([answer.status, answer.headers['x-request-id']]).toEqual([401, id])
    },
  )

  test('§11.7 a body of more than 256 KiB, and one 33 deep, are refused', async () => {
    const large = await backend.ask('evaluations', { ...ASKED, more: 'x'.repeat(256 * 1024) })
    expect([large.status, reasonOf(large)]).toEqual([413, 'http.too_large'])
    const deep = await backend.ask('evaluation', `{"context":${'['.repeat(33)}${']'.repeat(33)}}`)
    expect([deep.status, reasonOf(deep)]).toEqual([400, 'http.json'])
  })
})

test('the application may ask about what is its own, and about nothing else', async () => {
  const context = await backend.ask('evaluation', {
    ...ASKED,
    resource: { type: 'mcp', id: 'todo' },
    options: { explain: true },
  })
  expect(context.json['context']).toMatchObject({ reason_admin: { 403: 'resource.unknown' } })
})

test('nothing broke on the way', () => expect(surface.faults).toEqual([]))
