import { afterAll, describe, expect, it } from 'vitest'
import { openCedar } from '../../lib/cedar/cedar.ts'
import { DOCUMENTS } from '../registry.ts'
import { cedarSchemaOf } from './cedar-schema.ts'
import type { Resource } from './resource.ts'

const cedar = openCedar()
afterAll(() => cedar.close())

const tenant = DOCUMENTS.tenant.parse({
  tenant: 'a',
  user_attributes: { customer_id: 'String', limits: 'Set<String>', level: 'Long', vip: 'Bool' },
  agent_attributes: { team: 'String', kind: 'Long' },
})
const resource = (doc: object): Resource => DOCUMENTS.resource.parse(doc)
const orders = resource({
  resource: 'orders',
  type: 'mcp',
  at: 'https://orders.internal/mcp',
  tools: {
    get_order: {
      hint: 'read',
      input: {
        type: 'object',
        properties: {
          customer_id: { type: 'string' },
          amount: { type: 'integer' },
          price: { type: 'number' },
          'odd "name"': { type: 'boolean' },
          tags: { type: 'array', items: { type: 'string' } },
          where: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
          in: { type: 'string' },
        },
        required: ['customer_id', 'where'],
      },
    },
    cancel_order: { hint: 'write' },
  },
})
const warehouse = resource({
  resource: 'warehouse',
  type: 'postgres',
  at: 'postgres://warehouse.internal/analytics',
  tools: { read: ['orders_daily', 'public.customers'] },
})
const schema = { file: 'schema', text: cedarSchemaOf({ tenant, resources: [orders, warehouse] }) }

async function problems(body: string): Promise<readonly string[]> {
  const file = { file: 'test.cedar', text: `@id("p") ${body}` }
  const parsed = await cedar.parsePolicies(file)
  if (!parsed.ok) return parsed.error.map(({ says }) => says)
  const valid = await cedar.validate(schema, parsed.value, [file])
  return valid.ok ? [] : valid.error.map(({ says }) => says)
}

const get = 'action == Action::"orders/get_order", resource == Resource::"orders"'

describe("a tenant's Cedar schema", () => {
  it('types what a prompt is asked with and what a URI is made of', async () => {
    const written = cedarSchemaOf({
      tenant,
      resources: [
        resource({
          ...{ resource: 'orders', type: 'mcp', at: 'https://orders.internal/mcp', tools: {} },
          prompts: { greet: { input: { type: 'object', properties: { tone: { type: 'string' } } } } },
          contents: { order: { uri: 'orders://{customer_id}{?page}' } },
        }),
      ],
    })
    const holds = async (action: string, when: string) => {
      const body = `permit (principal is User, action == Action::"orders/${action}", resource) when { ${when} };`
      const file = { file: 'test.cedar', text: `@id("p") ${body}` }
      const parsed = await cedar.parsePolicies(file)
      if (!parsed.ok) return false
      return (await cedar.validate({ file: 'schema', text: written }, parsed.value, [file])).ok
    }
    expect(await holds('content:order', 'context.input.customer_id == principal.customer_id')).toBe(true)
    expect(await holds('content:order', 'context.input.uri like "orders://*"')).toBe(true)
    expect(await holds('content:order', 'context.input.page == "1"')).toBe(false)
    expect(await holds('content:order', 'context.input has page && context.input.page == "1"')).toBe(true)
    expect(await holds('prompt:greet', 'context.input has tone && context.input.tone == "warm"')).toBe(true)
    expect(await holds('prompt:greet', 'context.input.mood == "x"')).toBe(false)
  })

  it('is one that Cedar takes', async () => {
    expect((await cedar.checkSchema(schema)).ok).toBe(true)
    const empty = { file: 'schema', text: cedarSchemaOf({ tenant, resources: [] }) }
    expect((await cedar.checkSchema(empty)).ok).toBe(true)
  })

  it.each([
    `permit (principal is User, ${get}) when { context.input.customer_id == principal.customer_id };`,
    `permit (principal == Agent::"operator/support", action in Action::"orders/*read", resource == Resource::"orders");`,
    `permit (principal is Agent, action in Action::"warehouse/*any", resource) when { principal.team == "data" };`,
    `permit (principal is Agent, action == Action::"warehouse/read:public.customers", resource);`,
    `permit (principal in AgentGroup::"desk", ${get}) when { context has user && context.user in UserGroup::"emea" };`,
    `permit (principal is User in UserGroup::"emea", ${get}) unless { context.agent in AgentGroup::"desk" };`,
    `permit (principal is Agent, action == Action::"facts/report", resource == Resource::"facts") when { context.input.says == "clean" };`,
    `forbid (principal, action in Action::"*write", resource) unless { context.conditions.contains("healthy") };`,
    `permit (principal is User, ${get}) when { context.input has amount && context.input.amount < 100 };`,
    `permit (principal is User, ${get}) when { context.input has price && context.input.price.lessThan(decimal("9.5")) };`,
    `permit (principal is User, ${get}) when { context.input has tags && context.input.tags.contains("x") };`,
    `permit (principal is User, ${get}) when { context.input.where.city == "Berlin" && context.agent.owner == "lee@operator.example" };`,
    `permit (principal is User, ${get}) when { context has address && context.address.isInRange(ip("10.0.0.0/8")) };`,
    `permit (principal is Agent, ${get}) when { context has user && context.user.level > 2 && principal.kind == "workforce" };`,
    `permit (principal is Agent, ${get}) when { resource.labels.contains("public") && resource.kind == "mcp" };`,
  ])('lets strict validation pass %s', async (policy) => {
    expect(await problems(policy)).toEqual([])
  })

  it.each([
    [
      'an attribute nobody declared',
      `permit (principal is User, ${get}) when { principal.custmer_id == "x" };`,
    ],
    [
      'an input that is not declared',
      `permit (principal is User, ${get}) when { context.input.order == "x" };`,
    ],
    [
      'an optional input without a look',
      `permit (principal is User, ${get}) when { context.input.amount < 1 };`,
    ],
    [
      'a comparison of two types',
      `permit (principal is User, ${get}) when { context.input.customer_id == 1 };`,
    ],
    ['a tool that does not exist', 'permit (principal is User, action == Action::"orders/got", resource);'],
    ['a user that need not be there', `permit (principal is Agent, ${get}) when { context.user.level > 2 };`],
  ])('makes strict validation refuse %s', async (_name, policy) => {
    expect(await problems(policy)).not.toEqual([])
  })
})
