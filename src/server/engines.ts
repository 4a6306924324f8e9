import type { Logger } from 'pino'
import type { EnginesDiffer } from '../core/policy/ask-again.ts'
import type { Decision } from '../core/policy/decision.ts'
import { differEvent, doubtsOf, type SeenDoubt } from '../flows/engine-reports.ts'
import { type QuarantinePorts, quarantinePolicies } from '../flows/quarantine-policies.ts'
import {
  createSecondEngine,
  type EngineCounts,
  type Judge,
  type SecondEngine,
} from '../flows/second-engine.ts'
import { type Cedar, openCedar } from '../lib/cedar/cedar.ts'
import { outcomesOf } from '../lib/cedar/policy-outcomes.ts'
import type { GatewayLink } from './gateway-link/gateway-link.ts'

/** Milliseconds that a caller waits for Cedar's own engine where a policy in quarantine is asked about; longer is a no. */
const CALLER_WAITS_MS = 2000

type Opened = SecondEngine & { readonly close: () => Promise<void> }

/** Our engine with Cedar's own beside it: one thread for callers that wait, one for what is asked again. Each runs only while it is asked. */
function openEngines(
  oneIn: number,
  log: Logger,
  differ: (decision: Decision, differences: readonly EnginesDiffer[]) => Promise<void>,
): Opened {
  const [now, later] = [openCedar({ patienceMs: CALLER_WAITS_MS }), openCedar()]
  const fault = (error: unknown) => log.error({ err: error }, 'second engine')
  const engine = createSecondEngine({
    judge: judgeWith(now, log),
    judgeAgain: judgeWith(later, log),
    oneIn,
    random: Math.random,
    differ: async (decision, differences) => {
      const { id, request } = decision
      log.error({ decision: id, tenant: request.tenant, differences }, 'the engines differ')
      await differ(decision, differences)
    },
    fault,
  })
  const close = async () => {
    await engine.settled()
    await Promise.all([now.close(), later.close()])
  }
  return { ...engine, close }
}

function judgeWith(cedar: Cedar, log: Logger): Judge {
  return async (ask) => {
    const said = await outcomesOf(cedar, ask)
    if (said.ok) return said.value
    const [problem] = said.error
    log.warn({ reason: problem?.reason, policies: ask.policies.map(({ id }) => id) }, 'no second opinion')
    return undefined
  }
}

/** At the authority: the alarm is committed, then what is doubted is put in quarantine for everybody. */
export function openAuthorityEngine(oneIn: number, ports: QuarantinePorts, log: Logger): Opened {
  return openEngines(oneIn, log, async (decision, differences) => {
    await ports.store.commit({ events: [differEvent(decision, differences, ports.now())] })
    for (const doubt of doubtsOf(decision, differences)) {
      const taken = await quarantinePolicies(ports, { ...doubt, noticed: { noticed: 'authority' } })
      if (!taken.ok) log.error({ reason: taken.error.reason, tenant: doubt.tenant }, 'no quarantine')
    }
  })
}

export type GatewayEngine = Opened

const REPORT_EVERY_MS = 1000
/** Doubts that may wait for the authority; each is in the Journal as an alarm already. */
const MOST_DOUBTS = 64

/** At a gateway: the alarm is on disk, then the authority is told, and told again until it has taken it. */
export function openGatewayEngine(
  oneIn: number,
  { point, report }: Pick<GatewayLink, 'point' | 'report'>,
  log: Logger,
): GatewayEngine {
  const waiting: SeenDoubt[] = []
  const engine = openEngines(oneIn, log, async (decision, differences) => {
    if (waiting.length < MOST_DOUBTS) waiting.push(...doubtsOf(decision, differences))
    await point.record(differEvent(decision, differences, point.now()))
    await tell()
  })
  let told: EngineCounts = { again: 0, differed: 0, dropped: 0 }
  let telling: Promise<void> = Promise.resolve()
  const tell = () => {
    telling = telling.then(async () => {
      const counts = engine.counts()
      if (waiting.length === 0 && sameCounts(counts, told)) return
      const doubts = waiting.slice(0, MOST_DOUBTS)
      try {
        await report({ counts, doubts })
        waiting.splice(0, doubts.length)
        told = counts
      } catch (error) {
        log.warn({ err: error }, 'the authority was not told what the engines said; it will be')
      }
    })
    return telling
  }
  const timer = setInterval(() => void tell(), REPORT_EVERY_MS)
  timer.unref()
  const close = async () => {
    clearInterval(timer)
    await engine.settled()
    await tell()
    await engine.close()
  }
  return { ...engine, close }
}

function sameCounts(one: EngineCounts, other: EngineCounts): boolean {
  return one.again === other.again && one.differed === other.differed && one.dropped === other.dropped
}
