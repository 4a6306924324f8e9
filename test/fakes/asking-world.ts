import type { World } from '../properties/decide-world.ts'

const ISSUER = 'https://idp.example'
const is = (sa: string) => ({ trust: 'prod', sa })
const agent = (name: string, more: object = {}) => ({
  agent: name,
  kind: 'workforce',
  owner: 'lee@a.example',
  is: is(name),
  ...more,
})

const document = {
  hint: 'read',
  input: {
    type: 'object',
    properties: {
      resource: {
        type: 'object',
        properties: { id: { type: 'string' }, owner: { type: 'string' }, stars: { type: 'integer' } },
      },
      context: { type: 'object', properties: { mfa: { type: 'boolean' } } },
      subject: { type: 'object', properties: { role: { type: 'string' } } },
    },
  },
} as const

/** Tenant `a` with an enforcement point `desk`, another agent `helper`, a guest, and objects of which it may ask about some. */
export const ASKING: World = {
  operator: { agent: [agent('support')] },
  b: {
    agent: [agent('desk')],
    idp: [{ idp: 'company', issuer: ISSUER }],
    user: [{ user: 'bo@b.example', idp: 'company', sub: 'bo' }],
    resource: [{ resource: 'ledger', type: 'objects', tools: { read: { hint: 'read' } } }],
  },
  a: {
    tenant: [{ user_attributes: { name: 'String' } }],
    agent: [agent('desk'), agent('helper'), agent('idle')],
    admission: [{ admission: 'operator/support' }],
    idp: [
      { idp: 'company', issuer: ISSUER },
      { idp: 'partner', issuer: 'https://idp.partner.example' },
    ],
    user: [
      { user: 'ana@a.example', idp: 'company', sub: 'ana', attributes: { name: 'ana' } },
      { user: 'ada@a.example', idp: 'company', sub: 'ada', attributes: { name: 'ada' } },
      {
        user: 'gone@a.example',
        idp: 'company',
        sub: 'gone',
        state: 'suspended',
        attributes: { name: 'gone' },
      },
      { user: 'sam@a.example', idp: 'company', sub: 'sam', attributes: { name: 'sam' } },
      { user: 'sam@partner.example', idp: 'partner', sub: 'sam', attributes: { name: 'other sam' } },
    ],
    resource: [
      {
        resource: 'document',
        type: 'objects',
        alone: true,
        objects: { plan: { owner: 'ana' }, draft: { owner: 'ada', stars: 5 } },
        tools: { read: document, star: document, keep: document, sign: document, list: { hint: 'read' } },
      },
      { resource: 'payroll', type: 'objects', objects: { june: {} }, tools: { read: { hint: 'read' } } },
      {
        resource: 'archive',
        type: 'mcp',
        at: 'https://archive.example/mcp',
        alone: true,
        tools: {
          fetch: {
            hint: 'read',
            input: { type: 'object', properties: { key: { type: 'string' } }, required: ['key'] },
          },
        },
      },
      {
        resource: 'secrets',
        type: 'mcp',
        at: 'https://secrets.example/mcp',
        alone: true,
        labels: ['confidential'],
        tools: { fetch: { hint: 'read' } },
      },
      {
        resource: 'forum',
        type: 'mcp',
        at: 'https://forum.example/mcp',
        alone: true,
        clearance: 'public',
        tools: { post: { hint: 'write' } },
      },
    ],
    delegation: [
      { delegation: 'desk', agent: 'desk', user: '*', tools: ['document/*', 'payroll/*', 'archive/*'] },
      { delegation: 'helper', agent: 'helper', user: 'ana@a.example', tools: ['document/*'] },
    ],
    cedar: `
      @id("desk-asks")
      permit (principal == Agent::"desk", action in [Action::"authzen/evaluate", Action::"authzen/search"], resource == Resource::"authzen")
      unless { context.input.resource == "payroll" };
      @id("agents-use-documents")
      permit (principal is Agent, action in Action::"document/*any", resource == Resource::"document")
      unless { principal == Agent::"idle" };
      @id("attested-agents-sign")
      forbid (principal is Agent, action == Action::"document/sign", resource == Resource::"document")
      unless { principal.proof == "attested" };
      @id("agents-use-the-rest")
      permit (principal is Agent, action, resource)
      when { [Resource::"archive", Resource::"secrets", Resource::"forum", Resource::"payroll"].contains(resource) };
      @id("owners-read")
      permit (principal is User, action in [Action::"document/read", Action::"document/sign"], resource == Resource::"document")
      when { context.input.resource.owner == principal.name };
      @id("everybody-lists")
      permit (principal is User, action == Action::"document/list", resource == Resource::"document");
      @id("stars-are-shared")
      permit (principal is User, action == Action::"document/star", resource == Resource::"document")
      when { context.input.resource.stars > 3 && context.input.context.mfa };
      @id("keepers-keep")
      @ask
      permit (principal is User, action == Action::"document/keep", resource == Resource::"document");
      @id("users-fetch")
      permit (principal is User, action == Action::"archive/fetch", resource == Resource::"archive")
      when { context.input.key == principal.name };
      @id("users-see-payroll")
      permit (principal is User, action == Action::"payroll/read", resource == Resource::"payroll");
    `,
  },
}

/** The policy by which `desk` may vouch. */
export const VOUCHES = `
  @id("desk-vouches")
  permit (principal == Agent::"desk", action == Action::"authzen/vouch", resource == Resource::"authzen");
`
