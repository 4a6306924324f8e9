import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import canonicalize from 'canonicalize'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportEndLine, exportEventLine, exportHeaderLine } from '../../src/core/audit/audit-export.ts'
import { completeDraft } from '../../src/core/audit/record-event.ts'
import type { RecorderId, TenantName } from '../../src/core/ids.ts'
import { decide } from '../../src/core/policy/decide.ts'
import { epochMillis } from '../../src/core/time.ts'
import { type AccessAsk, requestOf } from '../../src/flows/explain-access.ts'
import { decisionEvent } from '../../src/flows/record-decision.ts'
import { serveRoutes } from '../../src/lib/http/server.ts'
import { adminSocketRoutes } from '../../src/protocols/admin/routes.ts'
import { closeCedar as closeFake, fakeAdmin } from '../fakes/admin.ts'
import { FILES } from '../fakes/admin-server.ts'
import { commandLine, writeFolder } from '../support/command-line.ts'
import { closeCedar, readFiles, small } from '../support/policy-folder.ts'

const POLICIES = `
@id("bot") permit (principal == Agent::"bot", action, resource);
@id("users") permit (principal is User, action == Action::"orders/get", resource == Resource::"orders")
when { context.input.id == principal.customer_id };
@id("healthy") permit (principal is User, action == Action::"orders/find", resource == Resource::"orders")
when { context.conditions.contains("clean") };
`
const DOCUMENTS = 'conditions: { clean: { posture: { source: scanner, says: clean, within: 10m } } }\n'
const CASES = `given: { agent: bot, user: ana, tool: orders/get }
cases:
  - { case: her own, input: { id: c-42 }, expect: allow }
  - { case: another's, input: { id: c-1 }, expect: deny }
`
const before = small(POLICIES, { cases: CASES, documents: DOCUMENTS })
const after = small(POLICIES.replace('when { context.input.id == principal.customer_id }', ''), {
  ...{ cases: CASES.replace('her own', 'hers'), documents: DOCUMENTS },
})

let folder: string
const type = (...args: readonly string[]) => commandLine(folder).type(...args)
const json = (...args: readonly string[]) => commandLine(folder).json(...args)
const AT = epochMillis(Date.UTC(2026, 10, 24, 9))

type Call = AccessAsk & {
  readonly erased?: 'input' | 'user'
  readonly clean?: boolean
  readonly spent?: true
}

/** Decisions of the first folder as its authority records them, and as `audit export` writes them out. */
async function exportOf(calls: readonly Call[]): Promise<string> {
  const { snapshot } = await readFiles(before)
  const tenant = snapshot.tenants.get('acme' as TenantName)
  if (!tenant) throw new Error('there is no tenant')
  const lines = calls.map(({ erased, clean, spent, ...ask }, index) => {
    const request = requestOf('acme', ask, { snapshot, now: AT, newId: (kind) => `${kind}-${index}` })
    if (!request.ok) throw new Error(request.error.says)
    const decision = decide(request.value, snapshot, AT)
    const event = decisionEvent({ name: 'acme' as TenantName, at: AT, tenant }, decision)
    const personal = {
      ...event.personal,
      ...(ask.input === undefined ? {} : { input: JSON.stringify(ask.input) }),
    }
    const states =
      clean === undefined ? {} : { conditions: ['clean:holds'], outcome: 'allow' as const, reason: 'allowed' }
    const refused = spent ? { outcome: 'deny' as const, reason: 'token.spent' } : {}
    const marks = {
      id: `evt_${index}`,
      recorder: 'rec_x' as RecorderId,
      newSalt: () => randomBytes(16).toString('base64url'),
    }
    const { event: whole, openings } = completeDraft({ ...event, ...states, ...refused, personal }, marks)
    const kept = Object.fromEntries(Object.entries(openings).filter(([name]) => name !== erased))
    return exportEventLine({ index, leaf: canonicalize({ ...whole, n: index }) ?? '', openings: kept })
  })
  const to = lines.length
  const head = {
    format: 'countersign-audit/1' as const,
    tenant: 'acme',
    origin: 'x',
    from: 0,
    to,
    treeSize: to,
  }
  return [exportHeaderLine(head), ...lines, exportEndLine({ checkpoint: 'unsigned' })].join('\n')
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cs-diff-'))
  await writeFolder(folder, 'before', before)
  await writeFolder(folder, 'after', after)
  await writeFolder(folder, 'bare', small(POLICIES, { documents: DOCUMENTS }))
  const get = { agent: 'bot', user: 'ana', tool: 'orders/get' }
  const find = { agent: 'bot', user: 'ana', tool: 'orders/find' }
  const calls: readonly Call[] = [
    { ...get, input: { id: 'c-42' } },
    { ...get, input: { id: 'c-1' } },
    { ...get, input: { id: 'c-2' } },
    { ...get, input: { id: 'c-1' }, erased: 'input' },
    { ...get, input: { id: 'c-1' }, erased: 'user' },
    { ...find, clean: true },
    { agent: 'bot', tool: 'notes/write' },
    { ...get, input: { id: 'c-42' }, spent: true },
  ]
  await writeFile(join(folder, 'acme.ndjson'), await exportOf(calls))
})
afterAll(async () => {
  await closeCedar()
  await closeFake()
  await rm(folder, { recursive: true })
})

