import { createHash } from 'node:crypto'
import type { TenantName } from '../core/ids.ts'
import type { AccessRequest } from '../core/policy/access-request.ts'
import { askAgain, differsFrom, type EnginesDiffer, type SideAgain } from '../core/policy/ask-again.ts'
import {
  type EnginePolicy,
  type EngineQuestion,
  enginePolicy,
  type Opinion,
  type Opinions,
} from '../core/policy/both-engines.ts'
import { decide } from '../core/policy/decide.ts'
import type { Decision } from '../core/policy/decision.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { EpochMillis } from '../core/time.ts'
import { createLru } from '../lib/lru.ts'

/** What the second engine says of each policy, by id; `undefined` when it can't say. */
export type Judge = (ask: {
  readonly policies: readonly (EnginePolicy & { readonly id: string })[]
  readonly call: string
}) => Promise<ReadonlyMap<string, Opinion> | undefined>

export type SecondEnginePorts = {
  /** Asked while a caller waits: policies in quarantine. Must give up in time. */
  readonly judge: Judge
  /** Asked afterwards, with a thread of its own: a long queue here must not make a caller wait. */
  readonly judgeAgain: Judge
  /** One decided call in so many is asked again. */
  readonly oneIn: number
  /** From 0 up to, not including, 1. */
  readonly random: () => number
  /** Both engines were asked about this call and differ. */
  readonly differ: (decision: Decision, differences: readonly EnginesDiffer[]) => Promise<void>
  readonly fault: (error: unknown) => void
}

/** `again`: calls asked again. `differed`: on how many of them. `dropped`: those chosen while too many waited, or that it could not answer. */
export type EngineCounts = { readonly again: number; readonly differed: number; readonly dropped: number }

/**
 * Decides by our engine; by both where a policy is in quarantine; and has some calls judged by the second one again, later
 * (decision 0012). Nothing waits for that.
 */
export type SecondEngine = {
  /** At once, unless a policy in quarantine must be asked about first. */
  readonly decide: (
    request: AccessRequest,
    snapshot: Snapshot,
    now: EpochMillis,
  ) => Decision | Promise<Decision>
  /** By what the second engine said before; where it must be asked first this is a no, and it is asked for the next time. */
  readonly decideNow: (request: AccessRequest, snapshot: Snapshot, now: EpochMillis) => Decision
  readonly counts: () => EngineCounts
  /** Resolves once nothing waits to be asked again. */
  readonly settled: () => Promise<void>
}

/** Calls that may wait to be asked again; more are dropped and counted. */
const MOST_AGAIN = 256
/** Callers that may wait for the second engine, in all and of one tenant, whose flood must not shut out the others. More is a no. */
const MOST_WAITING = 64
const MOST_WAITING_OF_TENANT = 16
const MOST_OPINIONS = 10_000

type Chosen = { readonly decision: Decision; readonly snapshot: Snapshot; readonly now: EpochMillis }

export function createSecondEngine(ports: SecondEnginePorts): SecondEngine {
  const { opinions, settle } = waitingRoom(ports)
  const again = againLater(ports)
  return {
    decide(request, snapshot, now) {
      const first = decide(request, snapshot, now, opinions)
      if (!('unasked' in first)) return again.choose(first, snapshot, now)
      return settle(request.tenant, first.unasked).then(() => decide(request, snapshot, now, opinions))
    },
    decideNow(request, snapshot, now) {
      const decision = decide(request, snapshot, now, opinions)
      if ('unasked' in decision) void settle(request.tenant, decision.unasked)
      return decision
    },
    counts: again.counts,
    settled: again.settled,
  }
}

/** Where callers wait for the second engine. Whatever goes wrong there leaves the question unasked, and that denies. */
function waitingRoom({ judge, fault }: SecondEnginePorts) {
  const known = createLru<string, Opinion>(MOST_OPINIONS)
  const opinions: Opinions = { get: (question) => known.get(keyOf(question)) }
  const waiting = new Map<TenantName, number>()
  let all = 0
  const asking = new Map<string, Promise<void>>()
  const askOnce = async (key: string, { policy: id, call, ...policy }: EngineQuestion) => {
    const said = (await judge({ policies: [{ id, ...policy }], call }))?.get(id)
    if (said !== undefined) known.set(key, said)
  }
  /** Whoever asks the same meanwhile waits for the same answer. */
  const ask = (question: EngineQuestion) => {
    const key = keyOf(question)
    const asked = asking.get(key) ?? askOnce(key, question).finally(() => asking.delete(key))
    asking.set(key, asked)
    return asked
  }
  const settle = async (tenant: TenantName, questions: readonly EngineQuestion[] = []) => {
    const own = waiting.get(tenant) ?? 0
    if (all >= MOST_WAITING || own >= MOST_WAITING_OF_TENANT) return
    waiting.set(tenant, own + 1)
    all += 1
    try {
      await Promise.all(questions.map(ask))
    } catch (error) {
      fault(error)
    } finally {
      all -= 1
      const left = (waiting.get(tenant) ?? 1) - 1
      if (left === 0) waiting.delete(tenant)
      else waiting.set(tenant, left)
    }
  }
  return { opinions, settle }
}

/** A question's name: what it holds of people need not stay in memory. */
function keyOf({ source, slots = {}, call }: EngineQuestion): string {
  const filled = JSON.stringify([slots.principal?.key, slots.resource?.key])
  const parts = [source, filled, call].join('\0')
  return createHash('sha256').update(parts).digest('base64url')
}

/** Chooses calls by chance, so that nobody can know which, and works them off one by one. */
function againLater({ judgeAgain, oneIn, random, differ, fault }: SecondEnginePorts) {
  const queue: Chosen[] = []
  const counts = { again: 0, differed: 0, dropped: 0 }
  let working: Promise<void> = Promise.resolve()
  let busy = false
  const one = async ({ decision, snapshot, now }: Chosen) => {
    const sides = askAgain(decision, snapshot, now)
    if (sides.length === 0) return
    const differences = await compare(sides, judgeAgain)
    if (differences === undefined) counts.dropped += 1
    else counts.again += 1
    if (differences === undefined || differences.length === 0) return
    counts.differed += 1
    await differ(decision, differences)
  }
  const work = async () => {
    // The decision is on its way before any of this begins.
    await new Promise(setImmediate)
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await one(next).catch(fault)
    busy = false
  }
  return {
    counts: () => ({ ...counts }),
    settled: () => working,
    choose<D extends Decision>(decision: D, snapshot: Snapshot, now: EpochMillis): D {
      if (decision.request.act.kind !== 'call' || random() * oneIn >= 1) return decision
      if (queue.length >= MOST_AGAIN) counts.dropped += 1
      else queue.push({ decision, snapshot, now })
      if (!busy) {
        busy = true
        working = work()
      }
      return decision
    },
  }
}

async function compare(
  sides: readonly SideAgain[],
  judge: Judge,
): Promise<readonly EnginesDiffer[] | undefined> {
  const found: EnginesDiffer[] = []
  for (const side of sides) {
    const policies = side.policies.map((policy) => ({ id: policy.id, ...enginePolicy(policy) }))
    const said = await judge({ policies, call: side.call })
    if (said === undefined) return undefined
    const differs = differsFrom(side, said)
    if (differs) found.push(differs)
  }
  return found
}

/** Our engine alone: nothing is asked again, and what is in quarantine allows nothing. */
export const ONE_ENGINE: Pick<SecondEngine, 'decide' | 'decideNow'> = {
  decide: (request, snapshot, now) => decide(request, snapshot, now),
  decideNow: (request, snapshot, now) => decide(request, snapshot, now),
}
