import type { Credential } from '../core/credential/credential.ts'
import type { Lease } from '../core/credential/lease.ts'
import type { Allow, Decision } from '../core/policy/decision.ts'
import type { Tool } from '../core/policy/tool.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { type AuthorityView, requireFresh, viewToJudge } from './authority.ts'
import { type LeasingPorts, openLease } from './open-lease.ts'
import { authenticateRecorded, callOf, type PresentedCaller, refusedCallEvent } from './present-token.ts'
import { decisionEvent } from './record-decision.ts'
import type { PresentedToken } from './verify-access-token.ts'

export type { LeasingPorts } from './open-lease.ts'

export type LoginAsk = {
  readonly presented: PresentedToken
  /** Tools to narrow the login to; all that are permitted when absent. */
  readonly tools?: readonly string[]
  readonly address: string
}
export type Login = {
  readonly lease: Lease
  readonly credential: Credential
  readonly tables: readonly string[]
}

/**
 * A database login for a task. Where we see no calls, the login is decided as a call of every tool it carries (ARCHITECTURE §4):
 * each one asked for must be allowed, and what is not asked for is not in it.
 */
export async function leaseLogin(
  asked: AuthorityView,
  ask: LoginAsk,
  ports: LeasingPorts,
): Promise<Result<Login, Refusal>> {
  requireFresh(asked.ports)
  const caller = await authenticateRecorded(asked, ask.presented, 'postgres')
  if (!caller.ok) return caller
  const view = await viewToJudge(asked, caller.value.known)
  const wanted = toolsAsked(caller.value, ask.tools)
  if (!wanted.ok) {
    await view.ports.store.commit({ events: [refusedCallEvent(view, caller.value, wanted.error)] })
    return wanted
  }
  const decisions = await Promise.all(
    wanted.value.map((tool) => decideTool(view, caller.value, tool, ask.address)),
  )
  const chosen = choose(decisions, ask.tools !== undefined)
  if (!chosen.ok) {
    await view.ports.store.commit({ events: decisions.map(({ decision }) => decisionEvent(view, decision)) })
    return chosen
  }
  const leased = await openLease(view, caller.value, chosen.value, ports)
  if (!leased.ok) return leased
  return ok({ ...leased.value, tables: chosen.value.flatMap(({ tool }) => tool.table ?? []) })
}

type Judged = { readonly tool: Tool; readonly decision: Decision }
type Permitted = { readonly tool: Tool; readonly decision: Allow }

function toolsAsked(
  caller: PresentedCaller,
  asked: readonly string[] | undefined,
): Result<readonly Tool[], Refusal> {
  const { tools } = caller.known
  const scope = caller.access.chain.scope
  if (asked === undefined) {
    return ok([...tools.values()].filter((tool) => !scope || scope.includes(tool.action)))
  }
  const found = asked.map((name) => tools.get(name))
  if (asked.length === 0 || found.includes(undefined)) {
    return err(refuse('unknown', 'tool.unknown', 'A tool that was asked for is not one of this resource.'))
  }
  return ok(found.filter((tool) => tool !== undefined))
}

async function decideTool(
  view: AuthorityView,
  caller: PresentedCaller,
  tool: Tool,
  address: string,
): Promise<Judged> {
  const request = callOf(view, caller, tool.name, {}, address)
  return { tool, decision: await view.ports.decide(request, view.snapshot, view.at) }
}

/** Named tools must all be allowed; otherwise the login carries what is, and must carry something. */
function choose(judged: readonly Judged[], named: boolean): Result<readonly Permitted[], Refusal> {
  const permitted = judged.filter((each): each is Permitted => each.decision.outcome === 'allow')
  const no = judged.find(({ decision }) => decision.outcome !== 'allow')
  if (no && no.decision.outcome !== 'allow' && (named || permitted.length === 0))
    return err(no.decision.refusal)
  if (permitted.length === 0)
    return err(refuse('denied', 'scope.none_permitted', 'None of the tools is permitted.'))
  return ok(permitted)
}
