import type { ExplainedSide, LongExplanation, NearestPermit } from './explain.ts'

const HEAD = { allow: 'ALLOWED', deny: 'DENIED', ask: 'ASKS' } as const

/** The explanation as lines of plain text, for a terminal. Colours are for whoever prints it. */
export function renderExplanation(explained: LongExplanation): readonly string[] {
  return [
    headline(explained),
    ...explained.sides.flatMap(sideLines),
    ...explained.conditions.flatMap(({ name, ...result }) => {
      const age = 'ageSeconds' in result && result.ageSeconds > 0 ? ` (${result.ageSeconds} s old)` : ''
      return row('fact', `${name} ${STATES[result.state]}: ${result.fact}${age}`)
    }),
    ...(explained.delegation === undefined ? [] : row('by', `delegation ${explained.delegation}`)),
    ...(explained.outcome === 'allow' ? [] : row('reason', explained.reason)),
    ...explained.advice.map((line) => `  ${line}`),
  ]
}

const STATES = { holds: 'holds', fails: 'is false', missing: 'has no fact', stale: 'is too old' } as const

function headline({ outcome, agentName, user, tenant, resource, tool, act }: LongExplanation): string {
  const whom = user === undefined ? '' : ` for ${user}`
  const target = tool === undefined ? `enter ${resource}` : `${resource}/${tool}`
  const listed = act === 'list' ? ' (in a list)' : ''
  return `${HEAD[outcome].padEnd(8)} ${agentName}${whom} (tenant ${tenant})  →  ${target}${listed}`
}

function sideLines(side: ExplainedSide): readonly string[] {
  const told = row(side.principal, outcomeOf(side))
  return [...told, ...[...side.nearest, ...side.errors].flatMap(missLines)]
}

function outcomeOf(side: ExplainedSide): string {
  const policies = side.policies.join(', ')
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
        : `could not be judged: ${side.erring.join(', ')}`
    case 'no_permit': {
      const [nearest] = side.nearest
      return nearest === undefined ? 'no permit.' : `no permit. Nearest: ${nearest.policy}`
    }
  }
}

/** The nearest stands in the line above; the others name themselves. */
function missLines(miss: NearestPermit, index: number): readonly string[] {
  const lines = index === 0 ? [] : [`            or ${miss.policy}`]
  return [...lines, `            ${miss.clause}`, `            ${miss.says}`]
}

function row(label: string, text: string): readonly string[] {
  return [`  ${label.padEnd(7)} ${text}`]
}
