import { type DecimalValue, type Failure, failure, inLong } from '../value.ts'

const SHAPE = /^(-?)([0-9]+)\.([0-9]+)$/
const SCALE = 10_000n
const PLACES = 4
/** More can't fit; checked first, since BigInt takes long over a million digits. */
const WHOLE_DIGITS = 15

/** `decimal("12.34")`: digits on both sides of the point, at most four behind it, ±922337203685477.5807. */
export function parseDecimal(source: string): DecimalValue | Failure {
  const found = SHAPE.exec(source)
  if (!found) return failure('extension', `${JSON.stringify(source)} is not a decimal such as "12.34"`)
  const [, sign = '', whole = '', fraction = ''] = found
  if (fraction.length > PLACES)
    return failure('extension', `${source} has more than ${PLACES} decimal places`)
  const digits = whole.replace(/^0+(?=[0-9])/, '')
  if (digits.length > WHOLE_DIGITS) return tooBig(source)
  const units = BigInt(digits) * SCALE + BigInt(fraction.padEnd(PLACES, '0'))
  const value = sign === '-' ? -units : units
  return inLong(value) ? { kind: 'decimal', value } : tooBig(source)
}

function tooBig(source: string): Failure {
  return failure('extension', `${source.slice(0, 40)} is beyond what a decimal holds`)
}

/** As Cedar prints it: always four places. */
export function showDecimal(value: DecimalValue): string {
  const units = value.value < 0n ? -value.value : value.value
  const fraction = String(units % SCALE).padStart(PLACES, '0')
  return `${value.value < 0n ? '-' : ''}${units / SCALE}.${fraction}`
}
