import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type OpenDoor, openDoor, REVISION } from '../../../test/fakes/mcp-door.ts'
import { libraryWorld } from '../../../test/fakes/mcp-library.ts'
import { startTaskServer, type TaskServer } from '../../../test/fakes/task-server.ts'
import { ana, change } from '../../../test/properties/decide-world.ts'
import { createEventReader } from '../../lib/event-stream.ts'
import { serveRoutes } from '../../lib/http/server.ts'
import { openMcpDoor } from './routes.ts'

let behind: TaskServer
let at: OpenDoor
beforeAll(async () => {
  behind = await startTaskServer()
})
afterAll(() => behind.close())
beforeEach(async () => {
  behind.asked.length = 0
  at = await openDoor(behind, {}, libraryWorld(behind.url))
})
afterEach(() => at.close())

type Got = {
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: {
    readonly code: number
    readonly message: string
    readonly data: Readonly<Record<string, unknown>>
  }
}
type Era = 'modern' | 'legacy'
const ERAS: readonly Era[] = ['modern', 'legacy']
const META = {
  'io.modelcontextprotocol/protocolVersion': REVISION,
  'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } },
}

async function ask(
  era: Era,
  method: string,
  params: Record<string, unknown>,
  headers: object = at.bearer(),
  url = at.urlOf(),
): Promise<Got> {
  const named = params['taskId'] ?? params['name']
  const own =
    era === 'modern'
      ? { 'mcp-protocol-version': REVISION, 'mcp-method': method, 'mcp-name': String(named) }
      : { 'mcp-protocol-version': '2025-11-25' }
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...own, ...headers },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 7,
      method,
      params: era === 'modern' ? { ...params, _meta: META } : params,
    }),
  })
  return (await answer.json()) as Got
}

const own = { name: 'export_orders', arguments: { customer_id: 'c-42', note: 'not for policy' }, task: {} }

async function begin(era: Era, call: Record<string, unknown> = own): Promise<string> {
  const { result } = await ask(era, 'tools/call', call)
  const task = (era === 'modern' ? result : result?.['task']) as Record<string, unknown> | undefined
  return String(task?.['taskId'])
}

