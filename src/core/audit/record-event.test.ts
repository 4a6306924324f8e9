import { readFileSync } from 'node:fs'
import canonicalize from 'canonicalize'
import { expect, test } from 'vitest'
import type { AgentId, RecorderId, TenantName } from '../ids.ts'
import { epochMillis } from '../time.ts'
import type { AuditDraft } from './audit-event.ts'
import { CLASSIFICATION } from './classification.ts'
import { opens } from './commitment.ts'
import { LEAF_BYTES, leafOf } from './leaf.ts'
import { completeDraft, parseShipped, shippedText } from './record-event.ts'

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
  for (const facts of [{ b: 1.5, a: 'é"', 10: true, 9: 0 }, { a: 'é"', b: -0 }, {}]) {
    const completed = completeDraft({ ...draft, facts }, marks())
    const text = shippedText({ ...draft, facts }, marks())
    expect(text).toBe(canonicalize(completed))
    expect(parseShipped(JSON.parse(text), recorder)).toEqual(JSON.parse(JSON.stringify(completed)))
  }
  const { personal: _, ...plain } = draft
  expect(shippedText(plain, marks())).toBe(canonicalize(completeDraft(plain, marks())))
})

test('every field that may be recorded is written', () => {
  const full = {
    ...draft,
    ...{ bearer: true, conditions: ['c:holds'], decision: 'dec_1', lease: 'lea_1', ms: 0.5, policies: ['p'] },
    ...{ resource: 'orders', revision: 7, session: 'ses_1', token: 'tok_1', tool: 'get_order' },
  } as unknown as AuditDraft
  const { event } = completeDraft(full, marks())
  expect(Object.keys({ ...event, n: 1 }).sort()).toEqual(Object.keys(CLASSIFICATION).sort())
  expect(shippedText(full, marks())).toBe(canonicalize(completeDraft(full, marks())))
})

test('what could not be read is not written', () => {
  const wrong: readonly (readonly [unknown, string])[] = [
    [{ ...draft, n: 1 }, 'shipped'],
    [{ ...draft, user: 'ann@acme.example' }, 'shipped'],
    [{ ...draft, toString: 1 }, 'shipped'],
    [{ ...draft, tenant: 'No Name' }, 'shipped'],
    [{ ...draft, agent: 'nobody' }, 'shipped'],
    [{ ...draft, at: -1 }, 'shipped'],
    [{ ...draft, ms: Number.NaN }, 'shipped'],
    [{ ...draft, token: undefined }, 'shipped'],
    [{ ...draft, policies: ['\ud800'] }, 'shipped'],
    [{ ...draft, facts: { deep: {} } }, 'shipped'],
    [{ ...draft, personal: { user: 'a\0b' } }, 'user'],
    [{ ...draft, personal: { input: '\ud800' } }, 'input'],
  ]
  for (const [given, why] of wrong) {
    expect(() => shippedText(given as AuditDraft, marks()), JSON.stringify(given)).toThrow(why)
  }
  expect(() => shippedText(draft, { ...marks(), id: '' })).toThrow('shipped')
})

test('what is as large as a leaf may be under its number is written, and one byte more is not', () => {
  const sized = (length: number) => ({
    ...draft,
    facts: {},
    policies: Array.from({ length: 111 }, (_, at) => 'p'.repeat(at ? 290 : length)),
  })
  const leafFor = (length: number) =>
    leafOf(completeDraft(sized(length), marks()).event, Number.MAX_SAFE_INTEGER)
  const spare = LEAF_BYTES - leafFor(0).length
  expect(spare).toBeGreaterThan(0)
  expect(spare).toBeLessThan(300)
  expect(leafFor(spare)).toHaveLength(LEAF_BYTES)
  expect(shippedText(sized(spare), marks())).toContain('ppp')
  expect(() => shippedText(sized(spare + 1), marks())).toThrow(`${LEAF_BYTES} bytes`)
})
