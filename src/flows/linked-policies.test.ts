import { afterAll, describe, expect, it } from 'vitest'
import { closeCedar, readFolder, small } from '../../test/support/policy-folder.ts'

afterAll(closeCedar)

const TEMPLATES = `
@id("reads")
permit (principal is User in ?principal, action == Action::"orders/get", resource == ?resource)
when { context.input.id == principal.customer_id };
@id("uses") permit (principal in ?principal, action, resource == Resource::"orders");
@id("written") forbid (principal is User, action, resource == Resource::"notes");
`
const READS = 'template: reads\nprincipal: User::"ana"\nresource: Resource::"orders"'

function read(documents: string, templates = TEMPLATES) {
  return readFolder(small(templates, { documents }))
}

/** What is wrong with a policy of that name, its line counted from its own first. */
async function wrong(body: string, templates = TEMPLATES): Promise<readonly unknown[]> {
  const documents = `policy: ana-reads\n${body}\n`
  const files = small(templates, { documents })
  const first = files[0]?.text.split('\n').findIndex((line) => line.startsWith('policy: ana')) ?? 0
  const { problems } = await readFolder(files)
  return problems.map(({ path, line, column, code, hint }) => [
    path === 'acme/tenant.yaml' ? `${line - first}:${column}` : `${path}:${line}:${column}`,
    code,
    ...(hint === undefined ? [] : [hint]),
  ])
}