describe.each(ERAS)('in the %s era a task', (era) => {
  it('goes by an id of ours, behind which nobody sees', async () => {
    const { result } = await ask(era, 'tools/call', own)
    const task = (era === 'modern' ? result : result?.['task']) as Record<string, unknown>
    const [theirs = ''] = behind.tasks.keys()
    expect(JSON.stringify(result)).not.toContain('behind ')
    expect(Buffer.from(String(task['taskId']), 'base64url').toString('latin1')).not.toContain(theirs)
    // A ticket lasts a day, and so does what is said of the task.
    expect(era === 'modern' ? task['ttlMs'] : task['ttl']).toBe(86_400_000)
  })

  it('is asked for, answered and cancelled by it, judged each time by the tool and input that it began with', async () => {
    const taskId = await begin(era)
    const theirs = [...behind.tasks.keys()].at(-1)
    const got = await ask(era, 'tasks/get', { taskId })
    expect(got.result).toMatchObject({ taskId, status: 'working' })
    if (era === 'legacy') {
      const { result } = await ask(era, 'tasks/result', { taskId })
      expect(result).toMatchObject({
        content: [{ text: 'export_orders is done' }],
        _meta: { 'io.modelcontextprotocol/related-task': { taskId } },
      })
    } else {
      await ask(era, 'tasks/update', { taskId, inputResponses: { name: { action: 'accept' } } })
      expect(behind.tasks.get(String(theirs))?.inputs).toEqual([{ name: { action: 'accept' } }])
    }
    await ask(era, 'tasks/cancel', { taskId })
    expect(behind.tasks.get(String(theirs))?.status).toBe('cancelled')
    expect(behind.asked.slice(1).map(({ params }) => params['taskId'])).toEqual([theirs, theirs, theirs])
    const third = era === 'modern' ? 'tasks/update' : 'tasks/result'
    expect(at.point.events.filter(({ kind }) => kind === 'decision')).toMatchObject([
      { outcome: 'allow', tool: 'export_orders', facts: { arguments: 'customer_id' } },
      ...['tasks/get', third, 'tasks/cancel'].map((about) => ({
        outcome: 'allow',
        tool: 'export_orders',
        personal: { input: '{"customer_id":"c-42"}' },
        facts: { arguments: 'customer_id', about },
      })),
    ])
  })

  it('of somebody else is answered like one that never was, and not asked for', async () => {
    const taskId = await begin(era)
    const strangers = [
      ['tasks/get', taskId, at.bearer({ user: ana('a', 'ada') })],
      ['tasks/get', taskId, at.bearer({ jkt: undefined as never, user: undefined as never })],
      ['tasks/cancel', `${taskId.slice(0, -2)}AA`, at.bearer()],
      ['tasks/get', [...behind.tasks.keys()].at(-1) ?? '', at.bearer()],
      ['tasks/get', 'nothing', at.bearer()],
    ] as const
    for (const [method, id, headers] of strangers) {
      const { error } = await ask(era, method, { taskId: id }, headers)
      expect(error).toEqual({ code: -32602, message: 'Task not found', data: { reason: 'task.unknown' } })
    }
    expect(behind.asked).toHaveLength(1)
    expect(at.recorded('decision').slice(1)).toEqual(strangers.map(() => ['deny', 'task.unknown', undefined]))
  })

  it('is nowhere any more once its tool is hidden', async () => {
    const taskId = await begin(era)
    at.point.apply(change('a', 'delegation', 'desk', null))
    const hidden = await ask(era, 'tasks/get', { taskId })
    expect(hidden.error).toEqual({
      code: -32602,
      message: 'Task not found',
      data: { reason: 'task.unknown' },
    })
    expect(at.recorded('decision').at(-1)).toEqual(['deny', 'delegation.missing', 'export_orders'])
    expect(behind.asked).toHaveLength(1)
  })

  it('is refused with a sentence when its input is not permitted any more', async () => {
    const taskId = await begin(era)
    const doc = at.point
      .snapshot()
      .tenants.get('a' as never)
      ?.users.get(ana('a'))
    at.point.apply(change('a', 'user', 'ana@a.example', { ...doc, attributes: { customer_id: 'c-43' } }))
    const { error } = await ask(era, 'tasks/get', { taskId })
    expect(error).toMatchObject({ code: 403, data: { reason: 'user.no_permit' } })
    expect(behind.asked).toHaveLength(1)
  })

  it('is taken by any gateway of the tenant', async () => {
    const taskId = await begin(era)
    const other = openMcpDoor(at.point)
    const server = await serveRoutes(other.routes, { host: '127.0.0.1', port: 0 })
    const url = at.urlOf().replace(at.origin, `http://127.0.0.1:${server.port}`)
    const { result } = await ask(era, 'tasks/get', { taskId }, at.bearer(), url)
    expect(result).toMatchObject({ taskId, status: 'working' })
    await other.close()
    await server.close()
  })

  it('is over for us after a day', async () => {
    const taskId = await begin(era)
    at.point.broken.shiftMs = 86_400_000
    const { error } = await ask(era, 'tasks/get', { taskId })
    expect(error?.data['reason']).toBe('task.unknown')
  })

  it('that could not be judged again is not handed out', async () => {
    const { result } = await ask(era, 'tools/call', {
      name: 'export_orders',
      arguments: { customer_id: 'c-42', filter: 'x'.repeat(3000) },
    })
    expect(result).toMatchObject({ isError: true, _meta: { 'countersign/reason': 'task.too_large' } })
    expect(JSON.stringify(result)).not.toContain([...behind.tasks.keys()].at(-1))
  })

  it('is listed nowhere', async () => {
    expect((await ask(era, 'tasks/list', { name: 'x' })).error?.code).toBe(-32601)
  })
})

