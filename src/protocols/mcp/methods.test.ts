import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type OpenDoor, openDoor } from '../../../test/fakes/mcp-door.ts'
import { type Library, libraryWorld, startLibrary } from '../../../test/fakes/mcp-library.ts'
import { change } from '../../../test/properties/decide-world.ts'

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

type Era = 'modern' | 'legacy'
const ERAS: readonly Era[] = ['modern', 'legacy']

/** The answer's result or error, whatever is in it. */
type Got = {
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: {
    readonly code: number
    readonly message: string
    readonly data: Readonly<Record<string, unknown>>
  }
}

async function ask(era: Era, method: string, params: Record<string, unknown> = {}): Promise<Got> {
  const headers = at.bearer()
  if (era === 'modern') return read((await at.post({ method, params, headers })).text)
  const own = { 'content-type': 'application/json', 'mcp-protocol-version': '2025-11-25' }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 7, method, params })
  const answer = await fetch(at.urlOf(), {
    method: 'POST',
    headers: { ...headers, ...own, accept: BOTH },
    body,
  })
  return read(await answer.text())
}

const BOTH = 'application/json, text/event-stream'

/** As JSON, or as the last event of a stream. */
function read(text: string): Got {
  const last = text.startsWith('{') ? text : (text.trim().split('data: ').at(-1) ?? '')
  return JSON.parse(last) as Got
}

const decided = () => at.recorded('decision')

