import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { openCedar } from '../lib/cedar/cedar.ts'
import type { ReadingPorts } from './read-configuration.ts'
import { readConfiguration } from './read-configuration.ts'
import { createReadPolicies } from './read-policies.ts'

const cedar = openCedar()
afterAll(() => cedar.close())

const ports: ReadingPorts = {
  schemas: {
    trust: new Map([['oidc-token', z.looseObject({})]]),
    credential: new Map(),
    condition: new Map([['time', z.looseObject({})]]),
  },
  readPolicies: createReadPolicies(cedar),
  agentExists: (id) => id === 'operator/support',
  issuerOf: () => undefined,
}

const TENANT = `
tenant: acme
user_attributes: { customer_id: String }
---
trust: prod
attestor: oidc-token
---
agent: pipeline
kind: workforce
owner: dana@acme.example
is: { trust: prod, "k8s:ns": data }
---
admission: operator/support
---
resource: orders
type: mcp
at: https://orders.internal/mcp
tools:
  get_order:
    hint: read
    input: { type: object, properties: { customer_id: { type: string } }, required: [customer_id] }
---
conditions: { business-hours: { time: {} } }
`

async function read(...texts: readonly string[]) {
  const files = texts.map((text, at) => ({
    path: `acme/policies/${at === 0 ? 'orders' : 'more'}.cedar`,
    text,
  }))
  return readConfiguration([{ path: 'acme/tenant.yaml', text: TENANT }, ...files], new Map(), ports)
}

async function problemOf(...texts: readonly string[]) {
  const { problems } = await read(...texts)
  const [first] = problems
  return (
    first && {
      at: `${first.path}:${first.line}:${first.column}`,
      code: first.code,
      hint: first.hint,
      says: first.says,
    }
  )
}

const ANY = 'action, resource'

describe('the policies of a tenant', () => {
  it('become documents with their text and exact JSON form', async () => {
    const text = `// why\n@id("own") permit (principal is User, action == Action::"orders/get_order", resource == Resource::"orders")\nwhen { context.input.customer_id == principal.customer_id };`
    const { drafts, problems } = await read(text)
    expect(problems).toEqual([])
    expect(drafts.find(({ kind }) => kind === 'policy')).toMatchObject({
      tenant: 'acme',
      name: 'own',
      doc: { policy: 'own', effect: 'permit', text: text.slice(text.indexOf('@id')) },
    })
  })
  it('may be about an agent that is admitted', async () => {
    expect(
      await problemOf(`@id("s") permit (principal == Agent::"operator/support", ${ANY});`),
    ).toBeUndefined()
  })
  it('may forbid without saying to whom', async () => {
    expect(await problemOf(`@id("f") forbid (principal, ${ANY});`)).toBeUndefined()
  })

  const cases: readonly (readonly [string, string, object])[] = [
    [
      'an attribute that is misspelled',
      '@id("own")\npermit (principal is User, action == Action::"orders/get_order", resource)\nwhen { context.input.customer_id == principal.custmer_id };',
      {
        at: 'acme/policies/orders.cedar:3:47',
        code: 'policy.invalid',
        hint: 'did you mean `customer_id`?',
      },
    ],
    [
      'a permit for anyone',
      `@id("a")\npermit (principal, ${ANY});`,
      { at: 'acme/policies/orders.cedar:2:1', code: 'policy.unscoped' },
    ],
    [
      'conditions that are not written out',
      `@id("c") permit (principal is User, ${ANY}) when { context.conditions == ["business-hours"] };`,
      { at: 'acme/policies/orders.cedar:1:10', code: 'policy.conditions_unreadable' },
    ],
    [
      'a condition that nobody declared',
      `@id("c") permit (principal is User, ${ANY})\nwhen { context.conditions.contains("busines-hours") };`,
      {
        at: 'acme/policies/orders.cedar:2:37',
        code: 'policy.unknown_condition',
        hint: 'did you mean `business-hours`?',
      },
    ],
    [
      'an agent that is not there',
      `@id("c") permit (principal == Agent::"pipelin", ${ANY});`,
      {
        at: 'acme/policies/orders.cedar:1:39',
        code: 'policy.unknown_agent',
        hint: 'did you mean `pipeline`?',
      },
    ],
    [
      'a group that is not there',
      `@id("c") permit (principal in AgentGroup::"desk", ${ANY});`,
      { at: 'acme/policies/orders.cedar:1:44', code: 'policy.unknown_group' },
    ],
    [
      'a resource that is not there',
      `@id("c") permit (principal is Agent, action, resource == Resource::"order");`,
      {
        at: 'acme/policies/orders.cedar:1:69',
        code: 'policy.unknown_resource',
        hint: 'did you mean `orders`?',
      },
    ],
    [
      'a tool that is not there',
      `@id("c") permit (principal is Agent, action == Action::"orders/get_ordr", resource);`,
      { code: 'policy.invalid', hint: 'did you mean `Action::"orders/get_order"`?' },
    ],
    ['a policy without a name', `permit (principal is User, ${ANY});`, { code: 'policy.id_missing' }],
    ['what is not Cedar', '@id("a") permit (principal is User;', { code: 'policy.syntax' }],
    ['a slot of another name', `@id("a") permit (principal == ?who, ${ANY});`, { code: 'policy.syntax' }],
  ]
  it.each(cases)('are refused whole for %s, with its place', async (_name, text, expected) => {
    expect(await problemOf(text)).toMatchObject(expected)
  })
  it('have one name each, in whatever file', async () => {
    const policy = `@id("same") permit (principal is User, ${ANY});`
    const { problems, drafts } = await read(policy, `\n${policy}`)
    expect(problems).toMatchObject([
      { code: 'policy.id_duplicate', says: expect.stringContaining('policies/orders.cedar:1') },
    ])
    expect(drafts).toEqual([])
  })
})
