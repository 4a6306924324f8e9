import type { Agent } from '../identity/agent.ts'
import type { User } from '../identity/user.ts'
import type { KnownResource, TenantSnapshot } from '../snapshot.ts'
import type { Frame, NamedResult } from './frame.ts'
import type { AskedConditions, Judgement } from './judge.ts'
import type { Whole } from './question.ts'
import type { Tool } from './tool.ts'

/** A condition that a judgement looked at, and in which tenant it stands. */
type Asked = { readonly tenant: TenantSnapshot; readonly name: string }

/**
 * A judgement that refused nothing, and all that it looked at: documents, and conditions that held. It is the same again only while they are
 * the same objects, and hold.
 */
type Same = {
  readonly judgement: Judgement
  readonly asked: readonly Asked[]
  readonly agent: Agent
  readonly home: TenantSnapshot
  readonly user: User | undefined
  readonly known: KnownResource
}

/** By version of a tenant: one change of it, and nothing of it is known any more. */
const judged = new WeakMap<TenantSnapshot, Map<string, Same>>()
const MOST = 2_000

/**
 * The name of a question that has no input yet (entering a resource, listing its tools), among all of its tenant; undefined for one that has.
 * Agents come back with such a question each few minutes, or each few milliseconds.
 */
export function nameOfQuestion(
  { request, chain, caller, user, tenant }: Whole,
  tool: Tool,
  delegation: string | undefined,
): string | undefined {
  if (request.act.kind === 'call' || tenant.quarantine.size + caller.home.quarantine.size > 0)
    return undefined
  // Only a person's name may hold a line break, and the same person has the same name.
  return `${caller.id}\n${chain.proof}\n${user?.user ?? ''}\n${tool.action}\n${request.address ?? ''}\n${delegation ?? ''}`
}

/** What the same question came to before, if each of its conditions holds also now; told with the facts of now. */
export function sameJudgement(name: string, question: Whole, ask: AskedConditions): Judgement | undefined {
  const { tenant, caller, user, known } = question
  const same = judged.get(tenant)?.get(name)
  if (same?.agent !== caller.agent || same.home !== caller.home) return undefined
  if (same.user !== user || same.known !== known) return undefined
  const { asked, judgement } = same
  if (asked.length === 0) return judgement
  const conditions: NamedResult[] = []
  for (const each of asked) {
    const result = ask(each.tenant, each.name)
    if (result.state !== 'holds') return undefined
    if (each.tenant === tenant) conditions.push(result)
  }
  return { ...judgement, explanation: { ...judgement.explanation, conditions } }
}

type Looked = { readonly frame: Pick<Frame, 'tenant'>; readonly results: readonly NamedResult[] }

/** Keeps a judgement that refuses nothing and whose conditions all hold: a no is seldom asked for again. */
export function keepJudgement(
  name: string,
  question: Whole,
  judgement: Judgement,
  views: readonly Looked[],
): void {
  if (judgement.refusal !== undefined) return
  if (!views.every(({ results }) => results.every(({ state }) => state === 'holds'))) return
  const asked = views.flatMap(({ frame, results }) =>
    results.map((result) => ({ tenant: frame.tenant, name: result.name })),
  )
  const { tenant, caller, user, known } = question
  const ofTenant = judged.get(tenant) ?? new Map<string, Same>()
  judged.set(tenant, ofTenant)
  if (ofTenant.size >= MOST) ofTenant.clear()
  ofTenant.set(name, { judgement, asked, agent: caller.agent, home: caller.home, user, known })
}
