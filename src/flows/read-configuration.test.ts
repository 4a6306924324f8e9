import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { readConfiguration } from './read-configuration.ts'

const ports = {
  schemas: {
    trust: new Map([
      [
        'oidc-token',
        z.strictObject({
          pin: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
          audience: z.string().optional(),
        }),
      ],
    ]),
    credential: new Map<string, z.ZodType>([['p', z.strictObject({})]]),
    condition: new Map<string, z.ZodType>([['time', z.strictObject({ zone: z.string() })]]),
  },
  readPolicies: async () => ({ policies: [], templates: [], sources: [], problems: [] }),
  agentExists: () => false,
  issuerOf: (tenant: string): string | undefined => `https://authority.example/t/${tenant}`,
}

async function problemsOf(text: string, variables: Readonly<Record<string, string>> = {}) {
  const files = [{ path: 'acme/tenant.yaml', text }]
  const { problems, drafts } = await readConfiguration(files, new Map(Object.entries(variables)), ports)
  if (problems.length > 0) expect(drafts).toEqual([])
  return problems.map(({ line, column, code, says, hint }) => [`${line}:${column}`, code, hint ?? says])
}

const TENANT = 'tenant: acme\n---\n'

const CREDENTIAL = 'credential: c\nprovider: p\n---\n'
const resource = (keys: string, before = '') =>
  `${TENANT}${before}resource: x\ntype: mcp\nat: https://x.example\n${keys}\ntools: {}`

