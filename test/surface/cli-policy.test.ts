import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ConfigurationFile } from '../../src/sdk/admin-contract.ts'
import { commandLine, writeFolder } from '../support/command-line.ts'
import { small } from '../support/policy-folder.ts'

let folder: string
const type = (...args: readonly string[]) => commandLine(folder).type(...args)
const json = (...args: readonly string[]) => commandLine(folder).json(...args)
const write = (name: string, files: readonly ConfigurationFile[]) => writeFolder(folder, name, files)

const POLICIES = `
@id("bot") permit (principal == Agent::"bot", action, resource);
@id("users") permit (principal is User, action == Action::"orders/get", resource == Resource::"orders")
when { context.input.id == principal.customer_id };
`
const CASES = `given: { agent: bot, user: ana, tool: orders/get }
cases:
  - { case: her own, input: { id: c-42 }, expect: allow, by: users }
  - { case: another's, input: { id: c-1 }, expect: deny }
`

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cs-policy-'))
  await write('good', small(POLICIES, { cases: CASES }))
  await write('bad', small(POLICIES, { cases: CASES.replace('expect: deny', 'expect: allow') }))
  await write('broken', small(POLICIES, { cases: CASES.replace('by: users', 'by: usrs') }))
  await write('bare', small(POLICIES))
})
afterAll(() => rm(folder, { recursive: true }))

describe('policy test', () => {
  it('prints a line a case and ends with 0 when all are as expected', async () => {
    expect(await type('policy', 'test', '-f', 'good')).toEqual({
      code: 0,
      err: '',
      out: [
        'ok  good/acme/p.cases.yaml:3  her own    allow',
        "ok  good/acme/p.cases.yaml:4  another's  deny user.no_permit",
        '2 cases, all as expected',
        '',
      ].join('\n'),
    })
  })

  it('says of one that is not what was expected and why it is so, and ends with 1', async () => {
    expect(await type('policy', 'test', '-f', 'bad')).toMatchObject({
      code: 1,
      out: [
        'ok    bad/acme/p.cases.yaml:3  her own    allow',
        "FAIL  bad/acme/p.cases.yaml:4  another's  deny user.no_permit",
        '      expected allow, but it is deny (user.no_permit)',
        '      DENIED   bot for ana (tenant acme)  →  orders/get',
        '        agent   permitted by bot',
        '        user    no permit. Nearest: users',
        '                  context.input.id == principal.customer_id',
        '                  "c-1" is not "c-42"',
        '        by      delegation all',
        '        reason  user.no_permit',
        '        To allow it, ana needs a permit for it. Nothing about the agent is missing.',
        '2 cases, 1 not as expected',
        '',
      ].join('\n'),
    })
    expect(await json('policy', 'test', '-f', 'bad')).toMatchObject({
      code: 1,
      ok: false,
      cases: 2,
      failed: 1,
      results: [
        { case: 'her own', misses: [] },
        { line: 4, explained: { reason: 'user.no_permit' } },
      ],
    })
  })

  it('shows a case that names what is not there with its place, and ends with 1', async () => {
    const said = await type('policy', 'test', '-f', 'broken')
    expect(said).toMatchObject({
      code: 1,
      out: '',
      err: [
        'broken/acme/p.cases.yaml:3:58  tenant `acme` has no policy `usrs`',
        '        - { case: her own, input: { id: c-42 }, expect: allow, by: usrs }',
        '                                                               ^^ did you mean `users`?',
        '',
      ].join('\n'),
    })
    expect((await type('check', '-f', 'broken', '--offline')).err).toContain(said.err)
  })

  it('refuses a folder without cases, and is used wrongly with what it does not know', async () => {
    expect(await json('policy', 'test', '-f', 'bare')).toMatchObject({ code: 1, reason: 'cli.no_cases' })
    expect(await json('policy', 'test', '-f', 'nowhere')).toMatchObject({ code: 1, reason: 'cli.no_folder' })
    expect(await type('policy', 'test', '--all')).toMatchObject({ code: 2 })
    expect(await type('policy', 'tset')).toMatchObject({ code: 2 })
  })

  it('is named by check, which reads cases and does not run them', async () => {
    const { code, out } = await type('check', '-f', 'bad', '--offline')
    expect([code, out.split('\n')[1]]).toEqual([
      0,
      '2 cases beside the policies can be read; `countersign policy test` runs them.',
    ])
    expect((await type('check', '-f', 'bare', '--offline')).out.split('\n')).toHaveLength(2)
  })
})

describe('policy lint', () => {
  it('shows each finding with its place and what to do, and ends with 1', async () => {
    const wide = '\n@id("wide") permit (principal == Agent::"bot", action, resource == Resource::"notes");\n'
    await write('wide', small(`${POLICIES}${wide}`))
    expect(await type('policy', 'lint', '-f', 'wide')).toEqual({
      code: 1,
      err: '',
      out: [
        'wide/acme/p.cedar:2:12  `bot` permits every tool of every resource, also of those that are declared later  lint.unscoped',
        '        @id("bot") permit (principal == Agent::"bot", action, resource);',
        '                   ^^^^^^ name the resource or the actions in its scope',
        'wide/acme/p.cedar:6:13  `wide` adds nothing: `bot` permits all that it permits.  lint.shadowed',
        '        @id("wide") permit (principal == Agent::"bot", action, resource == Resource::"notes");',
        '                    ^^^^^^ take `wide` away, or narrow `bot`',
        '2 findings in 3 policies',
        '',
      ].join('\n'),
    })
    expect(await json('policy', 'lint', '-f', 'wide')).toMatchObject({
      ...{ code: 1, ok: false, policies: 3 },
      findings: [
        { code: 'lint.unscoped', tenant: 'acme', line: 2 },
        { code: 'lint.shadowed', line: 6 },
      ],
    })
  })

  it('finds nothing and ends with 0, and tells first what check refuses', async () => {
    await write('neat', small(POLICIES.replace('resource);', 'resource == Resource::"notes");')))
    expect(await type('policy', 'lint', '-f', 'neat')).toEqual({
      ...{ code: 0, err: '', out: '2 policies, nothing found\n' },
    })
    await write('wrong', small(POLICIES.replace('Agent::"bot"', 'Agent::"bott"')))
    expect(await json('policy', 'lint', '-f', 'wrong')).toMatchObject({
      ...{ code: 1, reason: 'configuration.refused', problems: [{ code: 'policy.unknown_agent' }] },
    })
  })
})

describe('variables', () => {
  it.each([
    ['a list', '- a\n', 'cli.variable'],
    ['a number', 'port: 5432\n', 'cli.variable'],
    ['no YAML', '{', 'cli.variable'],
    ['no file', undefined, 'cli.file'],
  ])('from a file that is %s are refused', async (_name, text, reason) => {
    if (text !== undefined) await writeFile(join(folder, 'vars.yaml'), text)
    const vars = text === undefined ? 'nothing.yaml' : 'vars.yaml'
    expect(await json('policy', 'test', '-f', 'good', '--vars', vars)).toMatchObject({ code: 1, reason })
  })

  it('of the command line win over those of a file', async () => {
    await write('filled', small(POLICIES, { cases: CASES.replace('c-42', `\${customer}`) }))
    await writeFile(join(folder, 'good-vars.yaml'), 'customer: c-1\n')
    const run = (...more: readonly string[]) =>
      json('policy', 'test', '-f', 'filled', '--vars', 'good-vars.yaml', ...more)
    expect(await run()).toMatchObject({ code: 1, failed: 1 })
    expect(await run('--var', 'customer=c-42')).toMatchObject({ code: 0, failed: 0 })
  })
})
