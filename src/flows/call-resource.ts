import type { Credential } from '../core/credential/credential.ts'
import type { AccessRequest, Json } from '../core/policy/access-request.ts'
import type { Allow, Decision } from '../core/policy/decision.ts'
import { type Refusal, refuse, Unavailable } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import { challengeIn, mayAskAgain } from './answer-challenge.ts'
import type { GatewayCaller } from './authenticate-at-gateway.ts'
import { decideAtGateway, recordOutcome, recordRefusal } from './decide-at-gateway.ts'
import type { Enforcement } from './enforcement.ts'
import { FAILURES, type Flight, type Forward, landing } from './flight.ts'
import { type CredentialFields, forwardRequest } from './forward-request.ts'
import { type Look, lookBehind } from './look-behind.ts'
import { isPinned, lookAgain, notPinned } from './pin-definitions.ts'
import {
  type CalledTool,
  dropCredential,
  heldCredential,
  placeCredential,
  upstreamCredential,
} from './upstream-credential.ts'
import { widerScope } from './wider-scope.ts'

/** `hidden`: the caller may not know that there is such a tool. `failed`: allowed, but nothing came back from behind. */
export type Called =
  | { readonly came: 'answer'; readonly flight: Flight }
  | {
      readonly came: 'refusal'
      readonly decision: Decision
      readonly refusal: Refusal
      readonly hidden: boolean
      /** The scope with which it would be allowed, where the caller can ask a person for it. */
      readonly wider?: readonly string[]
    }
  | { readonly came: 'failure'; readonly decision: Decision; readonly reason: string }

/**
 * One call of a tool: the data path (ARCHITECTURE §2), after the caller is known. `text` is its input as JSON, for the audit; `look` asks the
 * server behind what its tools are, where that isn't known.
 */
export async function callResource(
  enforcement: Enforcement,
  caller: GatewayCaller,
  called: CalledTool,
  text: string,
  forward: Forward,
  look: Look,
): Promise<Called> {
  const began = performance.now()
  const { about } = forward
  const asked = {
    input: text,
    arguments: declaredNames(caller, called),
    ...(about === undefined ? {} : { about }),
  }
  const decision = await decideAtGateway(enforcement, caller, { kind: 'call', ...called }, asked)
  if (decision.outcome !== 'allow') {
    const { refusal } = decision
    const wider = widerScope(enforcement, decision)
    if (wider) return { came: 'refusal', decision, refusal, hidden: false, wider }
    return { came: 'refusal', decision, refusal, hidden: isHidden(enforcement, decision) }
  }
  return send(enforcement, caller, decision, forward, began, { ...called, look })
}

/** A call on its way, and how the server behind is asked what its tools are where that isn't known. */
type Calling = CalledTool & { readonly look: Look }

/** The rest of the path, for what was allowed: credential, one more look at what may have ended, forward. */
export async function send(
  enforcement: Enforcement,
  caller: GatewayCaller,
  decision: Allow,
  forward: Forward,
  began: number,
  calling?: Calling,
  again = false,
): Promise<Called> {
  const called = calling && { tool: calling.tool, input: calling.input }
  const held = heldCredential(enforcement, caller, called)
  const credential = held ? ok(held) : await credentialFor(enforcement, caller, decision, began, called)
  if (!credential.ok) return refused(enforcement, decision, credential.error, began)
  const fields = placed(credential.value)
  if (!fields.ok) return refused(enforcement, decision, fields.error, began)
  const unpinned = calling && (await whyNotPinned(enforcement, caller, decision, calling, fields.value))
  if (unpinned && 'failed' in unpinned) return failed(enforcement, decision, unpinned.failed, began)
  if (unpinned) return refused(enforcement, decision, unpinned, began)
  const ended = endedSince(enforcement, decision)
  if (ended) return refused(enforcement, decision, ended, began)
  const left = await forwardRequest(enforcement, caller, decision, forward, fields.value)
  const { leg, sent, aside } = left
  const challenge = sent.ok ? challengeIn(sent.value, credential.value) : undefined
  if (sent.ok && sent.value.status !== 401 && !challenge) {
    return { came: 'answer', flight: landing(enforcement, decision, sent.value, leg, began, aside) }
  }
  leg.release()
  const why = leg.ended ?? forward.ended?.()
  if (why) return refused(enforcement, decision, why, began)
  // The server behind took our credential for bad: the next call gets a new one.
  if (sent.ok) {
    dropCredential(enforcement, caller, challenge, called)
    sent.value.body.destroy()
  }
  // It did nothing yet (RFC 9110 §15.5.2), so the same call can be made again, once, with what the authority makes of its answer.
  if (challenge && !again && mayAskAgain(caller, held === undefined))
    return send(enforcement, caller, decision, forward, began, calling, true)
  return failed(enforcement, decision, sent.ok ? 'upstream.unauthorized' : FAILURES[sent.error], began)
}

