import { expect, test } from 'vitest'
import type { Refusal, RefusalKind } from '../../src/core/refusal.ts'
import { oauthCode } from '../../src/protocols/oauth/wire-errors.ts'
import {
  COMPOSED,
  composedIn,
  documentedReasons,
  NOT_REASONS,
  reasonsInSources,
  sourceTexts,
} from './reason-codes.ts'

const texts = sourceTexts()
const found = reasonsInSources(texts)
const documented = documentedReasons()
const byCode = new Map(documented.map((each) => [each.code, each]))

test('every reason that the program can give stands in docs/errors.md', () => {
  const missing = [...found]
    .filter(([code]) => !byCode.has(code))
    .map(([code, { files }]) => `${code} (${[...files].join(', ')})`)
  expect(missing.sort()).toEqual([])
})

test('docs/errors.md has no reason that the program can not give', () => {
  expect(documented.map(({ code }) => code).filter((code) => !found.has(code))).toEqual([])
})

test('each reason is documented once, with its kind, what it means and what to do', () => {
  const codes = documented.map(({ code }) => code)
  expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([])
  const thin = documented.filter(({ cells }) => cells.length !== 4 || cells.some((cell) => cell === ''))
  expect(thin.map(({ code }) => code)).toEqual([])
})

test('a kind that stands beside its reason in the sources stands beside it in docs/errors.md', () => {
  const wrong = documented.flatMap(({ code, wire }) =>
    [...(found.get(code)?.kinds ?? [])]
      .filter((kind) => !wire.includes(kind))
      .map((kind) => `${code}: ${kind}`),
  )
  expect(wrong).toEqual([])
})

test('the OAuth codes in docs/errors.md are the ones that the token endpoint gives', () => {
  const wrong: string[] = []
  for (const { code, wire } of documented) {
    for (const [, kind, oauth] of wire.matchAll(/(\w+) → (?:\d{3}) (\w+)/g)) {
      const refusal: Refusal = { refused: kind as RefusalKind, reason: code, says: '', facts: {} }
      if (oauthCode(refusal) !== oauth)
        wrong.push(`${code}: ${kind} gives ${oauthCode(refusal)}, not ${oauth}`)
    }
  }
  expect(wrong).toEqual([])
})

test('every place that puts a reason together is known, with all that it can give', () => {
  const places = new Set([...texts.values()].flatMap(composedIn))
  expect([...places].filter((place) => !(place in COMPOSED))).toEqual([])
  expect(Object.keys(COMPOSED).filter((place) => !places.has(place))).toEqual([])
})

test('what is not counted as a reason is still in the sources', () => {
  const all = [...texts.values()].join('\n')
  const gone = Object.keys(NOT_REASONS).filter(
    (word) => !["'", '"', '`'].some((quote) => all.includes(quote + word + quote)),
  )
  expect(gone).toEqual([])
})
