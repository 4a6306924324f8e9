import { describe, expect, it } from 'vitest'
import { readCases } from './cases-file.ts'

const read = (text: string) => readCases({ path: 'a/p.cases.yaml', text })
const problems = (text: string) =>
  read(text).problems.map(({ line, column, code, says, hint }) => [`${line}:${column}`, code, hint ?? says])

describe('a file of cases', () => {
  it('fills what is given into each case that does not say otherwise', () => {
    const { cases, problems: wrong } = read(`
given: { agent: bot, user: ana, tool: orders/get, facts: [{ source: scanner, says: clean }] }
cases:
  - { case: one, expect: allow }
  - { case: two, user: null, enter: orders, facts: [], expect: deny, reason: user.required }
---
cases: [{ case: three, agent: other, tool: notes/write, expect: ask }]
`)
    expect(wrong).toEqual([])
    expect(cases.map(({ what }) => what)).toMatchObject([
      {
        case: 'one',
        user: 'ana',
        tool: 'orders/get',
        facts: [{ source: 'scanner', says: 'clean', age: '0s' }],
      },
      { case: 'two', enter: 'orders', facts: [], reason: 'user.required', proof: 'attested' },
      { case: 'three', agent: 'other', facts: [] },
    ])
    expect(cases[1]?.what).not.toHaveProperty('user')
    expect(cases[1]?.what).not.toHaveProperty('tool')
    expect(cases.map(({ placeOf }) => placeOf([]).line)).toEqual([4, 5, 7])
  })

  const CASE = 'cases:\n  - case: one\n    agent: bot\n    tool: orders/get\n    expect: allow\n'
  it.each([
    ['no list', 'given: {}\n', [['1:1', 'configuration.missing_key', '`cases` is missing']]],
    ['a list alone', '- case: one\n', [['1:1', 'configuration.shape', expect.stringContaining('`cases:`')]]],
    [
      'a key at the head that is none',
      `gven: {}\n${CASE}`,
      [['1:1', 'configuration.unknown_key', 'did you mean `given`?']],
    ],
    [
      'a key of a case that is none',
      `${CASE}    reson: x\n`,
      [['6:5', 'configuration.unknown_key', 'did you mean `reason`?']],
    ],
    [
      'a key that is given and none',
      `given: { agnt: x }\n${CASE}`,
      [['1:10', 'configuration.unknown_key', 'did you mean `agent`?']],
    ],
    [
      'an answer that is none',
      CASE.replace('allow', 'alow'),
      [['5:5', 'configuration.value', expect.stringContaining('"allow"')]],
    ],
    [
      'no agent',
      CASE.replace('    agent: bot\n', ''),
      [['2:5', 'configuration.missing_key', '`agent` is missing']],
    ],
    [
      'nothing that is asked',
      CASE.replace('    tool: orders/get\n', ''),
      [['2:5', 'configuration.value', expect.stringContaining('`tool` or `enter`')]],
    ],
    [
      'both',
      `${CASE}    enter: orders\n`,
      [['2:5', 'configuration.value', expect.stringContaining('one of them')]],
    ],
    [
      'a time without a zone',
      `${CASE}    at: 2026-11-24T09:00:00\n`,
      [['6:5', 'configuration.value', expect.stringContaining('zone')]],
    ],
    [
      'a time that is given without one',
      `given: { at: "09:00" }\n${CASE}`,
      [['1:10', 'configuration.value', expect.stringContaining('ISO 8601')]],
    ],
    [
      'an address that is none',
      `${CASE}    address: here\n`,
      [['6:5', 'configuration.value', expect.stringContaining('IPv4')]],
    ],
    [
      'a fact without a source',
      `${CASE}    facts: [{ says: clean }]\n`,
      [['6:13', 'configuration.missing_key', expect.stringContaining('source')]],
    ],
    [
      'an alias',
      `given: &g {}\n${CASE}    input: *g\n`,
      [['7:12', 'configuration.alias', expect.any(String)]],
    ],
    ['a key twice', `${CASE}    agent: x\n`, [['6:5', 'configuration.yaml', 'Map keys must be unique']]],
  ])('refuses %s', (_name, text, wanted) => {
    expect(problems(text)).toEqual(wanted)
  })
})
