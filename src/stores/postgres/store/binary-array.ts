import { types } from 'pg'

type Cell<T> = T | undefined
/** Writes one value at a place and answers where it ended. */
type Put<T> = (bytes: Buffer, value: T, at: number) => number

const LENGTH_BYTES = 4
const NULL = -1

/**
 * Columns of many rows as PostgreSQL's binary arrays (`array_send` in its sources): they are read without being parsed, which for the
 * leaves of a log is half of what a row costs there. The parameter must be cast to the type of the array, as in `$1::text[]`.
 */
export function texts(values: readonly Cell<string>[]): Buffer {
  const sizes = values.map((value) => (value === undefined ? 0 : Buffer.byteLength(value)))
  return arrayOf(types.builtins.TEXT, values, sum(sizes), (bytes, value, at) => at + bytes.write(value, at))
}

/** Whole numbers within the exact ones of a double. */
export function bigints(values: readonly number[]): Buffer {
  return arrayOf(types.builtins.INT8, values, 8 * values.length, (bytes, value, at) => {
    const high = Math.floor(value / 2 ** 32)
    return bytes.writeUInt32BE(value - high * 2 ** 32, bytes.writeInt32BE(high, at))
  })
}

/** Hashes of 32 bytes, each in base64. */
export function hashes(values: readonly string[]): Buffer {
  return arrayOf(types.builtins.BYTEA, values, 32 * values.length, (bytes, value, at) => {
    return at + bytes.write(value, at, 'base64')
  })
}

function arrayOf<T>(type: number, values: readonly Cell<T>[], size: number, put: Put<T>): Buffer {
  const header = headerOf(type, values)
  const bytes = Buffer.allocUnsafe(4 * header.length + LENGTH_BYTES * values.length + size)
  let at = 0
  for (const part of header) at = bytes.writeInt32BE(part, at)
  for (const value of values) {
    const from = at + LENGTH_BYTES
    const end = value === undefined ? from : put(bytes, value, from)
    bytes.writeInt32BE(value === undefined ? NULL : end - from, at)
    at = end
  }
  return bytes
}

/** Dimensions, whether there is a null, and the type; then of each dimension its length and its first index. An empty array has none. */
function headerOf(type: number, values: readonly unknown[]): readonly number[] {
  if (values.length === 0) return [0, 0, type]
  return [1, values.includes(undefined) ? 1 : 0, type, values.length, 1]
}

function sum(sizes: readonly number[]): number {
  let all = 0
  for (const size of sizes) all += size
  return all
}