describe.each(ERAS)('in the %s era', (era) => {
  it('a prompt is judged with its arguments, and answered by the server behind', async () => {
    const own = await ask(era, 'prompts/get', { name: 'summarise', arguments: { customer_id: 'c-42' } })
    expect(JSON.stringify(own.result)).toContain('Summarise c-42.')
    const other = await ask(era, 'prompts/get', { name: 'summarise', arguments: { customer_id: 'c-77' } })
    expect(other.error).toMatchObject({ code: 403, data: { reason: 'user.no_permit' } })
    expect(other.error?.message).toContain('with customer_id "c-42" only')
    expect(decided()).toEqual([
      ['allow', 'allowed', 'prompt:summarise'],
      ['deny', 'user.no_permit', 'prompt:summarise'],
    ])
    expect(behind.asked.map(({ method }) => method)).toEqual(['prompts/get'])
    expect(at.point.events[0]).toMatchObject({
      personal: { input: '{"customer_id":"c-42"}' },
      facts: { arguments: 'customer_id' },
    })
  })

  it('a content is judged by its URI and what that is made of', async () => {
    const own = await ask(era, 'resources/read', { uri: 'orders://c-42/o-1' })
    expect(JSON.stringify(own.result)).toContain('o-1 of c-42')
    const other = await ask(era, 'resources/read', { uri: 'orders://c-77/o-3' })
    expect(other.error).toMatchObject({ code: 403, data: { reason: 'user.no_permit' } })
    expect(decided().map(([outcome, , tool]) => [outcome, tool])).toEqual([
      ['allow', 'content:order'],
      ['deny', 'content:order'],
    ])
    expect(behind.asked).toHaveLength(1)
    expect(at.point.events[0]?.personal?.['input']).toBe(
      '{"uri":"orders://c-42/o-1","customer_id":"c-42","order_id":"o-1"}',
    )
  })

  it.each([
    ['prompts/get', { name: 'audit' }, { name: 'undeclared' }],
    ['prompts/get', { name: 'audit' }, { name: 'nowhere' }],
    ['resources/read', { uri: 'shop://ledger' }, { uri: 'shop://undeclared' }],
    ['resources/read', { uri: 'shop://ledger' }, { uri: 'shop://nowhere' }],
  ])('%s of what is hidden and of what is nowhere get the same answer', async (method, hidden, nowhere) => {
    const plain = ({ error }: Got, name: string) =>
      JSON.stringify({ ...error, data: { ...error?.data, decision: '' } }).replaceAll(name, '')
    const answers = [await ask(era, method, hidden), await ask(era, method, nowhere)]
    const [one, other] = answers.map((each, at) =>
      plain(each, String(Object.values([hidden, nowhere][at] ?? {})[0])),
    )
    expect(one).toBe(other)
    const code = method === 'prompts/get' || era === 'modern' ? -32602 : -32002
    expect(answers.map(({ error }) => error?.code)).toEqual([code, code])
    expect(decided().map(([, reason]) => reason)).toEqual(['user.no_permit', 'tool.unknown'])
    expect(behind.asked).toEqual([])
  })

  it.each([
    'files:///public/../secret',
    'files:///public/%2e%2e/secret',
    'files:///public/a%2Fb',
    'files:///public//etc/passwd',
    'files:///public\\..\\secret',
    'FILES:///public/a',
    'files:///public/a/./b',
    'orders://c-42/%6F-1',
  ])('%s, which two could read in two ways, is of no content', async (uri) => {
    const { error } = await ask(era, 'resources/read', { uri })
    expect(error?.data['reason']).toBe('tool.unknown')
    expect(behind.asked).toEqual([])
  })

  it('a tool of the server behind can not be called by the name of a prompt or a content', async () => {
    for (const name of ['prompt:summarise', 'content:terms', 'content:?']) {
      const { error } = await ask(era, 'tools/call', { name, arguments: { customer_id: 'c-42' } })
      expect(error).toMatchObject({ code: -32602, message: `Unknown tool: ${name}` })
    }
    const { result } = await ask(era, 'tools/list')
    expect(namesIn(result, 'tools')).toEqual(['get_order'])
    expect(behind.asked.map(({ method }) => method)).toEqual(['tools/list'])
  })

  it('lists show what may be known, each URI by itself', async () => {
    expect(namesIn((await ask(era, 'prompts/list')).result, 'prompts')).toEqual(['summarise'])
    const { result } = await ask(era, 'resources/list')
    expect(namesIn(result, 'resources', 'uri')).toEqual([
      'shop://terms',
      'orders://c-42/o-1',
      'orders://c-42/o-2',
    ])
    const templates = (await ask(era, 'resources/templates/list')).result
    expect(namesIn(templates, 'resourceTemplates', 'uriTemplate')).toEqual(['orders://{id}/{order}'])
    expect(decided().map(([outcome]) => outcome)).toEqual(['allow', 'allow', 'allow'])
  })

  it('values that would be refused are not offered when an argument is completed', async () => {
    const prompt = { type: 'ref/prompt', name: 'summarise' }
    const order = { type: 'ref/resource', uri: 'orders://{id}/{order}' }
    const offered = async (ref: object, name: string, value: string, known?: Record<string, string>) => {
      const context = known ? { context: { arguments: known } } : {}
      const { result } = await ask(era, 'completion/complete', { ref, argument: { name, value }, ...context })
      return result?.['completion']
    }
    expect(await offered(prompt, 'customer_id', 'c')).toEqual({ values: ['c-42'], hasMore: false })
    // The server calls its variables otherwise than they are declared.
    expect(await offered(order, 'id', '')).toEqual({ values: ['c-42'], hasMore: false })
    expect(await offered(order, 'order', 'o', { id: 'c-42' })).toMatchObject({
      values: ['o-1', 'o-2', 'o-3'],
    })
    expect(await offered(order, 'order', 'o', { id: 'c-77' })).toMatchObject({ values: [] })
    expect(decided().map(([outcome, , tool]) => [outcome, tool])).toEqual([
      ['allow', 'prompt:summarise'],
      ['allow', 'content:order'],
      ['allow', 'content:order'],
      ['allow', 'content:order'],
    ])
  })

  it.each([
    [{ type: 'ref/prompt', name: 'audit' }, 'Unknown prompt: audit', 'user.no_permit'],
    [{ type: 'ref/prompt', name: 'undeclared' }, 'Unknown prompt: undeclared', 'tool.unknown'],
    [{ type: 'ref/resource', uri: 'files:///{+path}' }, 'Resource not found', 'tool.unknown'],
    [{ type: 'ref/resource', uri: 'shop://ledger' }, 'Resource not found', 'user.no_permit'],
  ])('nothing is completed of %j', async (ref, message, reason) => {
    const { error } = await ask(era, 'completion/complete', { ref, argument: { name: 'a', value: '' } })
    expect([error?.message, error?.data['reason']]).toEqual([message, 'tool.unknown'])
    expect(decided().map((each) => each[1])).toEqual([reason])
    expect(behind.asked).toEqual([])
  })

  it.each([
    ['prompts/get', { name: '' }],
    ['prompts/get', { name: 'summarise', arguments: { customer_id: 42 } }],
    ['prompts/get', { name: 'summarise', arguments: [] }],
    ['resources/read', { uri: 42 }],
    ['resources/read', { uri: '' }],
    ['completion/complete', { ref: { type: 'ref/tool', name: 'x' }, argument: { name: 'a', value: '' } }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'summarise' }, argument: { name: 'a' } }],
    [
      'completion/complete',
      {
        ref: { type: 'ref/prompt', name: 'summarise' },
        argument: { name: 'a', value: '' },
        context: { arguments: { b: 1 } },
      },
    ],
  ])('%s with %j is malformed', async (method, params) => {
    const { error } = await ask(era, method, params)
    expect(['mcp.params', 'mcp.headers', 'input.invalid']).toContain(error?.data['reason'])
    expect(behind.asked).toEqual([])
  })
})

