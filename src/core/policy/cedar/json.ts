/** A JSON number that a double can't hold as it was written, kept as its source text; prints as it was. */
export type RawNumber = { readonly rawJSON: string }

/** JSON with exact numbers: integers beyond 2^53 are bigint, other inexact numbers keep their text. */
export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | RawNumber
  | readonly Json[]
  | { readonly [key: string]: Json }

type JsonObject = { readonly [key: string]: Json }

/** Node ≥ 22 has these (ECMAScript "JSON.parse source text access"); the types of the language don't yet. */
type ExactJson = {
  rawJSON(text: string): RawNumber
  isRawJSON(value: unknown): value is RawNumber
  parse(text: string, revive: (key: string, value: unknown, context: { source?: string }) => unknown): Json
}
const exact = JSON as unknown as ExactJson

const INTEGER = /^-?\d+$/
/** A double holds every decimal of up to 15 significant digits; fewer digits in a row need no second look. */
const LONG_DIGITS = /[\d.]{16}/

function exactNumber(value: number, source: string): Json {
  if (INTEGER.test(source)) return Number.isSafeInteger(value) ? value : BigInt(source)
  const digits = source
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+/, '')
  return digits.length <= 15 && Number.isFinite(value) ? value : exact.rawJSON(source)
}

/** Parses JSON without losing a digit. Throws SyntaxError as `JSON.parse` does. Own `__proto__` keys stay plain keys. */
export function parseExactJson(text: string): Json {
  if (!LONG_DIGITS.test(text) && !/\d[eE]/.test(text)) return JSON.parse(text) as Json
  return exact.parse(text, (_key, value, context) =>
    typeof value === 'number' && context.source !== undefined ? exactNumber(value, context.source) : value,
  )
}

/** Prints what `parseExactJson` read, digit for digit. */
export function printExactJson(value: Json): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? exact.rawJSON(String(item)) : item,
  )
}

export function isRawNumber(value: unknown): value is RawNumber {
  return exact.isRawJSON(value)
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value)
}

export function isJsonArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

/** The own property `key`, never an inherited one: `__proto__` and `constructor` are ordinary names in JSON. */
export function member(value: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined
}
