import { describe, expect, it } from 'vitest'
import { testPoliciesOffline } from '../../src/server/policies-offline.ts'
import { DEMO_FILES, DEMO_VARIABLES, demoWith, small } from '../support/policy-folder.ts'

async function run(files: Parameters<typeof testPoliciesOffline>[0], variables = {}) {
  const answer = await testPoliciesOffline(files, variables)
  if ('problems' in answer)
    return answer.problems.map(({ line, column, code, says, hint }) => [
      `${line}:${column}`,
      code,
      hint ?? says,
    ])
  return answer.results.map(({ case: name, explained, misses }) => [
    name,
    explained.outcome,
    explained.reason,
    ...misses,
  ])
}

/** As it stands in the file; not one of this language's templates. */
const TO = ['to: "', '{to}"'].join('$')

describe("the demo's cases", () => {
  it('are as its policies answer', async () => {
    const answer = await run(DEMO_FILES, DEMO_VARIABLES)
    expect(answer.length).toBeGreaterThan(20)
    expect(answer.filter((line) => line.length > 3)).toEqual([])
  })

  it.each([
    [
      'a wider permit',
      'a/policies/orders.cedar',
      'when { context.input.customer_id == principal.customer_id };',
      ';',
      'ana does not see the order of another customer',
    ],
    [
      'a condition that is no longer asked',
      'operator/policies/warehouse.cedar',
      '"business-hours", ',
      '',
      'not at night',
    ],
    ['a longer day', 'operator/warehouse.yaml', TO, 'to: "18:01"', 'no more at six'],
    [
      'a fact that may be older',
      'operator/warehouse.yaml',
      'within: 10m',
      'within: 20m',
      'not when the scanner fell silent ten minutes ago',
    ],
    [
      'a delegation of everything',
      'a/users.yaml',
      'orders/find_order, catalogue/list_products]',
      'orders/find_order, catalogue/list_products, orders/cancel_order]',
      'nobody let support cancel for ana',
    ],
  ])('notice %s', async (_name, path, find, replace, noticed) => {
    const answer = await run(demoWith({ [path]: [find, replace] }), DEMO_VARIABLES)
    expect(answer.filter((line) => line.length > 3).map(([name]) => name)).toContain(noticed)
  })
})

const POLICIES = `
@id("bot") permit (principal == Agent::"bot", action, resource);
@id("users") permit (principal is User, action == Action::"orders/get", resource == Resource::"orders") when { context.input.id == principal.customer_id };
@id("asks") @ask permit (principal is User, action == Action::"orders/find", resource);
`
const CASE = (lines: string) =>
  `given: { agent: bot, user: ana, tool: orders/get, input: { id: c-42 } }\ncases:\n${lines}`

