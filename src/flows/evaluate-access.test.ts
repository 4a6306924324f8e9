import { beforeEach, describe, expect, it } from 'vitest'
import { askingPoint, type FakeAskingPoint } from '../../test/fakes/asking-point.ts'
import { ASKING, VOUCHES } from '../../test/fakes/asking-world.ts'
import { policyChanges } from '../../test/properties/decide-world.ts'

let desk: FakeAskingPoint
beforeEach(async () => {
  desk = await askingPoint(ASKING, 'a', 'a/desk')
})

const ana = { type: 'user', id: 'ana' }
const plan = { type: 'document', id: 'plan' }
const READ = { subject: ana, action: { name: 'read' }, resource: plan }
const vouch = async () => desk.store.apply(await policyChanges('a', VOUCHES))

describe('what is recorded', () => {
  it('is each question, with who asked, before it is answered', async () => {
    await desk.evaluations({
      ...READ,
      evaluations: [
        {},
        { action: { name: 'burn' } },
        { subject: { type: 'user', id: 'nobody' } },
        { subject: 7 },
      ],
    })
    expect(desk.store.writes).toHaveLength(1)
    const facts = { door: 'authzen', asked_by: 'a/desk', subject: 'user' }
    const input = '{"type":"document","id":"plan"}'
    expect(desk.store.events).toMatchObject([
      {
        kind: 'decision',
        outcome: 'allow',
        reason: 'allowed',
        agent: 'a/desk',
        resource: 'document',
        tool: 'read',
        facts,
        personal: { user: 'ana@a.example', input },
      },
      { kind: 'decision', outcome: 'deny', reason: 'tool.unknown', tool: 'burn', facts },
      {
        kind: 'decision',
        outcome: 'deny',
        reason: 'evaluation.subject',
        resource: 'document',
        tool: 'read',
        facts,
        personal: { input },
      },
      { kind: 'decision', outcome: 'deny', reason: 'evaluation.body', resource: 'authzen', agent: 'a/desk' },
    ])
  })

  it('names the agent that would act, and who said so', async () => {
    await vouch()
    await desk.evaluate({ ...READ, context: { agent: 'helper' } })
    expect(desk.store.events.at(-1)).toMatchObject({
      agent: 'a/helper',
      outcome: 'allow',
      facts: { asked_by: 'a/desk' },
    })
  })

  it('or nothing is answered', async () => {
    desk.store.down = true
    await expect(desk.evaluate(READ)).rejects.toMatchObject({ fault: 'unavailable' })
    await expect(desk.search('action', { subject: ana, resource: plan })).rejects.toMatchObject({
      fault: 'unavailable',
    })
  })

  it('is also what a known asker sent that could not be read, and nothing of a stranger', async () => {
    expect(await desk.evaluate({ subject: ana })).toEqual({ refused: 'evaluation.body' })
    expect(desk.store.events).toMatchObject([
      { outcome: 'deny', reason: 'evaluation.body', agent: 'a/desk', resource: 'authzen' },
    ])
    expect(await desk.evaluate({ subject: ana }, 'x.y.z')).toEqual({ refused: 'token.malformed' })
    expect(desk.store.events).toHaveLength(1)
  })
})

describe('who asks', () => {
  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['a token for another resource', { aud: 'https://gateway.example/t/a/mcp/archive' }, 'token.audience'],
    ['a token that has ended', { iat: 1, exp: 2 }, 'token.expired'],
    ['a token that is bound, without a proof', { cnf: { jkt: 'x' } }, 'token.bound'],
  ])('%s', async (_name, over, reason) => {
    expect(await desk.evaluate(READ, desk.token(over))).toEqual({ refused: reason })
  })

  it('once, where its token is for one use', async () => {
    const once = desk.token({ once: true, jti: 'tok_once' })
    expect(await desk.evaluate(READ, once)).toEqual({ decision: true })
    expect(await desk.evaluate(READ, once)).toEqual({ refused: 'token.spent' })
    expect(await desk.search('action', { subject: ana, resource: plan }, once)).toEqual({
      refused: 'token.spent',
    })
  })

  it('nobody, while the view may be old', async () => {
    desk.clock.ageMs = 6000
    await expect(desk.evaluate(READ)).rejects.toMatchObject({ reason: 'registry.stale' })
  })

  it('is told why only when it asks, and the sentence only about itself', async () => {
    const denied = { ...READ, subject: { type: 'user', id: 'ada' } }
    expect(await desk.evaluate(denied)).toEqual({ decision: false })
    const own = await desk.evaluate({ ...denied, options: { explain: true } })
    expect(own['context']).toMatchObject({ reason_user: { 403: expect.stringContaining('ada@a.example') } })
    const other = await desk.evaluate({ ...denied, context: { agent: 'helper' }, options: { explain: true } })
    expect(JSON.stringify(other)).not.toContain('ada@a.example')
    const allowed = await desk.evaluate({ ...READ, options: { explain: true } })
    expect(allowed).toEqual({ decision: true, context: { id: desk.store.events.at(-1)?.decision } })
  })
})

describe('several questions', () => {
  const [yes, no] = [{}, { subject: { type: 'user', id: 'ada' } }]
  it.each<[string | undefined, readonly object[], readonly boolean[]]>([
    [undefined, [yes, no, yes], [true, false, true]],
    ['execute_all', [no, yes, no], [false, true, false]],
    ['deny_on_first_deny', [yes, no, yes], [true, false]],
    ['deny_on_first_deny', [yes, yes], [true, true]],
    ['deny_on_first_deny', [yes, { subject: 7 }, yes], [true, false]],
    ['permit_on_first_permit', [no, yes, no], [false, true]],
    ['permit_on_first_permit', [no, { subject: 7 }, no], [false, false, false]],
  ])('§7.1.2.1 %s', async (evaluations_semantic, evaluations, decisions) => {
    const options = evaluations_semantic === undefined ? {} : { options: { evaluations_semantic } }
    const answer = await desk.evaluations({ ...READ, ...options, evaluations })
    expect((answer['evaluations'] as { decision: boolean }[]).map(({ decision }) => decision)).toEqual(
      decisions,
    )
    expect(desk.store.events).toHaveLength(decisions.length)
  })

  it('are at most 256, and of a known semantic', async () => {
    const many = { ...READ, evaluations: Array.from({ length: 257 }, () => ({})) }
    expect(await desk.evaluations(many)).toEqual({ refused: 'evaluation.too_many' })
    const odd = { ...READ, evaluations: [{}], options: { evaluations_semantic: 'most' } }
    expect(await desk.evaluations(odd)).toEqual({ refused: 'evaluation.body' })
  })
})