describe('what the server behind says of tasks', () => {
  it('is told as far as they are served here', async () => {
    const initialize = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'x', version: '1' },
    }
    const { result } = await ask('legacy', 'initialize', initialize)
    expect(result?.['capabilities']).toEqual({
      tools: {},
      prompts: {},
      tasks: { cancel: {}, requests: { tools: { call: {} } } },
    })
    const discovered = await ask('modern', 'server/discover', {})
    expect(discovered.result?.['capabilities']).toEqual({
      tools: {},
      prompts: {},
      extensions: { 'io.modelcontextprotocol/tasks': {} },
    })
  })
})

describe('a task', () => {
  it('of the other era has other methods', async () => {
    const taskId = await begin('modern')
    expect((await ask('modern', 'tasks/result', { taskId })).error?.code).toBe(-32601)
    expect((await ask('legacy', 'tasks/update', { taskId })).error?.code).toBe(-32601)
  })

  it('is named by the header of its request, or the request is refused', async () => {
    const taskId = await begin('modern')
    const { error } = await ask('modern', 'tasks/get', { taskId }, { ...at.bearer(), 'mcp-name': 'other' })
    expect([error?.code, error?.data['reason']]).toEqual([-32020, 'mcp.headers'])
  })

  it('is told of on a listening stream to who began it, under the same id', async () => {
    const [mine, other] = [await begin('modern'), await begin('modern')]
    const stream = await listening([mine, 'nobody', [...behind.tasks.keys()][0] ?? ''])
    behind.finish()
    await expect.poll(() => stream.told.length).toBe(2)
    expect(stream.told[0]?.['notifications']).toEqual({ taskIds: [mine] })
    expect(stream.told[1]).toMatchObject({ taskId: mine, status: 'completed' })
    expect(JSON.stringify(stream.told)).not.toContain('behind ')
    expect(JSON.stringify(stream.told)).not.toContain(other)
    stream.close()
  })

  it('is not told of to who may not ask for it any more', async () => {
    const taskId = await begin('modern')
    const open = await begin('modern', { name: 'get_order', arguments: {} })
    const before = await listening([taskId, open])
    const doc = at.point
      .snapshot()
      .tenants.get('a' as never)
      ?.users.get(ana('a'))
    at.point.apply(change('a', 'user', 'ana@a.example', { ...doc, attributes: { customer_id: 'c-43' } }))
    const after = await listening([taskId, open])
    expect(after.told[0]?.['notifications']).toEqual({ taskIds: [open] })
    behind.finish()
    await expect.poll(() => before.told.length).toBe(2)
    expect(before.told[1]).toMatchObject({ taskId: open })
    before.close()
    after.close()
  })
})

/** A stream about tasks, and the params of what came on it so far. */
async function listening(taskIds: readonly string[]) {
  const gone = new AbortController()
  const method = 'subscriptions/listen'
  const own = { 'content-type': 'application/json', 'mcp-protocol-version': REVISION, 'mcp-method': method }
  const params = { _meta: META, notifications: { taskIds } }
  const answer = await fetch(at.urlOf(), {
    method: 'POST',
    signal: gone.signal,
    headers: { ...at.bearer(), ...own },
    body: JSON.stringify({ jsonrpc: '2.0', id: 9, method, params }),
  })
  const told: Record<string, unknown>[] = []
  const reader = createEventReader()
  const read = async () => {
    for await (const chunk of answer.body ?? []) {
      const events = reader.push(Buffer.from(chunk).toString('utf8')) ?? []
      told.push(...events.map((each) => (JSON.parse(each) as { params: Record<string, unknown> }).params))
    }
  }
  read().catch(() => undefined)
  await expect.poll(() => told.length).toBeGreaterThan(0)
  return { told, close: () => gone.abort() }
}
