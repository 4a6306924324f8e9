import { z } from 'zod'
import { durationSchema, nameSchema, seconds } from '../../core/identity/name.ts'
import type { ConditionResult, ConditionTest, Facts } from '../../core/policy/condition.ts'
import { epochMillis } from '../../core/time.ts'
import type { ConditionKind } from '../contract.ts'

const schema = z.strictObject({
  source: nameSchema,
  says: z.string().min(1).max(200),
  within: durationSchema,
})
export type PostureConfig = z.infer<typeof schema>

/** The authority stamps facts; a gateway's clock may be this much behind it. */
const LEEWAY_MS = 5000

/** Holds while the newest fact of a source about the agent, its key or its session says the word, and is young enough. */
export const posture: ConditionKind<PostureConfig> = {
  name: 'posture',
  config: schema,
  make: ({ source, says, within }): ConditionTest => {
    const oldest = seconds(within)
    const test = ({ now, reported }: Facts): ConditionResult => {
      const fact = reported(source)
      if (fact === undefined) return { state: 'missing', fact: `${source} has said nothing` }
      if (fact.at > now + LEEWAY_MS)
        return { state: 'missing', fact: `${source} speaks from the future; check the clocks` }
      const age = Math.max(0, Math.floor((now - fact.at) / 1000))
      const said = `${source} said ${JSON.stringify(fact.says)} ${ago(age)}`
      if (now - fact.at > oldest * 1000) return { state: 'stale', fact: `${said}, longer ago than ${within}` }
      return { state: fact.says === says ? 'holds' : 'fails', fact: said, ageSeconds: age }
    }
    const changes = ({ now, reported }: Facts) => {
      const fact = reported(source)
      const stale = fact && epochMillis(fact.at + oldest * 1000 + 1)
      return stale !== undefined && stale > now ? stale : undefined
    }
    return Object.assign(test, { changes, source })
  },
  excludes: (one, other) => one.source === other.source && one.says !== other.says,
}

function ago(age: number): string {
  if (age < 120) return `${age} s ago`
  return age < 7200 ? `${Math.floor(age / 60)} min ago` : `${Math.floor(age / 3600)} h ago`
}
