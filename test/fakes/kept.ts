import type { Kept, KeptStore, Renewal, RenewalStep, Renewed } from '../../src/core/kept.ts'
import type { SignInPorts } from '../../src/flows/authority.ts'
import { bad } from '../../src/lib/outcome.ts'

type Clock = () => number

/** Keeps things as the Store does, in memory; `now` in seconds. */
export function memoryKept(now: Clock): KeptStore {
  const kept = new Map<string, Kept>()
  const renewals = new Map<string, Renewal & { previous?: string; renewed: number }>()
  const keyOf = (...parts: readonly string[]) => parts.join(' ')
  const alive = <T extends { readonly expires: number }>(one: T | undefined) =>
    one && one.expires > now() ? one : undefined
  const judge = ({ tenant, session, presented, next, grace }: RenewalStep): Renewed => {
    const row = alive(renewals.get(keyOf(tenant, session)))
    if (!row) return 'unknown'
    if (row.current === presented) return 'renewed'
    const raced = row.previous === presented && row.current === next && now() - row.renewed <= grace
    return raced ? 'renewed' : 'reused'
  }
  return {
    keep: async (one, most = Number.POSITIVE_INFINITY) => {
      const same = [...kept.values()].filter(
        (each) => each.tenant === one.tenant && each.kind === one.kind && alive(each),
      )
      if (same.length >= most) return false
      kept.set(keyOf(one.tenant, one.kind, one.digest), one)
      return true
    },
    look: async (...key) => alive(kept.get(keyOf(...key)))?.doc,
    take: async (...key) => {
      const found = alive(kept.get(keyOf(...key)))
      kept.delete(keyOf(...key))
      return found?.doc
    },
    beginRenewal: async (renewal) => {
      renewals.set(keyOf(renewal.tenant, renewal.session), { ...renewal, renewed: now() })
    },
    renewal: async (tenant, session) => alive(renewals.get(keyOf(tenant, session))),
    mayRenew: async (step) => judge(step),
    renew: async (step) => {
      const came = judge(step)
      const row = renewals.get(keyOf(step.tenant, step.session))
      if (came === 'renewed' && row && row.current !== step.next)
        renewals.set(keyOf(step.tenant, step.session), {
          ...row,
          previous: row.current,
          current: step.next,
          renewed: now(),
        })
      return came
    },
    endRenewal: async (tenant, session) => {
      renewals.delete(keyOf(tenant, session))
    },
  }
}

/** Signing in where no provider and no document can be reached. */
export function signInNowhere(now: Clock): SignInPorts {
  const nowhere = async () => bad('stale', 'fetch.failed', 'nothing is reachable in this test')
  return { kept: memoryKept(now), openId: { begin: nowhere, finish: nowhere }, fetch: nowhere }
}
