import { type CustomTypesConfig, types } from 'pg'
import { parseNames } from '../../lib/escaped-names.ts'

/** Digits that a double can't hold: JSON without such a run needs no second look. */
const LONG_DIGITS = /\d{16}/

/** JSON with whole numbers beyond ±2^53 as bigint, from the text as written, where `JSON.parse` would round them. */
function parseExactJson(text: string): unknown {
  return parseNames(text, LONG_DIGITS.test(text) ? parseExactNumbers : JSON.parse)
}

function parseExactNumbers(text: string): unknown {
  return JSON.parse(text, (_key: string, value: unknown, context?: { source?: string }) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
    const source = context?.source ?? ''
    return /^-?\d+$/.test(source) ? BigInt(source) : value
  })
}

const { INT8, JSON: JSON_OID, JSONB } = types.builtins
const INT8_ARRAY = 1016

/** An `int8[]` as text is `{1,NULL,3}`: digits, signs and NULL only, nested in braces for more dimensions. */
function parseBigints(text: string): unknown {
  const list = text.slice(text.indexOf('{')).replaceAll('{', '[').replaceAll('}', ']')
  return JSON.parse(list.replaceAll('NULL', 'null'), (_key, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' ? BigInt(context?.source ?? '') : value,
  )
}

/**
 * How values come back, on our connections only (pg's global parsers stay as they are):
 * `int8` and `count(*)` are bigint; `numeric` stays a string; `json` and `jsonb` keep whole numbers exact;
 * `timestamptz` is a Date and loses microseconds, so times that decide are stored as whole seconds or milliseconds
 * in an int8.
 */
export const exactTypes: CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (format === 'binary') return types.getTypeParser(oid, format)
    if (oid === INT8) return BigInt
    if (oid === INT8_ARRAY) return parseBigints
    if (oid === JSON_OID || oid === JSONB) return parseExactJson
    return types.getTypeParser(oid, format)
  },
}
