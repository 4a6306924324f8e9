const OURS = { form: 'application/x-www-form-urlencoded', json: 'application/json' } as const

/** A type, and at most one parameter, which is charset=utf-8, quoted or not (RFC 9110 §8.3.1). */
const SHAPE = /^([a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+)(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?$/

/**
 * Whether the values of the Content-Type fields say exactly the one type. Anything more lenient lets a browser form, or a proxy that
 * reads the header otherwise, bring a body past a check that believed the name.
 */
export function isMediaType(values: readonly string[], wanted: keyof typeof OURS): boolean {
  const [value] = values
  if (value === undefined || values.length !== 1 || value.length > 100) return false
  if (value === OURS[wanted]) return true
  return SHAPE.exec(value.toLowerCase())?.[1] === OURS[wanted]
}