describe('a configuration folder', () => {
  it('becomes documents with their defaults', async () => {
    const files = [{ path: 'acme/tenant.yaml', text: 'tenant: acme' }]
    expect((await readConfiguration(files, new Map(), ports)).drafts).toMatchObject([
      { tenant: 'acme', kind: 'tenant', name: 'acme', doc: { state: 'active', staleness: '30s' } },
    ])
  })
  it.each([
    [
      'an unknown key',
      'tenant: acme\ndisply: Acme\n',
      [['2:1', 'configuration.unknown_key', 'did you mean `display`?']],
    ],
    ['an unknown kind', 'agnt: x', [['1:1', 'configuration.kind', 'did you mean `agent`?']]],
    [
      'a missing key',
      `${TENANT}agent: x\nkind: workforce\nis: { trust: t }`,
      [['3:1', 'configuration.missing_key', '`owner` is missing']],
    ],
    ['a key twice', 'tenant: acme\ntenant: b', [['2:1', 'configuration.yaml', 'Map keys must be unique']]],
    ['an alias', 'tenant: &a acme\ndisplay: *a', [['2:10', 'configuration.alias', expect.any(String)]]],
    [
      'a tenant that is nowhere',
      'agent: x\nkind: workforce\nowner: a@a.example\nis: { trust: t }',
      [['1:1', 'configuration.no_tenant', expect.any(String)]],
    ],
    [
      'a name twice',
      `${TENANT}user: u\nidp: i\nsub: s\n---\nuser: u\nidp: i\nsub: s`,
      expect.arrayContaining([['7:1', 'configuration.duplicate', expect.any(String)]]),
    ],
    [
      'a reference that leads nowhere',
      `${TENANT}trust: prod\nattestor: oidc-token\npin: {}\n---\nagent: x\nkind: workforce\nowner: a@a.example\nis: { trust: prd }`,
      [['10:7', 'configuration.reference', 'did you mean `prod`?']],
    ],
    [
      'an attribute that is not declared, and one of another type',
      `tenant: acme\nuser_attributes: { customer_id: String }\n---\nidp: i\nissuer: https://idp.example\n---\nuser: u\nidp: i\nsub: s\nattributes: { custmer_id: c-1, customer_id: 7 }`,
      [
        ['10:15', 'configuration.attribute', 'did you mean `customer_id`?'],
        ['10:32', 'configuration.attribute', 'attribute `customer_id` is declared as String'],
      ],
    ],
    [
      'an unknown plug-in',
      `${TENANT}trust: prod\nattestor: oidc-tokn`,
      [['4:1', 'configuration.plug_in', 'did you mean `oidc-token`?']],
    ],
    [
      'what a plug-in does not take',
      `${TENANT}trust: prod\nattestor: oidc-token\npin: { a: [1] }`,
      [['5:12', 'configuration.value', '`pin.a.0`: Invalid input: expected string, received number']],
    ],
    [
      'a condition of two tests',
      `${TENANT}conditions: { a: { time: {}, place: {} } }`,
      [['3:15', 'configuration.shape', expect.any(String)]],
    ],
    [
      'a guest that is not registered',
      `${TENANT}admission: other/x`,
      [['3:1', 'configuration.reference', 'no agent `other/x` is registered']],
    ],
    [
      'a group that is not there, or of another kind',
      `${TENANT}group: people\nof: users\n---\nidp: i\nissuer: https://i.example\n---\nuser: u\nidp: i\nsub: s\ngroups: [people, peple]\n---\ngroup: desk\nof: agents\nin: [people]`,
      expect.arrayContaining([
        ['12:18', 'configuration.reference', 'did you mean `people`?'],
        ['16:6', 'configuration.reference', 'tenant `acme` has no group of agents `people`'],
      ]),
    ],
    [
      'groups within themselves',
      `${TENANT}group: a\nof: users\nin: [b]\n---\ngroup: b\nof: users\nin: [a]`,
      [['5:1', 'configuration.group', 'groups: UserGroup::"a" is an ancestor of itself']],
    ],
    [
      'two agents of one proof',
      `${TENANT}trust: t\nattestor: oidc-token\npin: {}\n---\nagent: x\nkind: workforce\nowner: a@a.example\nis: { trust: t }\n---\nagent: y\nkind: workforce\nowner: a@a.example\nis: { trust: t }`,
      [['15:1', 'configuration.reference', 'proves the same as `x`: exactly one must match']],
    ],
    [
      'a label that the authority would not see reached',
      resource('labels: [public, internal]'),
      [['6:1', 'configuration.label_credential', expect.stringContaining('needs a `credential`')]],
    ],
    ...['facts', 'authzen'].map((name): [string, string, unknown] => [
      `a resource with the name of one that every tenant has: ${name}`,
      `${TENANT}resource: ${name}\ntype: objects\ntools: {}`,
      [['3:1', 'configuration.built_in', expect.any(String)]],
    ]),
    [
      'objects with labels or a clearance, which nobody would look at',
      `${TENANT}resource: note\ntype: objects\nlabels: [internal]\nclearance: internal\ntools: {}`,
      [
        ['5:1', 'configuration.objects_label', expect.stringContaining('`labels`')],
        ['6:1', 'configuration.objects_label', expect.stringContaining('`clearance`')],
      ],
    ],
    [
      'objects by a name that stands for other resources where they are asked about',
      `${TENANT}resource: mcp\ntype: objects\ntools: {}`,
      [['3:1', 'configuration.value', expect.stringContaining('can not be called')]],
    ],
    [
      'a clearance that the authority would not judge',
      resource('clearance: internal'),
      [['6:1', 'configuration.clearance_credential', expect.stringContaining('needs a `credential`')]],
    ],
    [
      'the same of a database',
      resource('clearance: public').replace('mcp', 'postgres').replace('https', 'postgres'),
      [['6:1', 'configuration.clearance_credential', expect.any(String)]],
    ],
    [
      'a clearance below its own label',
      resource('clearance: public\nlabels: [internal]\ncredential: { provider: c }', CREDENTIAL),
      [['9:1', 'configuration.clearance_label', expect.stringContaining('coming back')]],
    ],
  ])('is refused whole for %s, with its place', async (_name, text, expected) => {
    expect(await problemsOf(text)).toEqual(expected)
  })
  it('takes labels and clearances that go together, and neither without a credential where they say nothing', async () => {
    const leased = (keys: string) => resource(`${keys}\ncredential: { provider: c }`, CREDENTIAL)
    expect(await problemsOf(leased('labels: [internal]\nclearance: internal'))).toEqual([])
    expect(await problemsOf(leased('clearance: public'))).toEqual([])
    expect(await problemsOf(resource('labels: [public]\nclearance: confidential'))).toEqual([])
  })
  it('takes variables, and none that could end a string', async () => {
    const text = `tenant: acme\ndisplay: "\${name}"`
    expect(await problemsOf(text, { name: 'Acme' })).toEqual([])
    expect(await problemsOf(text, { nme: 'Acme' })).toEqual([
      ['2:11', 'configuration.variable', 'did you mean `nme`?'],
    ])
    for (const name of ['a"b', 'a\nb', "a'b", 'a\\b'])
      expect(await problemsOf(text, { name })).toMatchObject([
        ['2:11', 'configuration.variable', expect.stringContaining('quote')],
      ])
  })
})

describe('the audience of evidence', () => {
  const trust = (audience: string) =>
    `${TENANT}trust: prod\nattestor: oidc-token\npin: {}\naudience: ${audience}\n`
  it("is the tenant's own issuer", async () => {
    expect(await problemsOf(trust('https://authority.example/t/acme'))).toEqual([])
    expect(await problemsOf(`${TENANT}trust: prod\nattestor: oidc-token\npin: {}\n`)).toEqual([])
  })
  it.each([
    'https://authority.example/t/other',
    'https://authority.example/t/acme/',
    'https://authority.example',
    'https://elsewhere.example/t/acme',
  ])('is not %s', async (audience) => {
    expect(await problemsOf(trust(audience))).toEqual([
      ['6:1', 'configuration.audience', 'write `audience: https://authority.example/t/acme`'],
    ])
  })
  it('is not judged where no authority is known', async () => {
    const files = [{ path: 'acme/tenant.yaml', text: trust('https://elsewhere.example/t/acme') }]
    const read = await readConfiguration(files, new Map(), { ...ports, issuerOf: () => undefined })
    expect(read.problems).toEqual([])
  })
})
