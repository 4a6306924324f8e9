import { Bug, type Refusal, refuse } from '../refusal.ts'
import type { Snapshot } from '../snapshot.ts'
import type { EpochMillis } from '../time.ts'
import type { AccessRequest } from './access-request.ts'
import type { EngineQuestion, Opinions } from './both-engines.ts'
import type { Allow, Decision, Explanation } from './decision.ts'
import { unpinned } from './definition.ts'
import { conditionsOf, type Judgement, judgeTool } from './judge.ts'
import { isWhole, lookUp, type Whole } from './question.ts'
import { STANDING } from './standing.ts'
import type { Tool } from './tool.ts'

const NOTHING_JUDGED: Explanation = { sides: [], conditions: [] }

/**
 * The decision (ARCHITECTURE §3, §4): pure and synchronous, so that an authority and a gateway with the same revision answer the same.
 * First who asks and where (`STANDING`), then scope, delegation, conditions and policies (`judgeTool`), then whether the tool is still
 * the one that was accepted. Whatever isn't allowed by all of
 * them is refused. Only here is an `Allow` made. How old the snapshot may be is for the caller to check (§9). `opinions`: what the second
 * engine said; where a policy is in quarantine, nothing is allowed without.
 */
export function decide(
  request: AccessRequest,
  snapshot: Snapshot,
  now: EpochMillis,
  opinions?: Opinions,
): Decision {
  const question = lookUp(request, snapshot, now, opinions)
  for (const step of STANDING) {
    const refusal = step(question)
    if (refusal) return deny(request, snapshot, refusal, NOTHING_JUDGED)
  }
  if (!isWhole(question)) throw new Bug('a question passed every step with a part missing')
  const { refusal, explanation, asks, unasked } = judge(question)
  if (refusal) return deny(request, snapshot, refusal, explanation, unasked)
  const judged = { id: request.id, request, revision: snapshot.revision, explanation }
  if (asks.length > 0 && request.act.kind === 'call') return { ...judged, ...asked(asks) }
  return { ...judged, outcome: 'allow', reason: 'allowed' } as Allow
}

function deny(
  request: AccessRequest,
  snapshot: Snapshot,
  refusal: Refusal,
  explanation: Explanation,
  unasked: readonly EngineQuestion[] = [],
): Decision {
  const { revision } = snapshot
  const no = { id: request.id, request, revision, explanation, reason: refusal.reason, refusal }
  return unasked.length === 0 ? { ...no, outcome: 'deny' } : { ...no, outcome: 'deny', unasked }
}

function asked(asks: readonly string[]) {
  const says = 'This is permitted only once a person has approved it.'
  const refusal = refuse('ask', 'approval.needed', says, { policies: asks })
  return { outcome: 'ask', reason: refusal.reason, refusal } as const
}

function judge(question: Whole): Judgement {
  const { act } = question.request
  if (act.kind === 'enter') return judgeEntry(question)
  const tool = question.known.tools.get(act.tool)
  if (tool === undefined) {
    const says = `\`${question.request.resource}\` has no tool \`${act.tool}\`.`
    const refusal = refuse('unknown', 'tool.unknown', says)
    return { refusal, explanation: NOTHING_JUDGED, asks: [], reached: 0 }
  }
  return judgePinned(question, tool)
}

/**
 * Last, so that a definition is told of only to who may use the tool. Entering does not ask for it: somebody must be able to look at what
 * waits to be accepted.
 */
function judgePinned(question: Whole, tool: Tool): Judgement {
  const judgement = judgeTool(question, tool, conditionsOf(question))
  const { resource } = question.known
  if (judgement.refusal !== undefined || resource.type !== 'mcp') return judgement
  const refusal = unpinned(question.tenant, resource, tool)
  return refusal ? { ...judgement, refusal, reached: 8, asks: [] } : judgement
}

/**
 * A resource may be entered for at least one tool that is not certainly refused. Else the tool that came furthest says why not; unless
 * one waits for the second engine, which may still say yes.
 */
function judgeEntry(question: Whole): Judgement {
  const conditions = conditionsOf(question)
  let furthest: Judgement | undefined
  const waiting: Judgement[] = []
  for (const tool of question.known.tools.values()) {
    const judgement = judgeTool(question, tool, conditions)
    if (judgement.refusal === undefined) return judgement
    if (judgement.unasked) waiting.push(judgement)
    if (furthest === undefined || judgement.reached > furthest.reached) furthest = judgement
  }
  const [first] = waiting
  if (first) return { ...first, unasked: waiting.flatMap(({ unasked = [] }) => unasked) }
  if (furthest !== undefined) return furthest
  const refusal = refuse(
    'denied',
    'resource.no_tools',
    `\`${question.request.resource}\` has no tool to use.`,
  )
  return { refusal, explanation: NOTHING_JUDGED, asks: [], reached: 0 }
}
