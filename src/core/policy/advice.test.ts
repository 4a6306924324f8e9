import { expect, test } from 'vitest'
import { refuse } from '../refusal.ts'
import { adviceFor } from './advice.ts'
import type { Decision } from './decision.ts'
import type { ExplainedSide } from './explain.ts'

type Outcome = ExplainedSide['outcome']

/** A side of an explanation, with what it matched: each with so many clauses. */
function side(
  principal: ExplainedSide['principal'],
  outcome: Outcome,
  ...clauses: readonly number[]
): ExplainedSide {
  const matched = clauses.map((count, at) => ({
    policy: `p${at}`,
    clauses: Array.from({ length: count }, () => ({ kind: 'when', text: 'true' })),
  }))
  return { principal, outcome, policies: [], erring: [], matched, nearest: [] } as unknown as ExplainedSide
}

const denied = (reason: string): Decision =>
  ({
    outcome: 'deny',
    reason,
    refusal: refuse('denied', reason, 'What the refusal itself says.'),
  }) as unknown as Decision
const other = (outcome: 'allow' | 'ask'): Decision =>
  ({ outcome, reason: 'user.no_permit' }) as unknown as Decision
const advice = (decision: Decision, sides: readonly ExplainedSide[] = [], user: string | undefined = 'ana') =>
  adviceFor(decision, sides, 'support', user)

test('what is allowed needs no advice, and what must be approved needs a person', () => {
  expect(advice(other('allow'))).toEqual([])
  expect(advice(other('ask'))).toEqual(['A person must approve this very call.'])
})

test.each<[string, readonly ExplainedSide[], string]>([
  ['user.no_permit', [], 'To allow it, ana needs a permit for it.'],
  [
    'user.no_permit',
    [side('agent', 'permitted')],
    'To allow it, ana needs a permit for it. Nothing about the agent is missing.',
  ],
  [
    'user.no_permit',
    [side('agent', 'no_permit'), side('user', 'permitted')],
    'To allow it, ana needs a permit for it.',
  ],
  ['agent.no_permit', [side('agent', 'permitted')], 'To allow it, support needs a permit for it.'],
  [
    'agent.no_permit',
    [side('agent', 'no_permit'), side('user', 'permitted')],
    'To allow it, support needs a permit for it. Nothing about the user is missing.',
  ],
  [
    'condition.missing',
    [],
    'A missing or stale fact denies however a policy uses it: it has to be known, and fresh.',
  ],
  [
    'condition.stale',
    [],
    'A missing or stale fact denies however a policy uses it: it has to be known, and fresh.',
  ],
  ['policy.error', [], 'A policy that can not be judged denies. Mend it, or give what it reads.'],
  ['agent.suspended', [], 'What the refusal itself says.'],
])('%s', (reason, sides, expected) => {
  expect(advice(denied(reason), sides)).toEqual([expected])
})

const because = (
  reason: string,
  facts: Readonly<Record<string, unknown>>,
  act: object = { kind: 'enter' },
): Decision =>
  ({
    outcome: 'deny',
    reason,
    refusal: { ...refuse('denied', reason, 'What the refusal itself says.'), facts },
    request: { tenant: 'a', resource: 'orders', act },
  }) as unknown as Decision

test.each<[readonly string[], string]>([
  [['hours'], 'It is allowed once `hours` holds.'],
  [['hours', 'healthy'], 'It is allowed once `hours` and `healthy` hold.'],
])('conditions that are false are named: %j', (conditions, expected) => {
  expect(advice(because('condition.false', { conditions }))).toEqual([expected])
})

test('a delegation that is missing is written as it could be', () => {
  const first = 'What the refusal itself says.'
  expect(advice(because('delegation.missing', {}, { kind: 'call', tool: 'get_order' }))).toEqual([
    first,
    'As a document: { delegation: <name>, agent: support, user: ana, tools: ["orders/get_order"] }',
  ])
  expect(adviceFor(because('delegation.missing', {}), [], 'support', undefined)).toEqual([
    first,
    'As a document: { delegation: <name>, agent: support, user: "*", tools: ["orders/*"] }',
  ])
})

test('what was revoked here says why and how it is lifted, and what was elsewhere says nothing of it', () => {
  expect(advice(because('chain.revoked', { link: 'agent:operator/support', why: 'it was tricked' }))).toEqual(
    [
      'agent operator/support was revoked: it was tricked',
      'If that is resolved: countersign restore agent operator/support --tenant a --reason <text>',
    ],
  )
  const elsewhere = ["It was revoked at the agent's home, which alone can lift it."]
  expect(advice(because('chain.revoked', {}))).toEqual(elsewhere)
  expect(advice(because('chain.revoked', { link: 'agent:operator/support' }))).toEqual(elsewhere)
  expect(advice(because('chain.revoked', { why: 'it was tricked' }))).toEqual(elsewhere)
})

test('a user without a name is still one', () => {
  expect(adviceFor(denied('user.no_permit'), [], 'support', undefined)).toEqual([
    'To allow it, the user needs a permit for it.',
  ])
})

const AWAY = 'No permit outweighs a forbid: it must be taken away, or be written more narrowly.'
const OTHERWISE =
  'No permit outweighs a forbid: what it found must be otherwise, or the forbid be written more narrowly.'
test.each<[string, readonly ExplainedSide[], string]>([
  ['nothing that may be told', [], "Only the agent's home can lift what it forbids."],
  ['its home alone', [side('home', 'forbidden', 1)], "Only the agent's home can lift what it forbids."],
  ['one with a clause', [side('user', 'forbidden', 1)], OTHERWISE],
  ['one without', [side('user', 'forbidden', 0)], AWAY],
  ['one with and one without', [side('user', 'forbidden', 1, 0)], AWAY],
  ['one without, at its home one with', [side('agent', 'forbidden', 0), side('home', 'forbidden', 1)], AWAY],
  [
    'one with, at its home one without',
    [side('agent', 'forbidden', 2), side('home', 'forbidden', 0)],
    OTHERWISE,
  ],
])('what is forbidden by %s', (_name, sides, expected) => {
  expect(advice(denied('policy.forbidden'), sides)).toEqual([expected])
})
