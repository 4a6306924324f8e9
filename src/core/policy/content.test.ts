import { describe, expect, it } from 'vitest'
import { DOCUMENTS } from '../registry.ts'
import { contentAt, contentOver, contentsOf } from './content.ts'
import { describeTool, toolsOf } from './resource.ts'

const declared = {
  resource: 'orders',
  type: 'mcp',
  at: 'https://orders.internal/mcp',
  tools: { get_order: { hint: 'read' } },
  prompts: {
    greet: {
      description: 'Says hello',
      input: { type: 'object', properties: { tone: { type: 'string' } } },
    },
  },
  contents: {
    anything: { uri: 'orders://{+path}' },
    order: { uri: 'orders://customers/{customer_id}/{order_id}', description: 'One order' },
    own: { uri: 'orders://customers/c-42/{order_id}', hint: 'write' },
    terms: { uri: 'orders://terms' },
    found: { uri: 'orders://find{?q}' },
  },
}
const orders = DOCUMENTS.resource.parse(declared)
const contents = contentsOf(orders.type === 'mcp' ? (orders.contents ?? {}) : {})

function problem(over: object): string | undefined {
  const read = DOCUMENTS.resource.safeParse({ ...declared, ...over })
  const [issue] = read.success ? [] : read.error.issues
  return issue && `${issue.path.join('.')}: ${issue.message}`
}

describe('prompts and contents', () => {
  it('are tools that no declared tool can be taken for, read unless they say otherwise', () => {
    const tools = toolsOf(orders).map(({ action, hint }) => `${action} ${hint}`)
    expect(tools.sort()).toEqual([
      'orders/content:anything read',
      'orders/content:found read',
      'orders/content:order read',
      'orders/content:own write',
      'orders/content:terms read',
      'orders/get_order read',
      'orders/prompt:greet read',
    ])
    expect(problem({ tools: { 'prompt:greet': { hint: 'read' } } })).toContain('tools.prompt:greet')
    expect(problem({ tools: { 'content:order': { hint: 'read' } } })).toContain('tools.content:order')
  })

  it('show policy the URI and the variables of its template, as text', () => {
    const input = toolsOf(orders).find(({ name }) => name === 'content:found')?.input
    const text = { type: 'string' }
    expect(input).toEqual({ type: 'object', properties: { uri: text, q: text }, required: ['uri'] })
  })

  it('are described where they are declared', () => {
    expect(describeTool(orders, 'prompt:greet')).toBe('Says hello')
    expect(describeTool(orders, 'content:order')).toBe('One order')
    expect(describeTool(orders, 'content:own')).toBeUndefined()
  })

  it('take arguments of a prompt as text only, since that is what they are', () => {
    const input = { type: 'object', properties: { count: { type: 'integer' } } }
    expect(problem({ prompts: { greet: { input } } })).toContain('an object of texts')
  })
})

describe('a URI', () => {
  it.each([
    ['orders://terms', 'content:terms', {}],
    ['orders://customers/c-42/o-1', 'content:own', { order_id: 'o-1' }],
    ['orders://customers/c-77/o-1', 'content:order', { customer_id: 'c-77', order_id: 'o-1' }],
    ['orders://customers/c-77', 'content:anything', { path: 'customers/c-77' }],
    ['orders://find?q=a%20b', 'content:found', { q: 'a b' }],
  ])('%s is of the most specific content', (uri, tool, values) => {
    expect(contentAt(contents, uri)).toEqual({ tool, input: { uri, ...values } })
  })

  it('that could be read in two ways is of none', () => {
    expect(contentAt(contents, 'orders://customers/c-77/../c-42/o-1')).toBeUndefined()
    expect(contentAt(contents, 'shop://terms')).toBeUndefined()
  })
})

describe('a template of the server behind', () => {
  it.each([
    ['orders://customers/{id}/{order}', 'content:order'],
    ['orders://customers/c-42/{x}', 'content:own'],
    ['orders://{a}/{b}', 'content:anything'],
    ['orders://find{?q}', 'content:found'],
    ['shop://{x}', undefined],
    ['orders://{x*}', undefined],
  ])('%s is of the content that has all its URIs', (template, tool) => {
    expect(contentOver(contents, template)).toBe(tool)
  })
})

describe('contents that share URIs', () => {
  it('are refused when they are written, unless one is the more specific', () => {
    const crossing = { one: { uri: 'docs://a/{x}' }, other: { uri: 'docs://{x}/b' } }
    expect(problem({ contents: crossing })).toBe(
      'contents.other.uri: shares URIs with `one`, and neither is the more specific',
    )
    expect(problem({ contents: { one: { uri: 'docs://{x}' }, other: { uri: 'docs://{y}' } } })).toContain(
      'shares',
    )
    expect(problem({ contents: { one: { uri: 'docs://{a}{b}' } } })).toContain('can not be told')
  })
})