describe('what is answered', () => {
  it('is for its caller alone, also where the server behind says otherwise', async () => {
    const { result } = await ask('modern', 'resources/read', { uri: 'shop://terms' })
    expect(result).toMatchObject({ cacheScope: 'private', ttlMs: 5000 })
  })

  it('of what the server can do is only what is declared here', async () => {
    const discovered = (await ask('modern', 'server/discover')).result?.['capabilities']
    expect(Object.keys(discovered ?? {}).sort()).toEqual(['completions', 'prompts', 'resources', 'tools'])
    const initialize = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'x', version: '1' },
    }
    const legacy = (await ask('legacy', 'initialize', initialize)).result?.['capabilities']
    expect(Object.keys(legacy ?? {}).sort()).toEqual([
      'completions',
      'logging',
      'prompts',
      'resources',
      'tools',
    ])
    const doc = at.point
      .snapshot()
      .tenants.get('a' as never)
      ?.resources.get('orders')?.resource
    at.point.apply(change('a', 'resource', 'orders', { ...doc, prompts: {}, contents: {} }))
    const fewer = (await ask('modern', 'server/discover')).result?.['capabilities']
    expect(Object.keys(fewer ?? {})).toEqual(['tools'])
  })
})

describe('methods of the legacy era', () => {
  it('subscribe for who may read, and for nobody else', async () => {
    for (const method of ['resources/subscribe', 'resources/unsubscribe']) {
      expect((await ask('legacy', method, { uri: 'orders://c-42/o-1' })).result).toEqual({})
      expect((await ask('legacy', method, { uri: 'orders://c-77/o-3' })).error?.code).toBe(403)
      expect((await ask('legacy', method, { uri: 'shop://ledger' })).error?.code).toBe(-32002)
    }
    expect(behind.asked).toHaveLength(2)
    expect(decided()).toHaveLength(6)
  })

  it('set the level of logging for who may enter, to a level that there is', async () => {
    expect((await ask('legacy', 'logging/setLevel', { level: 'warning' })).result).toEqual({})
    expect((await ask('legacy', 'logging/setLevel', { level: 'loud' })).error?.data['reason']).toBe(
      'mcp.params',
    )
    expect(behind.asked).toHaveLength(1)
  })

  it('are not there in 2026-07-28', async () => {
    for (const method of ['resources/subscribe', 'resources/unsubscribe', 'logging/setLevel']) {
      const { error } = await ask('modern', method, { uri: 'shop://terms', level: 'info' })
      expect(error).toMatchObject({ code: -32601, data: { reason: 'mcp.method' } })
    }
  })
})

function namesIn(result: Got['result'], member: string, key = 'name'): readonly unknown[] {
  return ((result?.[member] ?? []) as Record<string, unknown>[]).map((item) => item[key])
}
