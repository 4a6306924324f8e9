import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AuditDraft } from '../../core/audit/audit-event.ts'
import type { NewId, TenantName } from '../../core/ids.ts'
import { Unavailable } from '../../core/refusal.ts'
import { acceptRecords, type ChainRecord, chainStart } from '../../lib/record-chain.ts'
import { openShippedJournal, type ShippedJournal } from './shipped-journal.ts'

let folder = ''
let open: ShippedJournal[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shipped-'))
})
afterEach(async () => {
  for (const journal of open) await journal.close()
  open = []
  await rm(folder, { recursive: true })
})

let ids = 0
const newId = ((kind: string) => {
  ids += 1
  return `${kind.slice(0, 3)}_${ids}`
}) as NewId
const draft = (reason: string, more: Partial<AuditDraft> = {}): AuditDraft => ({
  tenant: 'a' as TenantName,
  at: 1 as never,
  kind: 'decision',
  outcome: 'deny',
  reason,
  ...more,
})

/** An authority that takes records as the Store does, and can be away. */
function authority() {
  const self = {
    taken: [] as ChainRecord[],
    away: false,
    refusing: false,
    askBytes: (method: string, path: string, json: Uint8Array) =>
      self.ask(method, path, JSON.parse(Buffer.from(json).toString())),
    ask: async (_method: string, path: string, body?: unknown) => {
      if (self.away) throw new Unavailable('authority.unreachable', 'away')
      if (self.refusing) return { status: 409, json: { reason: 'journal.fork' } }
      const { recorder, records } = (body ?? { recorder: '', records: [] }) as {
        readonly recorder: string
        readonly records: readonly ChainRecord[]
      }
      const [last] = self.taken.slice(-1)
      const head = last ?? chainStart(body ? recorder : path)
      const fresh = records.filter(({ n }) => n > (last?.n ?? 0))
      if (!acceptRecords(head, fresh).ok) return { status: 409, json: { reason: 'journal.gap' } }
      self.taken.push(...fresh)
      return { status: 200, json: { next: self.taken.length + 1 } }
    },
  }
  return self
}

async function journalOf(client: ReturnType<typeof authority>, limitMs = 30_000) {
  const faults: unknown[] = []
  const ports = {
    client,
    newId,
    newSalt: () => 'c2FsdHNhbHRzYWx0c2FsdA',
    report: (fault: unknown) => faults.push(fault),
  }
  const journal = await openShippedJournal(folder, limitMs, ports)
  open.push(journal)
  return { ...journal, faults }
}
const reasons = ({ taken }: ReturnType<typeof authority>) =>
  taken.map(({ body }) => (body as { readonly event: { readonly reason: string } }).event.reason)

test('ships every record in order', async () => {
  const client = authority()
  const { record, unshipped } = await journalOf(client)
  const wanted = Array.from({ length: 50 }, (_, at) => `r${at}`)
  await Promise.all(wanted.map((reason) => record(draft(reason))))
  await expect.poll(() => reasons(client)).toEqual(wanted)
  await expect.poll(() => unshipped().records).toBe(0)
})

test('keeps what the authority has not taken, and goes on where it stopped, under the same name', async () => {
  const client = authority()
  const first = await journalOf(client)
  await first.record(draft('one'))
  await expect.poll(() => reasons(client)).toEqual(['one'])
  client.away = true
  await first.record(draft('two'))
  expect(first.unshipped().records).toBe(1)
  await first.close()
  open = []
  client.away = false
  const second = await journalOf(client)
  expect(second.recorder).toBe(first.recorder)
  await second.record(draft('three'))
  await expect.poll(() => reasons(client)).toEqual(['one', 'two', 'three'])
})

test('refuses once its oldest record waits longer than it may', async () => {
  const client = authority()
  client.away = true
  const { record } = await journalOf(client, 60)
  await record(draft('one'))
  await new Promise((resolve) => setTimeout(resolve, 120))
  await expect(record(draft('two'))).rejects.toMatchObject({
    fault: 'unavailable',
    reason: 'journal.unshipped',
  })
  client.away = false
  await expect.poll(() => reasons(client), { timeout: 6000 }).toEqual(['one'])
  await record(draft('three'))
})

test('says so, and keeps everything, when the authority does not take it', async () => {
  const client = authority()
  client.refusing = true
  const { record, faults, unshipped } = await journalOf(client)
  await record(draft('one'))
  await expect.poll(() => faults.length).toBeGreaterThan(0)
  expect(faults[0]).toMatchObject({ reason: 'journal.refused' })
  expect(unshipped().records).toBe(1)
})

test('writes nothing that the authority could not take', async () => {
  const client = authority()
  const { record } = await journalOf(client)
  const facts = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`note${at}`, 'x'.repeat(2000)]))
  await expect(record(draft('large', { facts }))).rejects.toMatchObject({ fault: 'bug' })
  await expect(record(draft('nul\0'))).rejects.toMatchObject({ fault: 'bug' })
  await expect(record(draft('tenant', { tenant: 'No Name' as TenantName }))).rejects.toMatchObject({
    fault: 'bug',
  })
  await record(draft('fine'))
  await expect.poll(() => reasons(client)).toEqual(['fine'])
  expect(await readdir(folder)).toContain('mark.json')
})

test('ships what is left when it closes', async () => {
  const client = authority()
  const { record, close } = await journalOf(client)
  await Promise.all(Array.from({ length: 600 }, (_, at) => record(draft(`r${at}`))))
  await close()
  open = []
  expect(client.taken).toHaveLength(600)
})
