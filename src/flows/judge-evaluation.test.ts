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
/** What is answered, and why. */
const why = async (body: object) => {
  const answer = await desk.evaluate({ ...READ, ...body, options: { explain: true } })
  const { reason_admin: reason } = (answer['context'] ?? {}) as {
    readonly reason_admin?: { readonly 403: string }
  }
  return [answer['decision'], reason?.['403']]
}
const vouch = async () => desk.store.apply(await policyChanges('a', VOUCHES))

describe('who acts', () => {
  it.each<[string, object, boolean, string?]>([
    ['a user through the enforcement point', {}, true],
    ['another user, whose it is not', { subject: { type: 'user', id: 'ada' } }, false, 'user.no_permit'],
    ['a user with the name of its provider', { subject: { type: 'user', id: 'company:ana' } }, true],
    ['a user who is suspended', { subject: { type: 'user', id: 'gone' } }, false, 'user.suspended'],
    ['a name that two providers know', { subject: { type: 'user', id: 'sam' } }, false, 'evaluation.subject'],
    [
      'an e-mail address, which decides nothing',
      { subject: { type: 'user', id: 'ana@a.example' } },
      false,
      'evaluation.subject',
    ],
    ['a user of another tenant', { subject: { type: 'user', id: 'bo' } }, false, 'evaluation.subject'],
    ['a type that nobody knows', { subject: { type: 'group', id: 'ana' } }, false, 'evaluation.subject'],
    ['the enforcement point alone', { subject: { type: 'agent', id: 'desk' } }, true],
    [
      'the enforcement point for a user',
      { subject: { type: 'agent', id: 'desk' }, context: { user: 'ana' } },
      true,
    ],
    [
      'the same for one whose it is not',
      { subject: { type: 'agent', id: 'desk' }, context: { user: 'ada' } },
      false,
      'user.no_permit',
    ],
    [
      'an agent that only the asker says is there',
      { subject: { type: 'agent', id: 'helper' } },
      false,
      'agent.only_claimed',
    ],
    ['a user through such an agent', { context: { agent: 'helper' } }, false, 'agent.only_claimed'],
    ['an agent of another tenant', { context: { agent: 'b/desk' } }, false, 'evaluation.subject'],
    ['a guest by less than its name', { context: { agent: 'support' } }, false, 'evaluation.subject'],
    ['an agent without policy', { subject: { type: 'agent', id: 'idle' } }, false, 'agent.only_claimed'],
  ])('%s', async (_who, body, decision, reason) => {
    expect(await why(body)).toEqual([decision, reason])
  })

  it.each<[string, object, boolean, string?]>([
    ['an agent for a user that it has a delegation of', { context: { agent: 'helper' } }, true],
    [
      'the same pair from the other side',
      { subject: { type: 'agent', id: 'helper' }, context: { user: 'ana' } },
      true,
    ],
    ['a guest', { subject: { type: 'agent', id: 'operator/support' } }, true],
    [
      'an agent for a user that did not let it',
      { context: { agent: 'helper' }, subject: { type: 'user', id: 'ada' } },
      false,
      'delegation.missing',
    ],
    [
      'an agent where only an attested one may',
      { context: { agent: 'helper' }, action: { name: 'sign' } },
      false,
      'policy.forbidden',
    ],
  ])('with the right to vouch: %s', async (_who, body, decision, reason) => {
    await vouch()
    expect(await why(body)).toEqual([decision, reason])
  })

  it('takes its own word for itself as attested, since it is', async () => {
    expect(await why({ action: { name: 'sign' } })).toEqual([true, undefined])
  })

  it('never takes the address of the asker for that of another agent', async () => {
    await vouch()
    for (const body of [READ, { ...READ, context: { agent: 'helper' } }]) await desk.evaluate(body)
    const asked = desk.decided.filter(({ resource }) => resource === 'document')
    expect(asked.map(({ chain, address }) => [chain.agent, address])).toEqual([
      ['a/desk', '192.0.2.7'],
      ['a/helper', undefined],
    ])
  })

  it('is as old as its own credential: a user whose sessions were ended since is none', async () => {
    const [id] = [...desk.view().tenant.users].find(([, { sub }]) => sub === 'ana') ?? []
    const old = desk.token()
    desk.store.apply([
      {
        tenant: 'a' as never,
        kind: 'revocation',
        name: `user:${id}`,
        doc: { revocation: `user:${id}`, standing: false, reason: 'test' } as never,
      },
    ])
    expect(await desk.evaluate({ ...READ, options: { explain: true } }, old)).toMatchObject({
      decision: false,
      context: { reason_admin: { 403: 'chain.revoked' } },
    })
    expect(await desk.evaluate(READ)).toEqual({ decision: true })
  })
})