describe('a case', () => {
  it('says in which way it is not as expected', async () => {
    const cases = CASE(`
  - { case: fine, expect: allow, by: [bot, users] }
  - { case: another answer, expect: deny }
  - { case: another reason, input: { id: c-1 }, expect: deny, reason: agent.no_permit }
  - { case: another policy, expect: allow, by: asks }
  - { case: a person is asked, tool: orders/find, input: {}, expect: ask, by: asks }
`)
    expect(await run(small(POLICIES, { cases }))).toEqual([
      ['fine', 'allow', 'allowed'],
      ['another answer', 'allow', 'allowed', 'expected deny, but it is allow (allowed)'],
      [
        'another reason',
        'deny',
        'user.no_permit',
        'expected it for `agent.no_permit`, but it is for `user.no_permit`',
      ],
      ['another policy', 'allow', 'allowed', 'expected by asks, but it is by bot, users'],
      ['a person is asked', 'ask', 'approval.needed'],
    ])
  })

  it('may expect to be decided by a policy that is made of a template', async () => {
    const policies = `${POLICIES}\n@id("stops") forbid (principal == ?principal, action, resource == ?resource);`
    const documents = `policy: ana-stops\ntemplate: stops\nprincipal: User::"ana"\nresource: Resource::"orders"\n`
    const cases = CASE(`
  - { case: stopped, expect: deny, reason: policy.forbidden, by: ana-stops }
  - { case: elsewhere, tool: notes/write, input: {}, expect: deny, reason: user.no_permit }
`)
    expect((await run(small(policies, { documents, cases }))).filter((line) => line.length > 3)).toEqual([])
    // The template decides nothing, so nothing is decided by it.
    const template = small(policies, { documents, cases: cases.replace('by: ana-stops', 'by: stops') })
    expect((await run(template)).map(([, code]) => code)).toEqual(['cases.unknown_policy'])
  })

  it('may be about a user whom nobody listed, a session that carries a label, and an agent that nothing proves', async () => {
    const documents = `idp: open
issuer: https://open.example
users: any
---
credential: token
provider: signed-token
audience: https://orders.example
---
resource: forum
type: mcp
at: https://forum.example/mcp
alone: true
clearance: internal
credential: { provider: token }
tools: { post: { hint: write } }
`
    const cases = CASE(`
  - { case: a stranger, user: { user: zoe, attributes: { customer_id: c-9 } }, input: { id: c-9 }, expect: allow }
  - { case: a stranger without the attribute, user: { user: zoe }, expect: deny, reason: policy.error }
  - { case: nothing reached, user: null, tool: forum/post, input: {}, expect: allow }
  - { case: something reached, user: null, tool: forum/post, input: {}, carries: confidential, expect: deny, reason: label.flow }
  - { case: only claimed, user: null, tool: forum/post, input: {}, proof: claimed, expect: deny, reason: agent.only_claimed }
`)
    expect((await run(small(POLICIES, { documents, cases }))).filter((line) => line.length > 3)).toEqual([])
  })

  it.each([
    ['an agent', 'agent: bott', 'cases.unknown_agent', 'did you mean `bot`?'],
    ['a user', 'user: anna', 'cases.unknown_user', 'did you mean `ana`?'],
    [
      'a user with attributes, where none comes unlisted',
      'user: { user: zoe }',
      'cases.unknown_user',
      expect.stringContaining('listed'),
    ],
    ['a resource', 'enter: order', 'cases.unknown_resource', 'did you mean `orders`?'],
    ['a resource by its tool', 'tool: order/get', 'cases.unknown_resource', 'did you mean `orders`?'],
    ['a tool', 'tool: orders/gt', 'cases.unknown_tool', 'did you mean `orders/get`?'],
    [
      'a tool of what is built in',
      'tool: facts/reports',
      'cases.unknown_tool',
      'did you mean `facts/report`?',
    ],
    ['a policy', 'by: user', 'cases.unknown_policy', 'did you mean `users`?'],
  ])('that names %s that is not there is refused', async (_name, key, code, says) => {
    const answer = await run(
      small(POLICIES, { cases: CASE(`  - case: wrong\n    expect: deny\n    ${key}\n`) }),
    )
    expect(answer).toEqual([['5:5', code, says]])
  })

  it.each([
    ['a time condition', 'conditions: { day: { time: { zone: UTC } } }\n'],
    [
      'a delegation that ends',
      'delegation: short\nagent: bot\nuser: ana\ntools: ["orders/*"]\nuntil: 2026-12-01T00:00:00Z\n',
    ],
  ])('says when it is, where %s reads the clock', async (_name, documents) => {
    const cases = CASE('  - { case: timeless, expect: allow }\n')
    expect(await run(small(POLICIES, { documents, cases }))).toEqual([
      ['3:7', 'cases.no_time', expect.stringContaining('reads the clock')],
    ])
  })

  it('outside of any tenant belongs to nobody', async () => {
    const files = [
      ...small(POLICIES),
      { path: 'p.cases.yaml', text: CASE('  - { case: stray, expect: allow }\n') },
    ]
    expect(await run(files)).toEqual([['3:7', 'configuration.no_tenant', expect.any(String)]])
  })
})
