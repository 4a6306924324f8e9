import type { EpochMillis } from '../time.ts'
import type { End } from './ends.ts'
import type {
  ExplainedCondition,
  ExplainedSide,
  LongExplanation,
  MatchedPolicy,
  NearestPermit,
} from './explain.ts'

const HEAD = { allow: 'ALLOWED', deny: 'DENIED', ask: 'ASKS' } as const

/** The explanation as lines of plain text, for a terminal. Colours are for whoever prints it. */
export function renderExplanation(explained: LongExplanation): readonly string[] {
  return [
    headline(explained),
    ...explained.sides.flatMap(sideLines),
    ...explained.conditions.map((condition) => factLine(condition, explained)),
    ...(explained.delegation === undefined ? [] : [row('by', `delegation ${explained.delegation}`)]),
    ...(explained.outcome === 'allow' ? [] : [row('reason', explained.reason)]),
    ...explained.ends.map((end, index) => row(index === 0 ? 'ends' : '', endText(end, explained))),
    ...(explained.revocable.length === 0
      ? []
      : [row('', `at once, when revoked: ${explained.revocable.join(', ')}`)]),
    ...explained.advice.map((line) => `  ${line}`),
  ]
}

/** The age stands in most facts already; what is false says until when, where that is known. */
function factLine(
  { name, changes, ...result }: ExplainedCondition,
  { at, outcome }: LongExplanation,
): string {
  const old = 'ageSeconds' in result && result.ageSeconds > 0 && !/ ago\b/.test(result.fact)
  const age = old ? ` (${result.ageSeconds} s old)` : ''
  const until = changes !== undefined && outcome !== 'allow' && result.state === 'fails'
  const then = until ? `; that changes ${inWords(changes, at)}` : ''
  return row('fact', `${name} ${STATES[result.state]}: ${result.fact}${age}${then}`)
}

function endText({ what, name = '', at, reason }: End, { at: now, conditions }: LongExplanation): string {
  const holds = conditions.some((each) => each.name === name && each.state === 'holds')
  return `${inWords(at, now)}: ${ENDS[what](name, reason, holds)}`
}

const ENDS: Readonly<Record<End['what'], (name: string, reason: string, holds: boolean) => string>> = {
  token: () => 'the token; a new one can be had as long as the session lasts',
  session: () => 'the session, and with it whatever could renew the token',
  admission: (name) => `the admission of ${name}`,
  delegation: (name) => `delegation ${name}`,
  condition: (name, reason, holds) => {
    if (reason === 'condition.stale')
      return `the fact behind ${name} is too old, unless its source speaks again`
    return holds ? `${name} holds no more` : `${name} begins to hold`
  },
}

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
] as const

/** `in 3 min (2026-11-24 12:03:00 UTC)`. */
function inWords(at: EpochMillis, now: EpochMillis): string {
  const [size, unit] = UNITS.find(([each]) => at - now >= 2 * each) ?? [1000, 's']
  const written = new Date(at).toISOString().slice(0, 19).replace('T', ' ')
  return `in ${Math.floor((at - now) / size)} ${unit} (${written} UTC)`
}

const STATES = { holds: 'holds', fails: 'is false', missing: 'has no fact', stale: 'is too old' } as const

function headline({ outcome, agentName, user, tenant, resource, tool, act }: LongExplanation): string {
  const whom = user === undefined ? '' : ` for ${user}`
  const target = tool === undefined ? `enter ${resource}` : `${resource}/${tool}`
  const listed = act === 'list' ? ' (in a list)' : ''
  return `${HEAD[outcome].padEnd(8)} ${agentName}${whom} (tenant ${tenant})  →  ${target}${listed}`
}

function sideLines(side: ExplainedSide): readonly string[] {
  const forbids = side.outcome === 'forbidden' ? side.matched.flatMap(matchLines) : []
  return [
    row(side.principal, outcomeOf(side)),
    ...forbids,
    ...[...side.nearest, ...side.errors].flatMap(missLines),
  ]
}

/** A forbid without clauses is met by whoever is in its scope, and that it applies says it all. */
function matchLines(matched: MatchedPolicy, index: number): readonly string[] {
  const { clauses } = matched
  const lines = index === 0 || clauses.length === 0 ? [] : [`            by ${named(matched)}`]
  return [
    ...lines,
    ...clauses.flatMap(({ clause, says }) => [`            ${clause}`, `            ${says}`]),
  ]
}

/** `ana-reads (template reads)`: where a policy is made of a template, its text is there. */
function named({ policy, template }: Pick<MatchedPolicy, 'policy' | 'template'>): string {
  return template === undefined ? policy : `${policy} (template ${template})`
}

/** What is told of some policies in more words, it knows by name. */
function namedAmong(names: readonly string[], known: readonly (MatchedPolicy | NearestPermit)[]): string {
  return names.map((policy) => named(known.find((each) => each.policy === policy) ?? { policy })).join(', ')
}

function outcomeOf(side: ExplainedSide): string {
  const policies = namedAmong(side.policies, side.matched)
  switch (side.outcome) {
    case 'permitted':
      return `permitted by ${policies}`
    case 'depends':
      return `depends on the input: ${policies}`
    case 'forbidden':
      return policies === '' ? 'forbidden' : `forbidden by ${policies}`
    case 'error':
      return side.erring.length === 0
        ? 'a policy could not be judged'
        : `could not be judged: ${namedAmong(side.erring, side.errors)}`
    case 'quarantined':
      return `waits for the second engine: ${policies}`
    case 'no_permit': {
      const [nearest] = side.nearest
      return nearest === undefined ? 'no permit.' : `no permit. Nearest: ${named(nearest)}`
    }
  }
}

/** The nearest stands in the line above; the others name themselves. */
function missLines(miss: NearestPermit, index: number): readonly string[] {
  const lines = index === 0 ? [] : [`            or ${named(miss)}`]
  return [...lines, `            ${miss.clause}`, `            ${miss.says}`]
}

function row(label: string, text: string): string {
  return `  ${label.padEnd(7)} ${text}`
}
