import type { Agent } from '../identity/agent.ts'
import type { User } from '../identity/user.ts'
import type { KnownResource, TenantSnapshot } from '../snapshot.ts'
import type { Value } from './cedar/cedar.ts'
import type { Frame, FrameSide, NamedResult } from './frame.ts'
import type { AskedConditions, Judgement } from './judge.ts'
import type { Whole } from './question.ts'
import type { Tool } from './tool.ts'

/** All that says who asks, from where and for what, but for the input: it is the same again only while these are the same objects. */
type LookedAt = {
  readonly agent: Agent
  readonly home: TenantSnapshot
  readonly user: User | undefined
  readonly known: KnownResource
}

/** A condition that a judgement looked at, and in which tenant it stands. */
type Asked = { readonly tenant: TenantSnapshot; readonly name: string }

/** What was found out for a caller and a tool: whose policies are candidates; and, without an input, what that came to. */
type Same = LookedAt & {
  readonly sides: readonly FrameSide[]
  judged?: {
    readonly delegation: string | undefined
    readonly judgement: Judgement
    readonly asked: readonly Asked[]
  }
}

/** By version of a tenant: one change of it, and nothing of it is known any more. */
const known = new WeakMap<TenantSnapshot, Map<string, Same>>()
const MOST = 2_000

/**
 * The name of a caller and a tool among all of its tenant. Undefined where a policy is in quarantine: then each question has to go its own
 * way. Agents come back with the same few questions each few minutes, or each few milliseconds.
 */
export function nameOfQuestion(question: Whole, tool: Tool): string | undefined {
  const { request, chain, caller, user, tenant } = question
  if (tenant.quarantine.size + caller.home.quarantine.size > 0) return undefined
  // Only a person's name may hold a line break, and the same person has the same name.
  return `${caller.id}\n${chain.proof}\n${user?.user ?? ''}\n${tool.action}\n${request.address ?? ''}`
}

function find(name: string, question: Whole): Same | undefined {
  const same = known.get(question.tenant)?.get(name)
  if (same?.agent !== question.caller.agent || same.home !== question.caller.home) return undefined
  return same.user === question.user && same.known === question.known ? same : undefined
}

/** The sides of a question as they were found before, with the input of this one. */
export function sameSides(name: string, question: Whole, input: Value): readonly FrameSide[] | undefined {
  const same = find(name, question)
  if (same === undefined) return undefined
  let frame: Frame | undefined
  let before: Frame | undefined
  return same.sides.map((side) => {
    if (frame === undefined || side.frame !== before) frame = { ...side.frame, input }
    before = side.frame
    const { principal, uid, candidates, uncovered, names } = side
    return { principal, frame, uid, candidates, uncovered, names }
  })
}

/** Kept at the second time: most callers of a large tenant don't come back while it stays as it is, and must not push out those that do. */
export function keepSides(name: string, question: Whole, sides: readonly FrameSide[]): void {
  const { tenant, caller, user } = question
  if (!wasHere(name)) return
  const ofTenant = known.get(tenant) ?? new Map<string, Same>()
  known.set(tenant, ofTenant)
  if (ofTenant.size >= MOST) ofTenant.clear()
  ofTenant.set(name, { sides, agent: caller.agent, home: caller.home, user, known: question.known })
}

const BYGONE = new Uint32Array(4_096)

/** Whether the name was asked about before, as far as is remembered: a wrong yes only keeps one more. */
function wasHere(name: string): boolean {
  let hash = name.length
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
  const slot = hash & 4_095
  if (BYGONE[slot] === hash >>> 0) return true
  BYGONE[slot] = hash
  return false
}

/**
 * What the same question without an input came to before, if each of its conditions holds also now; told with the facts of now. Nothing for a
 * call.
 */
export function sameJudgement(
  name: string,
  question: Whole,
  delegation: string | undefined,
  ask: AskedConditions,
): Judgement | undefined {
  if (hasInput(question)) return undefined
  const same = find(name, question)?.judged
  if (same === undefined || same.delegation !== delegation) return undefined
  const { asked, judgement } = same
  if (asked.length === 0) return judgement
  const conditions: NamedResult[] = []
  for (const each of asked) {
    const result = ask(each.tenant, each.name)
    if (result.state !== 'holds') return undefined
    if (each.tenant === question.tenant) conditions.push(result)
  }
  return { ...judgement, explanation: { ...judgement.explanation, conditions } }
}

function hasInput({ request: { act } }: Whole): boolean {
  return act.kind === 'call' || (act.kind === 'list' && act.known !== undefined)
}

type Looked = { readonly frame: Pick<Frame, 'tenant'>; readonly results: readonly NamedResult[] }

/** Keeps a judgement that refuses nothing and whose conditions all hold: a no is seldom asked for again. */
export function keepJudgement(
  name: string,
  question: Whole,
  delegation: string | undefined,
  judgement: Judgement,
  views: readonly Looked[],
): void {
  if (hasInput(question) || judgement.refusal !== undefined) return
  if (!views.every(({ results }) => results.every(({ state }) => state === 'holds'))) return
  const same = find(name, question)
  if (same === undefined) return
  const asked = views.flatMap(({ frame, results }) =>
    results.map((result) => ({ tenant: frame.tenant, name: result.name })),
  )
  same.judged = { delegation, judgement, asked }
}
