import { isName, parseAgentId } from '../ids.ts'

type Check = (value: unknown) => boolean

export const isText = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value.length <= max && value.isWellFormed() && !value.includes('\0')
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0
/** Of a branded type; an id is opaque here, whoever made it. */
const isId: Check = (value) => value !== '' && isText(value, 200)
const isCommitment: Check = (value) => typeof value === 'string' && value.length === 43
const isTexts: Check = (value) =>
  Array.isArray(value) && value.length <= 256 && value.every((item) => isText(item, 300))
const isScalar: Check = (value) =>
  typeof value === 'boolean' || Number.isFinite(value) || isText(value, 2_048)
const isFacts: Check = (value) =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.entries(value).every(([name, fact]) => isText(name, 100) && isScalar(fact))
const among = (...words: readonly string[]): Check => {
  const all: ReadonlySet<unknown> = new Set(words)
  return (value) => all.has(value)
}

/** What each field of an event may hold: one table for who writes it down and for who reads it from the wire. */
export const REQUIRED_FIELDS = {
  v: (value) => value === 1,
  id: isId,
  tenant: (value) => typeof value === 'string' && isName(value),
  recorder: isId,
  at: isCount,
  kind: among(
    'decision',
    'outcome',
    'attest',
    'issue',
    'session',
    'lease',
    'revocation',
    'admin',
    'fact',
    'gateway',
    'alarm',
  ),
  outcome: among('allow', 'deny', 'ask', 'done', 'failed'),
  reason: (value) => isText(value, 200),
} as const satisfies Readonly<Record<string, Check>>

export const OPTIONAL_FIELDS = {
  decision: isId,
  agent: (value) => typeof value === 'string' && parseAgentId(value) !== undefined,
  user: isCommitment,
  session: isId,
  resource: (value) => isText(value, 2_048),
  tool: (value) => isText(value, 512),
  input: isCommitment,
  policies: isTexts,
  conditions: isTexts,
  revision: isCount,
  lease: isId,
  token: isId,
  bearer: (value) => typeof value === 'boolean',
  ms: (value) => Number.isFinite(value) && Number(value) >= 0,
  facts: isFacts,
} as const satisfies Readonly<Record<string, Check>>

const REQUIRED = Object.entries<Check>(REQUIRED_FIELDS)
const OPTIONAL = Object.entries<Check>(OPTIONAL_FIELDS)

/** How many fields an event has, absent ones (`undefined`) not counted; none when one that it must have is absent, or one holds what it may not. */
export function countFields(event: Readonly<Record<string, unknown>>): number {
  for (const [name, check] of REQUIRED) if (!check(event[name])) return 0
  let count = REQUIRED.length
  for (const [name, check] of OPTIONAL) {
    const value = event[name]
    if (value === undefined) continue
    if (!check(value)) return 0
    count += 1
  }
  return count
}
