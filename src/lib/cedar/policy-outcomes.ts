import type { Cedar, CedarResult, OracleAnswer } from './cedar.ts'
import { type SlotValues, slotValues } from './questions.ts'

export type PolicyOutcome = 'satisfied' | 'unsatisfied' | 'error'

/** Policies as text (Cedar's syntax, or its JSON form), and a request with its entities as JSON text with exact integers. */
export type OutcomesAsk = {
  readonly policies: readonly {
    readonly id: string
    readonly effect: 'permit' | 'forbid'
    readonly source: string
    /** Of a linked policy, whose `source` is its template. */
    readonly slots?: SlotValues
  }[]
  readonly call: string
}

/**
 * What Cedar makes of each policy. An answer of Cedar names only the policies that decided, so permits and forbids are asked about apart:
 * all of them that hold are then the ones that decide. Fails as `isAuthorized` does, with `cedar.request` for a policy that it can't read.
 */
export async function outcomesOf(
  cedar: Pick<Cedar, 'isAuthorized'>,
  { policies, call }: OutcomesAsk,
): Promise<CedarResult<ReadonlyMap<string, PolicyOutcome>>> {
  const outcomes = new Map<string, PolicyOutcome>()
  for (const effect of ['permit', 'forbid'] as const) {
    const some = policies.filter((policy) => policy.effect === effect)
    if (some.length === 0) continue
    const answer = await cedar.isAuthorized(callWith(some, call))
    if (!answer.ok) return answer
    for (const [index, { id }] of some.entries()) outcomes.set(id, outcomeOf(`p${index}`, answer.value))
  }
  return { ok: true, value: outcomes }
}

function outcomeOf(key: string, { reason, errors }: OracleAnswer): PolicyOutcome {
  if (errors.includes(key)) return 'error'
  return reason.includes(key) ? 'satisfied' : 'unsatisfied'
}

/** Keyed by position: an id of ours may be anything. Texts are put together as texts, so that no integer loses a digit. */
function callWith(policies: OutcomesAsk['policies'], call: string): string {
  const templates = new Map<string, string>()
  const written: string[] = []
  const links: string[] = []
  for (const [index, { source, slots }] of policies.entries()) {
    if (slots === undefined) written.push(`"p${index}":${policyText(source)}`)
    else {
      const templateId = templates.get(source) ?? `t${templates.size}`
      templates.set(source, templateId)
      links.push(JSON.stringify({ templateId, newId: `p${index}`, values: slotValues(slots) }))
    }
  }
  const texts = Array.from(templates, ([source, id]) => `"${id}":${policyText(source)}`)
  const set = `{"staticPolicies":{${written.join(',')}},"templates":{${texts.join(',')}},"templateLinks":[${links.join(',')}]}`
  return `${call.slice(0, -1)},"policies":${set}}`
}

function policyText(source: string): string {
  return source.startsWith('{') ? source : JSON.stringify(source)
}
