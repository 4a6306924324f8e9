import type { AccessRequest } from '../core/policy/access-request.ts'
import type { Decision } from '../core/policy/decision.ts'
import type { GatewayCaller } from './authenticate-at-gateway.ts'
import { type Called, isAboutTool, send } from './call-resource.ts'
import { decideAtGateway } from './decide-at-gateway.ts'
import type { Enforcement } from './enforcement.ts'
import type { Forward } from './flight.ts'

/**
 * Asks the server behind for what is not a call: its tools, what it can do. It takes the right to enter the resource, which is decided
 * and recorded; what comes back must be narrowed before the caller sees it.
 */
export async function enterResource(
  enforcement: Enforcement,
  caller: GatewayCaller,
  forward: Forward,
): Promise<Called> {
  const began = performance.now()
  const decision = await decideAtGateway(enforcement, caller, { kind: 'enter' })
  if (decision.outcome === 'allow') return send(enforcement, caller, decision, forward, began)
  return { came: 'refusal', decision, refusal: decision.refusal, hidden: false }
}

/**
 * As `enterResource`, for what is about one tool without using it, such as completing its arguments. It takes that a list may show the
 * tool; to whom it may not, there is none.
 */
export async function askAboutTool(
  enforcement: Enforcement,
  caller: GatewayCaller,
  tool: string,
  forward: Forward,
): Promise<Called> {
  const began = performance.now()
  const decision = await decideAtGateway(enforcement, caller, { kind: 'list', tool })
  if (decision.outcome === 'allow') return send(enforcement, caller, decision, forward, began)
  return { came: 'refusal', decision, refusal: decision.refusal, hidden: isAboutTool(decision) }
}

/** Whether one tool is not certainly refused to this chain now, with what is known of its input. */
export async function isVisible(
  { point, engine }: Enforcement,
  { request }: Decision,
  tool: string,
  known: Readonly<Record<string, string>>,
): Promise<boolean> {
  const listing: AccessRequest = { ...request, act: { kind: 'list', tool, known } }
  return (await engine.decide(listing, point.snapshot(), point.now())).outcome !== 'deny'
}

/** The declared tools that are not certainly refused to this chain now: those that a list may show (ARCHITECTURE §4). */
export async function visibleTools(
  { point, engine }: Enforcement,
  { request }: Decision,
): Promise<ReadonlySet<string>> {
  const snapshot = point.snapshot()
  const now = point.now()
  const tools = snapshot.tenants.get(request.tenant)?.resources.get(request.resource)?.tools.keys() ?? []
  const visible = new Set<string>()
  for (const tool of tools) {
    const listing: AccessRequest = { ...request, act: { kind: 'list', tool } }
    const listed = await engine.decide(listing, snapshot, now)
    if (listed.outcome !== 'deny') visible.add(tool)
  }
  return visible
}