describe('policies that are made of templates', () => {
  it('are declared beside other documents, and stored as what they are made of', async () => {
    const { drafts, problems, tenants } = await read(`policy: ana-reads\n${READS}\n`)
    expect(problems).toEqual([])
    const stored = drafts.filter(({ kind }) => kind === 'policy' || kind === 'template')
    expect(stored.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
      'policy ana-reads',
      'policy written',
      'template reads',
      'template uses',
    ])
    expect(stored.find(({ name }) => name === 'ana-reads')?.doc).toEqual({
      ...{ policy: 'ana-reads', template: 'reads' },
      ...{ principal: 'User::"ana"', resource: 'Resource::"orders"' },
    })
    expect(stored.find(({ name }) => name === 'uses')?.doc).toMatchObject({
      ...{ template: 'uses', effect: 'permit' },
      text: '@id("uses") permit (principal in ?principal, action, resource == Resource::"orders");',
    })
    expect(tenants[0]?.sources.map(({ policy }) => policy)).toEqual(['reads', 'uses', 'written'])
  })

  it('may be of agents, of users and of groups of either', async () => {
    const documents = ['Agent::"bot"', 'User::"ana"', 'AgentGroup::"crew"', 'UserGroup::"desk"']
      .map((principal, at) => `policy: p${at}\ntemplate: uses\nprincipal: ${principal}\n`)
      .concat('group: crew\nof: agents\n', 'group: desk\nof: users\n')
    expect((await read(documents.join('---\n'))).problems).toEqual([])
  })

  it.each<[string, string, readonly (readonly string[])[]]>([
    [
      'a template that is not there',
      'template: read\nprincipal: User::"ana"',
      [['2:1', 'policy.unknown_template', 'did you mean `reads`?']],
    ],
    [
      'a policy instead of a template',
      'template: written',
      [
        [
          '2:1',
          'policy.unknown_template',
          'write `principal == ?principal` or `resource == ?resource` in its scope',
        ],
      ],
    ],
    ['a slot that is left open', 'template: reads\nprincipal: User::"ana"', [['1:1', 'policy.slot_missing']]],
    [
      'a value for what is no slot',
      'template: uses\nprincipal: User::"ana"\nresource: Resource::"orders"',
      [['4:1', 'policy.slot_unknown']],
    ],
    [
      'a principal that is a resource',
      'template: reads\nprincipal: Resource::"orders"\nresource: Resource::"orders"',
      [['3:1', 'policy.slot_type']],
    ],
    [
      'a type that is misspelled',
      'template: reads\nprincipal: Usr::"ana"\nresource: Resource::"orders"',
      [['3:1', 'policy.slot_type', 'did you mean `User`?']],
    ],
    [
      'a resource that is a person',
      'template: reads\nprincipal: User::"ana"\nresource: User::"ana"',
      [['4:1', 'policy.slot_type']],
    ],
    [
      'a permit for neither agents nor users',
      'template: uses\nprincipal: Resource::"orders"',
      [['3:1', 'policy.unscoped']],
    ],
    [
      'an agent that is not there',
      'template: uses\nprincipal: Agent::"bots"',
      [['3:1', 'policy.unknown_agent', 'did you mean `bot`?']],
    ],
    [
      'a group that is not there',
      'template: uses\nprincipal: UserGroup::"desk"',
      [['3:1', 'policy.unknown_group']],
    ],
    [
      'a resource that is not there',
      'template: reads\nprincipal: User::"ana"\nresource: Resource::"order"',
      [['4:1', 'policy.unknown_resource', 'did you mean `orders`?']],
    ],
    ['a person without quotes', 'template: uses\nprincipal: User::ana', [['3:1', 'configuration.value']]],
    [
      'a key that is none',
      'template: uses\nprincpal: User::"ana"',
      [['3:1', 'configuration.unknown_key', 'did you mean `principal`?']],
    ],
    ['no template', 'principal: User::"ana"', [['1:1', 'configuration.missing_key']]],
    [
      'Cedar text, which has files of its own',
      'text: permit (principal is User, action, resource);',
      [
        ['1:1', 'configuration.missing_key'],
        ['2:1', 'configuration.unknown_key'],
      ],
    ],
  ])('are refused whole for %s, with its place', async (_name, body, expected) => {
    expect(await wrong(body)).toEqual(expected)
  })

  it.each<[string, string, string]>([
    ['policy', 'policy: written\ntemplate: uses\nprincipal: User::"ana"\n', 'policy.id_duplicate'],
    ['template', 'policy: uses\ntemplate: uses\nprincipal: User::"ana"\n', 'policy.id_duplicate'],
    [
      'linked policy',
      'policy: x\ntemplate: uses\nprincipal: User::"ana"\n---\npolicy: x\ntemplate: uses\nprincipal: User::"ana"\n',
      'configuration.duplicate',
    ],
  ])('have a name that no other %s has', async (_what, documents, code) => {
    const { problems, drafts } = await read(documents)
    expect(problems.map((each) => each.code)).toEqual([code])
    expect(drafts).toEqual([])
  })

  it.each<[string, string, string]>([
    [
      'an attribute that is misspelled',
      '@id("t") permit (principal is User in ?principal, action, resource) when { principal.lvel > 3 };',
      'acme/p.cedar:1:86 policy.invalid',
    ],
    [
      'an attribute that only users have, where agents may come too',
      '@id("t") permit (principal in ?principal, action, resource) when { principal.level > 3 };',
      'acme/p.cedar:1:78 policy.invalid',
    ],
    [
      'a permit for anybody, whatever its slot holds',
      '@id("t") permit (principal, action, resource == ?resource);',
      'acme/p.cedar:1:10 policy.unscoped',
    ],
    [
      'a permit for something that is no principal',
      '@id("t") permit (principal is Resource, action, resource == ?resource);',
      'acme/p.cedar:1:10 policy.unscoped',
    ],
    [
      'conditions that are not written out',
      '@id("t") forbid (principal == ?principal, action, resource) when { context.conditions == ["x"] };',
      'acme/p.cedar:1:10 policy.conditions_unreadable',
    ],
    [
      'a condition that nobody declared',
      '@id("t") forbid (principal == ?principal, action, resource) when { context.conditions.contains("x") };',
      'acme/p.cedar:1:97 policy.unknown_condition',
    ],
    [
      'a resource that is not there',
      '@id("t") forbid (principal == ?principal, action, resource == Resource::"order");',
      'acme/p.cedar:1:74 policy.unknown_resource',
    ],
    ['no name', 'forbid (principal == ?principal, action, resource);', 'acme/p.cedar:1:1 policy.id_missing'],
    [
      'a text longer than is stored',
      `@id("t") forbid (principal == ?principal, action, resource) when { ${'true && '.repeat(900)}${' '.repeat(33_000)}true };`,
      'acme/p.cedar:1:10 policy.too_long',
    ],
  ])('have a template that is refused for %s, with its place', async (_name, text, expected) => {
    const { problems } = await read('policy: x\ntemplate: t\nprincipal: User::"ana"\n', text)
    const [first] = problems
    expect(first && `${first.path}:${first.line}:${first.column} ${first.code}`).toBe(expected)
    // What is wrong with a template is not said again of what is made of it.
    expect(problems.every(({ path }) => path === 'acme/p.cedar')).toBe(true)
  })
})
