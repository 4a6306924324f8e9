import { afterAll, describe, expect, it } from 'vitest'
import { excludeEachOther } from '../../src/conditions/registry.ts'
import { lintConfiguration } from '../../src/flows/lint-configuration.ts'
import {
  closeCedar,
  DEMO_FILES,
  DEMO_VARIABLES,
  demoWith,
  readFiles,
  small,
} from '../support/policy-folder.ts'

afterAll(closeCedar)

async function lint(files: Parameters<typeof readFiles>[0], variables = {}) {
  const { read, snapshot } = await readFiles(files, variables)
  return lintConfiguration(read.tenants, snapshot, excludeEachOther)
}
/** Line and column of each finding, its code, and the text that is marked. */
async function found(policies: string, documents?: string) {
  const files = small(policies, documents === undefined ? {} : { documents })
  return (await lint(files)).map(({ line, column, code, snippet = '', length = 0 }) => [
    `${line}:${column}`,
    code.slice('lint.'.length),
    snippet.slice(column - 1, column - 1 + length),
  ])
}

const BOT = (rest: string, id = 'x') => `@id("${id}")\npermit (principal == Agent::"bot", ${rest};`
const ORDERS = BOT('action, resource == Resource::"orders")', 'orders')
const CONDITIONS = `conditions:
  day: { time: { zone: UTC, from: "08:00", to: "18:00" } }
  night: { time: { zone: UTC, from: "18:00", to: "08:00" } }
  clean: { posture: { source: scanner, says: clean, within: 10m } }
  ghost: { posture: { source: nobody, says: clean, within: 10m } }
`
const NAMING = (...names: readonly string[]) =>
  names.map((name) => `context.conditions.contains("${name}")`).join(' && ')
const REPORTS =
  '@id("reports")\npermit (principal == Agent::"scanner", action == Action::"facts/report", resource);'
/** Names each condition, so that none is unused, in policies that are otherwise as they should be. */
const ALL_NAMED = `${REPORTS}\n${['day', 'night', 'clean', 'ghost']
  .map((name) => BOT(`action, resource == Resource::"notes") when { ${NAMING(name)} }`, name))
  .join('\n')}`

