import type { z } from 'zod'
import type { Condition, ConditionTest } from '../core/policy/condition.ts'
import { type Refusal, refuse } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { ConditionKind, ConditionPorts } from './contract.ts'
import { place } from './place/condition.ts'
import { posture } from './posture/condition.ts'
import { time } from './time/condition.ts'

/** A kind of condition whose settings are read inside, so that all kinds fit in one list. */
export type RegisteredCondition = {
  readonly name: string
  /** For `apply`: the strict schema of what stands under the condition's kind. */
  readonly config: z.ZodType
  make(config: unknown, ports: ConditionPorts): Result<ConditionTest, Refusal>
  excludes(one: unknown, other: unknown): boolean
}

export const CONDITIONS: ReadonlyMap<string, RegisteredCondition> = new Map(
  [register(time), register(place), register(posture)].map((entry) => [entry.name, entry]),
)

function register<Config>(kind: ConditionKind<Config>): RegisteredCondition {
  return {
    name: kind.name,
    config: kind.config,
    make: (config, ports) => {
      const parsed = kind.config.safeParse(config)
      if (parsed.success) return ok(kind.make(parsed.data, ports))
      const [issue] = parsed.error.issues
      return err(refuse('malformed', 'condition.config', `${issue?.path.join('.')}: ${issue?.message}`))
    },
    excludes: (one, other) => {
      const [first, second] = [kind.config.safeParse(one), kind.config.safeParse(other)]
      return first.success && second.success && (kind.excludes?.(first.data, second.data) ?? false)
    },
  }
}

/** Whether two conditions can be shown never to hold together. Of two kinds nothing is known. */
export function excludeEachOther(one: Condition, other: Condition): boolean {
  return one.type === other.type && (CONDITIONS.get(one.type)?.excludes(one.config, other.config) ?? false)
}

/** What `applyChanges` makes a stored condition ready with. Reasons: `condition.type`, `condition.config`. */
export function conditionMaker(
  ports: ConditionPorts,
): (condition: Condition) => Result<ConditionTest, Refusal> {
  return ({ type, config }) => {
    const kind = CONDITIONS.get(type)
    if (kind !== undefined) return kind.make(config, ports)
    return err(refuse('malformed', 'condition.type', `there is no kind of condition \`${type}\``))
  }
}