describe('what is asked about', () => {
  it.each<[string, object, boolean, string?]>([
    [
      'what the tenant declared of an object wins over what is said of it',
      { subject: { type: 'user', id: 'ada' }, resource: { ...plan, properties: { owner: 'ada' } } },
      false,
      'user.no_permit',
    ],
    [
      'of what is not declared the word of the asker counts',
      {
        subject: { type: 'user', id: 'ada' },
        resource: { type: 'document', id: 'new', properties: { owner: 'ada' } },
      },
      true,
    ],
    [
      'a property that a policy needs and nobody said',
      { resource: { type: 'document', id: 'new' } },
      false,
      'policy.error',
    ],
    [
      'a property of another type',
      { resource: { type: 'document', id: 'new', properties: { owner: 7 } } },
      false,
      'input.invalid',
    ],
    [
      'a property named id is not the id',
      { resource: { type: 'document', id: 'new', properties: { id: 'plan', owner: 'ana' } } },
      true,
    ],
    [
      'a context that a tool declares',
      { action: { name: 'star' }, resource: { type: 'document', id: 'draft' }, context: { mfa: true } },
      true,
    ],
    [
      'the same, not so',
      { action: { name: 'star' }, resource: { type: 'document', id: 'draft' }, context: { mfa: false } },
      false,
      'user.no_permit',
    ],
    ['a tool that asks a person', { action: { name: 'keep' } }, false, 'approval.needed'],
    ['a tool that is not there', { action: { name: 'burn' } }, false, 'tool.unknown'],
    [
      'an argument of an MCP tool',
      { action: { name: 'fetch', properties: { key: 'ana' } }, resource: { type: 'mcp', id: 'archive' } },
      true,
    ],
    [
      'an argument in another place',
      { action: { name: 'fetch' }, resource: { type: 'mcp', id: 'archive', properties: { key: 'ana' } } },
      false,
      'input.invalid',
    ],
    [
      'an MCP server by its name as a type',
      { action: { name: 'fetch' }, resource: { type: 'archive', id: 'x' } },
      false,
      'resource.unknown',
    ],
    [
      'objects as if they were an MCP server',
      { resource: { type: 'mcp', id: 'document' } },
      false,
      'resource.unknown',
    ],
    [
      'a resource with labels',
      {
        subject: { type: 'agent', id: 'desk' },
        action: { name: 'fetch' },
        resource: { type: 'mcp', id: 'secrets' },
      },
      false,
      'evaluation.labels',
    ],
    [
      'a resource that not everything may flow to',
      {
        subject: { type: 'agent', id: 'desk' },
        action: { name: 'post' },
        resource: { type: 'mcp', id: 'forum' },
      },
      false,
      'evaluation.labels',
    ],
    [
      'reporting facts',
      { action: { name: 'report' }, resource: { type: 'facts', id: 'facts' } },
      false,
      'resource.unknown',
    ],
    [
      'asking',
      { action: { name: 'evaluate' }, resource: { type: 'authzen', id: 'authzen' } },
      false,
      'resource.unknown',
    ],
  ])('%s', async (_what, body, decision, reason) => {
    expect(await why(body)).toEqual([decision, reason])
  })

  it('is answered like nothing where the asker may not ask about it, word for word', async () => {
    const about = async (type: string) => {
      const answer = await desk.evaluate({
        subject: ana,
        action: { name: 'read' },
        resource: { type, id: 'june' },
        options: { explain: true },
      })
      return JSON.stringify(answer).replace(/dec_[\w-]+/, 'dec')
    }
    expect(await about('payroll')).toBe(await about('nothing'))
    expect(desk.store.events.map(({ reason, resource }) => [reason, resource])).toEqual([
      ['agent.no_permit', 'authzen'],
      ['resource.unknown', 'unknown:nothing'],
    ])
  })
})
