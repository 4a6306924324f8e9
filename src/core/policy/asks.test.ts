import { describe, expect, it } from 'vitest'
import { ASKS_NOTHING, type Asks, asksSchema, judgeAsk } from './asks.ts'

const all: Asks = {
  sampling: true,
  elicitation: true,
  elicitation_url: ['login.example', 'x.example:8443'],
  roots: true,
}
const reasonOf = (asks: Asks, method: string, params: object = {}) => {
  const judged = judgeAsk(asks, { method, params: params as never })
  return judged.ok ? 'passed' : judged.error.reason
}
const form = (properties: object, message = 'Please say') =>
  reasonOf(all, 'elicitation/create', { message, requestedSchema: { type: 'object', properties } })
const page = (url: unknown) => reasonOf(all, 'elicitation/create', { mode: 'url', url, elicitationId: '1' })

describe('what a server behind asks for', () => {
  it.each(['sampling/createMessage', 'roots/list', 'elicitation/create'])(
    'is refused unless the resource declares it: %s',
    (method) => {
      expect(reasonOf(ASKS_NOTHING, method)).toBe('asks.undeclared')
      expect(reasonOf(all, method)).toBe('passed')
    },
  )

  it('is refused where it is a page and only forms are declared, and the other way', () => {
    expect(reasonOf({ ...all, elicitation_url: [] }, 'elicitation/create', { mode: 'url' })).toBe(
      'asks.undeclared',
    )
    expect(reasonOf({ ...all, elicitation: false }, 'elicitation/create', {})).toBe('asks.undeclared')
  })

  it.each(['tools/call', 'tasks/get', 'anything', 'constructor'])(
    'is refused when nobody knows it: %s',
    (method) => {
      expect(reasonOf(all, method)).toBe('asks.undeclared')
    },
  )

  it('never is what other servers told the client', () => {
    const judged = judgeAsk(all, {
      method: 'sampling/createMessage',
      params: { messages: [], includeContext: 'allServers' },
    })
    expect(judged).toEqual({ ok: true, value: { messages: [] } })
  })
})

describe('a page', () => {
  it.each(['https://login.example/connect?x=1', 'https://x.example:8443/', 'https://LOGIN.example/'])(
    'of a listed host is shown: %s',
    (url) => expect(page(url)).toBe('passed'),
  )

  it.each([
    'http://login.example/',
    'https://evil.example/',
    'https://login.example.evil.example/',
    'https://login.example:444/',
    'https://x.example/',
    'https://login.example@evil.example/',
    'https://ana:pw@login.example/',
    'https://sub.login.example/',
    'javascript://login.example/%0aalert(1)',
  ])('of another is not: %s', (url) => expect(page(url)).toBe('asks.host'))

  it.each(['nonsense', '', 7, undefined])('that is none is not: %j', (url) =>
    expect(page(url)).toBe('asks.malformed'),
  )

  it('has a mode that is known', () => {
    expect(reasonOf(all, 'elicitation/create', { mode: 'voice' })).toBe('asks.malformed')
  })
})

describe('a form', () => {
  it.each([
    { password: { type: 'string' } },
    { apiKey: { type: 'string' } },
    { api_key: { type: 'string' } },
    { value: { type: 'string', title: 'Your API key' } },
    { value: { type: 'string', description: 'paste the access token here' } },
    { value: { type: 'string', format: 'password' } },
    { 'ＡＰＩ-ＫＥＹ': { type: 'string' } },
    { newPassword: { type: 'string' } },
    { pin: { type: 'integer' } },
    { code: { type: 'number', description: 'the verification code we sent' } },
    { cvv: { type: 'string', enum: ['1'] } },
    { odd: 'text' },
  ])('may not ask for a secret: %j', (properties) => expect(form(properties)).toBe('asks.secret'))

  it('may not ask for one in its text', () => {
    expect(form({ answer: { type: 'string' } }, 'Please enter your password')).toBe('asks.secret')
    expect(form({ agree: { type: 'boolean' } }, 'Reset your password?')).toBe('passed')
  })

  it.each([
    { name: { type: 'string' } },
    { maxTokens: { type: 'integer' } },
    { tokens: { type: 'string' } },
    { method: { type: 'string', description: 'log in by password or link', enum: ['password', 'link'] } },
    { opinion: { type: 'string' } },
    { secretary: { type: 'string' } },
    {},
  ])('may ask for anything else: %j', (properties) => expect(form(properties)).toBe('passed'))
})

it.each(['LOGIN.example', 'https://login.example', 'login.example/', '*.example', '', 'a b'])(
  'a listed host is a host and nothing else: %s',
  (host) => expect(asksSchema.safeParse({ elicitation_url: [host] }).success).toBe(false),
)
