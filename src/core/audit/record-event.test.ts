import { readFileSync } from 'node:fs'
import canonicalize from 'canonicalize'
import { expect, test } from 'vitest'
import type { AgentId, RecorderId, TenantName } from '../ids.ts'
import { epochMillis } from '../time.ts'
import type { AuditDraft } from './audit-event.ts'
import { CLASSIFICATION } from './classification.ts'
import { opens } from './commitment.ts'
import { LEAF_BYTES, leafOf } from './leaf.ts'
import { completeDraft, parseShipped, shippedText, type UnnumberedEvent } from './record-event.ts'

const recorder = 'rec_one' as RecorderId
const salts = ['AAAAAAAAAAAAAAAAAAAAAA', 'BBBBBBBBBBBBBBBBBBBBBA']
const marks = () => {
  let at = 0
  return { id: 'evt_1', recorder, newSalt: () => salts[at++] ?? '' }
}
const draft: AuditDraft = {
  tenant: 'acme' as TenantName,
  at: epochMillis(1_700_000_000_000),
  kind: 'decision',
  outcome: 'allow',
  reason: 'allowed',
  agent: 'acme/pipeline' as AgentId,
  personal: { user: 'ann@acme.example', input: '{"order":7}' },
  facts: { count: 3 },
}

test('every field of an audit event is classified, and nothing else is', () => {
  const source = readFileSync(new URL('./audit-event.ts', import.meta.url), 'utf8')
  const type = /export type AuditEvent = \{([\s\S]*?)\n\}/.exec(source)?.[1] ?? ''
  const fields = [...type.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name)
  expect(fields.length).toBeGreaterThan(20)
  expect(Object.keys(CLASSIFICATION).sort()).toEqual(fields.sort())
})

test('personal values stand in the event as commitments with a salt each, and in the openings as they are', () => {
  const { event, openings } = completeDraft(draft, marks())
  expect(openings).toEqual({
    user: { salt: salts[0], value: 'ann@acme.example' },
    input: { salt: salts[1], value: '{"order":7}' },
  })
  for (const field of ['user', 'input'] as const) {
    const opening = openings[field]
    expect(opening && opens(event[field] ?? '', opening)).toBe(true)
  }
  const leaf = leafOf(event, 12)
  expect(leaf).not.toContain('ann@')
  expect(leaf).not.toContain('order":7')
  expect(JSON.parse(leaf)).toEqual({ ...event, n: 12 })
})

test('the leaf is canonical JSON: members sorted, no spaces', () => {
  const { personal: _, facts: __, ...plain } = draft
  expect(leafOf(completeDraft(plain, marks()).event, 1)).toBe(
    '{"agent":"acme/pipeline","at":1700000000000,"id":"evt_1","kind":"decision","n":1,"outcome":"allow",' +
      '"reason":"allowed","recorder":"rec_one","tenant":"acme","v":1}',
  )
})

test('a field that is not classified, or would pass a personal value by, is not recorded', () => {
  for (const extra of [{ password: 'x' }, { user: 'ann@acme.example' }, { input: '{}' }, { toString: 1 }]) {
    expect(() => completeDraft({ ...draft, ...extra }, marks())).toThrow('not classified')
  }
})

test('text that the log can not hold is a bug of ours', () => {
  expect(() => completeDraft({ ...draft, tool: 'a\0b' }, marks())).toThrow('tool')
  expect(() => completeDraft({ ...draft, personal: { user: 'a\0b' } }, marks())).toThrow('user')
  expect(() => completeDraft({ ...draft, personal: { user: '\ud800' } }, marks())).toThrow('user')
  expect(() => leafOf({ ...completeDraft(draft, marks()).event, policies: ['\ud800'] }, 1)).toThrow()
  const large = { ...draft, policies: ['x'.repeat(LEAF_BYTES)] }
  expect(() => leafOf(completeDraft(large, marks()).event, 1)).toThrow(`${LEAF_BYTES} bytes`)
})

test('what a gateway ships is read back as it was', () => {
  const completed = completeDraft(draft, marks())
  expect(parseShipped(JSON.parse(JSON.stringify(completed)), recorder)).toEqual(completed)
})

test('what a gateway ships is refused as soon as one thing in it is wrong', () => {
  const { event, openings } = completeDraft(draft, marks())
  const other = { salt: salts[1], value: 'bob' }
  const wrong: unknown[] = [
    null,
    { event },
    { event: { ...event, extra: 1 }, openings },
    { event: { ...event, n: 1 }, openings },
    { event: { ...event, recorder: 'rec_two' }, openings },
    { event: { ...event, tenant: 'acme/b' }, openings },
    { event: { ...event, v: 2 }, openings },
    { event: { ...event, at: -1 }, openings },
    { event: { ...event, at: 1.5 }, openings },
    { event: { ...event, agent: 'pipeline' }, openings },
    { event: { ...event, kind: 'other' }, openings },
    { event: { ...event, tool: 'a\0b' }, openings },
    { event: { ...event, facts: { deep: {} } }, openings },
    { event: { ...event, id: '' }, openings },
    { event, openings: { input: openings.input } },
    { event, openings: { ...openings, user: other } },
    { event, openings: { ...openings, tool: other } },
    { event: completeDraft({ ...draft, personal: {} }, marks()).event, openings: { user: other } },
    { event, openings, more: 1 },
  ]
  for (const body of wrong) expect(parseShipped(body, recorder), JSON.stringify(body)).toBeUndefined()
})

test('what a Journal holds is the canonical text of what it ships, and exactly that can be read', () => {
  const completed = completeDraft({ ...draft, facts: { b: 1.5, a: 'é"', 10: true, 9: 0 } }, marks())
  const text = shippedText(completed)
  expect(text).toBe(canonicalize(completed))
  expect(parseShipped(JSON.parse(text), recorder)).toEqual(completed)
})

test('what could not be read is not written', () => {
  const completed = completeDraft(draft, marks())
  const { id: _, ...nameless } = completed.event
  const wrong: readonly unknown[] = [
    { ...completed.event, n: 1 },
    { ...completed.event, tenant: 'No Name' },
    { ...completed.event, agent: 'nobody' },
    { ...completed.event, at: -1 },
    { ...completed.event, ms: Number.NaN },
    { ...completed.event, token: undefined },
    { ...completed.event, policies: ['\ud800'] },
    { ...completed.event, facts: { deep: {} } },
    nameless,
  ]
  for (const event of wrong) {
    expect(parseShipped({ ...completed, event }, recorder), JSON.stringify(event)).toBeUndefined()
    expect(() => shippedText({ ...completed, event: event as UnnumberedEvent })).toThrow('shipped')
  }
})

test('what is as large as a leaf may be under its number is written, and one byte more is not', () => {
  const completed = completeDraft({ ...draft, facts: {} }, marks())
  const sized = (length: number) => ({
    ...completed,
    event: {
      ...completed.event,
      policies: Array.from({ length: 111 }, (_, at) => 'p'.repeat(at ? 290 : length)),
    },
  })
  const spare = LEAF_BYTES - leafOf(sized(0).event, Number.MAX_SAFE_INTEGER).length
  expect(spare).toBeGreaterThan(0)
  expect(spare).toBeLessThan(300)
  expect(leafOf(sized(spare).event, Number.MAX_SAFE_INTEGER)).toHaveLength(LEAF_BYTES)
  expect(shippedText(sized(spare))).toContain('ppp')
  expect(() => shippedText(sized(spare + 1))).toThrow(`${LEAF_BYTES} bytes`)
})