describe('lint', () => {
  it("finds nothing in the demo's folder", async () => {
    expect(await lint(DEMO_FILES, DEMO_VARIABLES)).toEqual([])
  })

  it.each<[string, string, readonly (readonly string[])[]]>([
    [
      'an action that is of another resource',
      BOT('action == Action::"orders/get", resource == Resource::"notes")'),
      [['2:1', 'never_tool', 'permit']],
    ],
    [
      'a group that no tool is in',
      BOT('action in Action::"orders/*write", resource)'),
      [['2:1', 'never_tool', 'permit']],
    ],
    [
      'an agent that is retired',
      '@id("x")\npermit (principal == Agent::"old", action, resource == Resource::"notes");',
      [['2:1', 'never_principal', 'permit']],
    ],
    [
      'a user whom nobody listed',
      '@id("x")\npermit (principal == User::"bo", action, resource == Resource::"notes");',
      [['2:1', 'never_principal', 'permit']],
    ],
    [
      'a clause that is false',
      BOT('action, resource == Resource::"notes") when { 1 == 2 }'),
      [['2:82', 'never_clause', '1 == 2']],
    ],
    [
      'a value that must be two things',
      BOT(
        'action == Action::"orders/get", resource == Resource::"orders")\nwhen { context.input.id == "a" } when { "b" == context.input.id }',
      ),
      [['3:8', 'never_clause', 'context.input.id']],
    ],
    [
      'a value that must be and not be',
      BOT(
        'action == Action::"orders/get", resource == Resource::"orders")\nwhen { context.input.id == "a" } unless { "a" == context.input.id }',
      ),
      [['3:8', 'never_clause', 'context.input.id']],
    ],
    [
      'the same test both ways',
      BOT(
        'action == Action::"orders/get", resource == Resource::"orders")\nwhen { context has user && !(context has user) }',
      ),
      [['3:8', 'never_clause', 'context has user']],
    ],
    [
      'bounds that leave no number',
      BOT(
        'action == Action::"orders/get", resource == Resource::"orders")\nwhen { context.input has amount && context.input.amount > 4 && 5 > context.input.amount }',
      ),
      [['3:36', 'never_clause', 'context.input.amount']],
    ],
    [
      'a number beyond its bounds',
      BOT(
        'action == Action::"orders/get", resource == Resource::"orders")\nwhen { context.input has amount && context.input.amount == 5 && !(context.input.amount >= 5) }',
      ),
      [['3:36', 'never_clause', 'context.input.amount']],
    ],
    [
      'a kind that there is none of',
      '@id("x")\npermit (principal is Agent, action, resource == Resource::"notes")\nwhen { principal.kind == "bot" };',
      [['2:1', 'never_registered', 'permit']],
    ],
    [
      'a label that nothing has',
      BOT('action, resource)\nwhen { resource.labels.contains("confidential") }'),
      [['2:1', 'never_registered', 'permit']],
    ],
    [
      'an attribute that no user has so high',
      '@id("x")\npermit (principal is User, action, resource == Resource::"orders")\nwhen { principal.level > 3 };',
      [['2:1', 'never_registered', 'permit']],
    ],
    [
      'a forbid that contradicts itself',
      '@id("x")\nforbid (principal, action, resource)\nwhen { principal == User::"ana" }\nunless { principal == User::"ana" };',
      [['3:8', 'never_clause', 'principal == User::"ana"']],
    ],
    [
      'a permit wholly under a forbid',
      `${ORDERS}\n@id("no")\nforbid (principal is Agent, action in Action::"*any", resource);\n${BOT('action == Action::"notes/write", resource)', 'z')}`,
      [['6:1', 'under_forbid', 'permit']],
    ],
    [
      'a permit under a forbid by its own clause',
      '@id("x")\npermit (principal is User, action, resource == Resource::"notes") when { principal.level == 3 && context has address };\n@id("no")\nforbid (principal is User, action, resource) when { principal.level == 3 };',
      [['2:1', 'under_forbid', 'permit']],
    ],
    [
      'a permit that a wider one holds',
      `${ORDERS}\n${BOT('action in Action::"orders/*read", resource == Resource::"orders")', 'z')}`,
      [['4:1', 'shadowed', 'permit']],
    ],
    [
      'a permit that is there twice',
      `${ORDERS}\n${BOT('action, resource == Resource::"orders")', 'z')}`,
      [['4:1', 'shadowed', 'permit']],
    ],
    [
      'a permit with a clause more',
      `${ORDERS}\n${BOT('action == Action::"orders/get", resource == Resource::"orders") when { context.input.id == "a" }', 'a')}`,
      [['4:1', 'shadowed', 'permit']],
    ],
    [
      'a forbid that a wider one holds',
      '@id("a")\nforbid (principal is User, action, resource == Resource::"notes");\n@id("b")\nforbid (principal, action, resource);',
      [['2:1', 'shadowed', 'forbid']],
    ],
    ['a permit for everything', BOT('action, resource)'), [['2:1', 'unscoped', 'permit']]],
    [
      'a permit for every group',
      BOT('action in Action::"*any", resource) when { context has user }'),
      [['2:1', 'unscoped', 'permit']],
    ],
    [
      'an annotation that accepts what is no finding',
      `@id("x")\n@lint("unscoped, shadwed")\n${BOT('action, resource)').split('\n')[1]}`,
      [['2:18', 'unknown_code', 'shadwed']],
    ],
  ])('finds %s, where it stands', async (_name, policies, wanted) => {
    expect(await found(policies)).toEqual(wanted)
  })

  it.each<[string, string]>([
    [
      'a permit that asks a person where a wider one does not',
      `${ORDERS}\n@ask\n${BOT('action == Action::"orders/get", resource == Resource::"orders")', 'z')}`,
    ],
    [
      'a permit that lets in whom nothing proves, where a wider one does not',
      `${ORDERS}\n@claimed("yes")\n${BOT('action == Action::"orders/get", resource == Resource::"orders")', 'z')}`,
    ],
    [
      'a permit under a forbid with a clause of its own',
      `${ORDERS}\n@id("no")\nforbid (principal, action, resource) when { context has user };`,
    ],
    [
      'a permit of agents under a forbid of users',
      `${ORDERS}\n@id("no")\nforbid (principal is User, action, resource);`,
    ],
    [
      'a permit for everything that looks at what is called',
      BOT('action, resource) when { resource.kind == "mcp" }'),
    ],
    [
      'bounds that leave one number',
      BOT(
        'action == Action::"orders/get", resource == Resource::"orders")\nwhen { context.input has amount && context.input.amount >= 4 && 5 > context.input.amount }',
      ),
    ],
    [
      'a condition or another, which exclude each other',
      `${BOT('action, resource == Resource::"notes") when { context.conditions.containsAny(["day", "night"]) }')}`,
    ],
    ['what its writer accepts', `@id("x")\n@lint("unscoped")\n${BOT('action, resource)').split('\n')[1]}`],
  ])('finds nothing wrong with %s', async (_name, policies) => {
    const documents =
      'conditions: { day: { time: { zone: UTC, to: "18:00" } }, night: { time: { zone: UTC, from: "18:00" } } }\n'
    expect(await found(policies, policies.includes('day') ? documents : undefined)).toEqual([])
  })

  describe('of templates', () => {
    const STOPS = '@id("stops")\nforbid (principal == ?principal, action, resource == Resource::"notes")'
    const link = (name: string, rest: string) => `policy: ${name}\ntemplate: stops\n${rest}\n`
    const links = ['bot', 'old'].map((agent) => link(`no-${agent}`, `principal: Agent::"${agent}"`))

    it('finds one of which nothing is made, unless its writer accepts that', async () => {
      expect(await found(`${STOPS};`)).toEqual([['2:1', 'unlinked_template', 'forbid']])
      expect(await found(`@lint("unlinked_template")\n${STOPS};`)).toEqual([])
      expect(await found(`${STOPS};`, links[0])).toEqual([])
    })

    it('tells what its text shows once, where it is written, however much is made of it', async () => {
      const lines = await found(`${STOPS} when { 1 == 2 };`, links.join('---\n'))
      expect(lines).toEqual([['2:80', 'never_clause', '1 == 2']])
    })

    it('tells what its slots make of it where they are filled', async () => {
      const twice = [...links, link('again', 'principal: Agent::"bot"')].join('---\n')
      const files = small(`${STOPS};`, { documents: twice })
      const findings = (await lint(files)).map(({ path, code, says, snippet }) => [path, code, says, snippet])
      expect(findings).toEqual([
        [
          'acme/tenant.yaml',
          'lint.shadowed',
          '`no-bot` adds nothing: `again` forbids all that it forbids.',
          'policy: no-bot',
        ],
      ])
    })

    it('counts the conditions that it names as named', async () => {
      const text = `${STOPS} unless { context.conditions.contains("day") };`
      const documents = 'conditions: { day: { time: { zone: UTC, from: "08:00", to: "18:00" } } }\n'
      expect((await found(text, documents)).map(([, code]) => code)).toEqual(['unlinked_template'])
    })
  })

  it('finds two conditions that never hold together', async () => {
    const both = BOT(`action, resource == Resource::"notes")\nwhen { ${NAMING('day', 'night')} }`, 'zz')
    const lines = await found(`${ALL_NAMED}\n${both}`, CONDITIONS)
    expect(lines).toContainEqual(['13:74', 'never_conditions', '"night"'])
  })

  it('finds a condition that nothing feeds, and one that nobody names, where they are declared', async () => {
    const conditions = async (policies: string) =>
      (await lint(small(policies, { documents: CONDITIONS })))
        .filter(({ code }) => code.endsWith('_condition'))
        .map(({ snippet = '', code, says }) => [snippet.trim().split(':')[0], code.slice(5), says])
    expect(await conditions(ALL_NAMED)).toEqual([
      [
        'ghost',
        'unfed_condition',
        'nothing feeds `ghost`: no agent `nobody` lives here or is admitted, so `ghost` can only refuse',
      ],
    ])
    expect(await conditions(ALL_NAMED.replace(REPORTS, ''))).toContainEqual([
      ...[
        'clean',
        'unfed_condition',
        'nothing feeds `clean`: no permit lets `scanner` report, so `clean` can only refuse',
      ],
    ])
    expect((await conditions(REPORTS)).map(([name, code]) => [name, code])).toEqual(
      ['day', 'night', 'clean', 'ghost'].map((name) => [name, 'unused_condition']),
    )
  })

  it('finds nothing of users who may be anybody, and of agents whose home is not in the folder', async () => {
    const documents = 'idp: open\nissuer: https://open.example\nusers: any\n'
    const policies =
      '@id("x")\npermit (principal == User::"bo", action, resource == Resource::"notes") when { principal.level > 9 };'
    expect(await found(policies, documents)).toEqual([])
  })

  it('is told of each tenant, by its own policies alone', async () => {
    const permit = '\n@id("wide") permit (principal is User, action, resource);'
    const changed = demoWith({ 'b/policies/orders.cedar': ['', permit] })
    const findings = await lint(changed, DEMO_VARIABLES)
    expect(findings.map(({ tenant, code }) => [tenant, code])).toEqual([
      ['b', 'lint.shadowed'],
      ['b', 'lint.shadowed'],
      ['b', 'lint.shadowed'],
      ['b', 'lint.unscoped'],
    ])
  })
})