describe('policy diff', () => {
  it('says which cases are answered otherwise, and ends with 1', async () => {
    expect(await type('policy', 'diff', 'before', 'after')).toEqual({
      code: 1,
      err: '',
      out: [
        "acme  bot for ana  orders/get  deny user.no_permit  → allow (bot, users)  after/acme/p.cases.yaml:4  another's",
        '2 cases: 1 answered otherwise',
        '',
      ].join('\n'),
    })
    expect(await type('policy', 'diff', 'before', 'before')).toMatchObject({
      ...{ code: 0, out: '2 cases: none is answered otherwise\n' },
    })
  })

  it('says what becomes of recorded decisions, and of which it can not be said, and why', async () => {
    const { code, out } = await type('policy', 'diff', 'bare', 'after', '--recorded', 'acme.ndjson')
    expect([code, ...out.split('\n')]).toEqual([
      1,
      "acme  bot for ana  orders/get  deny user.no_permit  → allow (bot, users)  after/acme/p.cases.yaml:4  another's",
      'acme  bot for ana  orders/get  deny user.no_permit  → allow (bot, users)  recorded                              ×2',
      '2 cases: 1 answered otherwise',
      '5 recorded decisions: 2 answered otherwise',
      '3 recorded decisions could not be replayed exactly, and nothing is said of them:',
      '  1 ×  a policy reads the arguments, which are not shown',
      '  1 ×  its user is erased',
      '  1 ×  `token.spent` is about its credential or its way here, which are not replayed',
      'Recorded decisions are replayed at their own time, each agent acting alone: who acted before it is not recorded.',
      '',
    ])
    expect(await json('policy', 'diff', 'bare', 'after', '--recorded', 'acme.ndjson')).toMatchObject({
      ...{ code: 1, changed: 3 },
      notReplayed: [
        { from: { index: 3 }, why: expect.stringContaining('arguments') },
        { why: 'its user is erased' },
        { reason: 'token.spent' },
      ],
    })
  })

  it('does not say what would have become of a decision whose facts were not recorded', async () => {
    const other = DOCUMENTS.replace('10m', '1m')
    await writeFolder(folder, 'stricter', small(POLICIES, { documents: other }))
    const { recorded, notReplayed } = (await json(
      'policy',
      'diff',
      'before',
      'stricter',
      '--recorded',
      'acme.ndjson',
    )) as unknown as {
      readonly recorded: readonly { readonly subject: { readonly what: string } }[]
      readonly notReplayed: readonly { readonly why: string }[]
    }
    expect(recorded.map(({ subject }) => subject.what)).not.toContain('orders/find')
    expect(notReplayed.map(({ why }) => why)).toContain('the facts behind condition `clean` are not recorded')
  })

  it('takes what runs for a folder, and what it recorded for an export', async () => {
    const ports = fakeAdmin()
    const socket = join(folder, 'admin.sock')
    const server = await serveRoutes(adminSocketRoutes(ports), { host: '', port: 0, path: socket })
    const { type: run, json: ask } = commandLine(folder, { COUNTERSIGN_SOCKET: socket })
    try {
      await writeFolder(folder, 'now', FILES)
      await writeFolder(
        folder,
        'next',
        FILES.map(({ path, text }) => ({ path, text: text.replace('"own"', '"their-own"') })),
      )
      await run('apply', '-f', 'now')
      await writeFile(
        join(folder, 'next/a/p.cases.yaml'),
        'cases: [{ case: one, agent: support, user: ana@a.example, tool: orders/get_order, input: { customer_id: c-42 }, expect: allow }]\n',
      )
      expect(await run('policy', 'diff', 'running', 'next')).toMatchObject({
        ...{ code: 0, out: '1 case: none is answered otherwise\n' },
      })
      const lines = await ask('policy', 'diff', 'running', 'next', '--audit', 'a', '--outcome', 'allow')
      expect(lines).toMatchObject({ code: 0, changed: 0, recorded: [] })
    } finally {
      await server.close()
    }
  })

  it('refuses to compare by nothing, a file that is no export, and filters of nothing', async () => {
    expect(await json('policy', 'diff', 'bare', 'bare')).toMatchObject({ code: 1, reason: 'cli.no_cases' })
    const broken = ['policy', 'diff', 'bare', 'bare', '--recorded'] as const
    expect(await json(...broken, 'before/acme/p.cedar')).toMatchObject({
      code: 1,
      reason: 'audit.export_malformed',
    })
    expect(await json(...broken, 'nothing.ndjson')).toMatchObject({ code: 1, reason: 'cli.file' })
    expect(await type('policy', 'diff', 'bare', 'bare', '--agent', 'bot')).toMatchObject({ code: 2 })
    expect(await type('policy', 'diff', 'bare', 'bare', '--audit', 'a', '--limit', '5000')).toMatchObject({
      code: 2,
    })
    expect(await type('policy', 'diff', 'bare')).toMatchObject({ code: 2 })
  })
})