/** Nothing in nearly every call: its tool is known, and was looked at not long ago. */
function whyNotPinned(
  enforcement: Enforcement,
  caller: GatewayCaller,
  decision: Allow,
  { tool, look }: Calling,
  credential: CredentialFields,
): ReturnType<typeof notPinned> | undefined {
  const asking = () => lookBehind(enforcement, caller, decision, look, credential)
  if (!isPinned(enforcement, caller.target, tool)) return notPinned(enforcement, caller.target, tool, asking)
  lookAgain(enforcement, caller.target, asking)
  return undefined
}

async function failed(
  enforcement: Enforcement,
  decision: Allow,
  reason: string,
  began: number,
): Promise<Called> {
  await recordOutcome(enforcement, decision, 'failed', reason, began)
  return { came: 'failure', decision, reason }
}

async function refused(
  enforcement: Enforcement,
  decision: Allow,
  refusal: Refusal,
  began: number,
): Promise<Called> {
  await recordRefusal(enforcement, decision, refusal, began)
  return { came: 'refusal', decision, refusal, hidden: false }
}

async function credentialFor(
  enforcement: Enforcement,
  caller: GatewayCaller,
  decision: Allow,
  began: number,
  called: CalledTool | undefined,
): Promise<Result<Credential | undefined, Refusal>> {
  try {
    return await upstreamCredential(enforcement, caller, decision, called)
  } catch (fault) {
    // Asking failed: nothing was forwarded, and that is recorded before the fault is told.
    const reason = fault instanceof Unavailable ? fault.reason : 'credential.failed'
    await recordOutcome(enforcement, decision, 'failed', reason, began)
    throw fault
  }
}

function placed(credential: Credential | undefined): Result<Readonly<Record<string, string>>, Refusal> {
  if (credential && credential.placement.kind !== 'header') return err(NOT_PLACEABLE)
  return ok(placeCredential(credential))
}

const NOT_PLACEABLE = refuse(
  'denied',
  'credential.placement',
  'The credential of this resource can not be put on a request; its operator must change the provider.',
)

/** Compared right before the request leaves (ARCHITECTURE §2.5). The same view gives the same answer, so only a newer one is asked. */
function endedSince({ point, engine }: Enforcement, { request, revision }: Allow): Refusal | undefined {
  const snapshot = point.snapshot()
  const now = point.now()
  if (snapshot.revision === revision && now < request.chain.expires * 1000) return undefined
  const again = engine.decideNow(request, snapshot, now)
  return again.outcome === 'allow' ? undefined : again.refusal
}

/**
 * Reasons that are about one tool. Where its listing is certainly refused too, saying more than "unknown" would tell that it is there;
 * everything else is about the caller, who may know why.
 */
const ABOUT_THE_TOOL: ReadonlySet<string> = new Set([
  'agent.no_permit',
  'agent.only_claimed',
  'user.no_permit',
  'policy.forbidden',
  'policy.error',
  'chain.scope',
  'delegation.missing',
])

export function isAboutTool(decision: Decision): boolean {
  return decision.outcome === 'deny' && (isUnknown(decision) || ABOUT_THE_TOOL.has(decision.reason))
}

function isUnknown(decision: Decision): boolean {
  return decision.outcome !== 'allow' && decision.refusal.refused === 'unknown'
}

function isHidden({ point, engine }: Enforcement, decision: Decision): boolean {
  const { request } = decision
  if (isUnknown(decision)) return true
  if (!isAboutTool(decision) || request.act.kind !== 'call') return false
  const listing: AccessRequest = { ...request, act: { kind: 'list', tool: request.act.tool } }
  return engine.decideNow(listing, point.snapshot(), point.now()).outcome === 'deny'
}

/** Names of arguments that the configuration declares; others are the caller's own words and could hold anything. */
function declaredNames({ target }: GatewayCaller, { tool, input }: CalledTool): string {
  const properties = target.view.resources.get(target.resource.resource)?.tools.get(tool)?.input?.properties
  if (properties === undefined || !isObject(input)) return ''
  return Object.keys(input)
    .filter((name) => Object.hasOwn(properties, name))
    .join(' ')
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
