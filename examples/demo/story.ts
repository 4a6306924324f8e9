import { PartRefused } from './part.ts'
import type { Seen, Witness } from './witness.ts'

/** What a step is expected to come to. */
export type Expectation = 'allowed' | 'refused' | 'ended'

/** What a step came to: `detail` is the line a person reads; `reason` a stable code. */
export type Outcome = { readonly got: Expectation; readonly reason: string; readonly detail: string }

export type Step = {
  readonly name: string
  readonly expect: Expectation
  readonly got: string
  readonly reason: string
  readonly detail: string
  readonly ms: number
  readonly ok: boolean
  /** What the audit recorded of it, where Countersign was asked. */
  readonly audit?: Seen
}
export type Story = { readonly name: string; readonly title: string; readonly steps: readonly Step[] }

export type Teller = {
  /** Does one step and judges it: the outcome must be the expected one, for the expected reason where one is given. */
  readonly step: (
    name: string,
    expect: Expectation,
    act: () => Promise<Outcome>,
    reason?: RegExp,
  ) => Promise<void>
  readonly steps: readonly Step[]
}

/** A step that takes longer has failed: what it waits for does not come. */
const PATIENCE_MS = 20_000

function late(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`nothing happened in ${PATIENCE_MS / 1000} s`)), PATIENCE_MS).unref()
  })
}

/** A refusal by a part is an outcome; anything else that is thrown is a failed step, with its message. */
async function outcomeOf(
  act: () => Promise<Outcome>,
): Promise<Outcome | { readonly got: 'failed'; readonly reason: string; readonly detail: string }> {
  try {
    return await Promise.race([act(), late()])
  } catch (error) {
    if (error instanceof PartRefused)
      return { got: 'refused', reason: error.failure.code, detail: error.failure.says }
    return { got: 'failed', reason: 'error', detail: error instanceof Error ? error.message : String(error) }
  }
}

/** Who listens to a story, and who looks into the audit as it goes. */
export type Audience = { readonly onStep: (step: Step) => void; readonly witness: Witness }

export function startStory({ onStep, witness }: Audience): Teller {
  const steps: Step[] = []
  return {
    steps,
    step: async (name, expect, act, reason) => {
      const began = performance.now()
      const outcome = await outcomeOf(act)
      const ok = outcome.got === expect && (reason?.test(`${outcome.reason} ${outcome.detail}`) ?? true)
      const ms = Math.round((performance.now() - began) * 10) / 10
      const audit = await witness.look().catch(() => undefined)
      const step = { name, expect, ...outcome, ms, ok, ...(audit ? { audit } : {}) }
      steps.push(step)
      onStep(step)
    },
  }
}

export function allowed(detail: string, reason = 'allowed'): Outcome {
  return { got: 'allowed', reason, detail }
}

export function refused(reason: string, detail: string): Outcome {
  return { got: 'refused', reason, detail }
}

export function ended(reason: string, detail: string): Outcome {
  return { got: 'ended', reason, detail }
}
