import { hash } from 'node:crypto'
import { sessionLife } from '../core/identity/agent.ts'
import type { AgentId, SessionId, TenantName } from '../core/ids.ts'
import type { Link } from '../core/lifecycle/revocation.ts'
import type { SessionRow } from '../core/ports.ts'
import type { EpochMillis, EpochSeconds } from '../core/time.ts'
import { createLru } from '../lib/lru.ts'
import type { AuthorityView } from './authority.ts'
import type { Workload } from './caller.ts'

export type OpenedSession = { readonly id: SessionId; readonly expires: EpochSeconds }

const ALPHABET = Buffer.from('abcdefghijklmnopqrstuvwxyz234567', 'latin1')
/** Seconds a gateway's credential and session last at most. */
const GATEWAY_LIFE = 3600

/**
 * The session of an agent for at most one user and one sign-in. Its id is derived, so that asking again stays in it at every authority
 * without a look into the store; its life is a window of the clock, so that it also ends there.
 */
export function sessionOf(
  tenant: TenantName,
  workload: Workload,
  forWhom: { readonly user?: string; readonly login: string },
  now: EpochSeconds,
): OpenedSession {
  const life = workload.kind === 'agent' ? sessionLife(workload.agent) : GATEWAY_LIFE
  const expires = windowEnd(life, now)
  const window = expires / life - 1
  const text = JSON.stringify([tenant, workload.id, forWhom.user ?? '', forWhom.login, life, window])
  const known = derived.get(text)
  if (known !== undefined) return { id: known, expires }
  const id = idFrom(text)
  derived.set(text, id)
  return { id, expires }
}

/** An agent asks again and again for the same session, and the same text gives the same id. */
const derived = createLru<string, SessionId>(10_000)

function idFrom(text: string): SessionId {
  const letters = hash('sha256', text, 'buffer').subarray(0, 16)
  for (let at = 0; at < letters.length; at++) letters[at] = ALPHABET[(letters[at] ?? 0) & 31] ?? 0
  return `ses_${letters.toString('latin1')}` as SessionId
}

/** When the sessions end that an agent with this session life, in seconds, may be in now. */
export function windowEnd(life: number, now: EpochSeconds): EpochSeconds {
  return ((Math.floor(now / life) + 1) * life) as EpochSeconds
}

type Opening = {
  readonly session: OpenedSession
  readonly caller: string
  readonly user?: string
  readonly links: readonly Link[]
}

/** The row to write with the first token of a session; undefined when this process knows that it is there. */
export function rowFor(view: AuthorityView, opening: Opening): SessionRow | undefined {
  const { session, caller, user, links } = opening
  if (view.ports.memory.sessions.get(session.id)) return undefined
  const row = {
    id: session.id,
    tenant: view.name,
    agent: caller as AgentId,
    links,
    started: view.at as EpochMillis,
    expires: session.expires,
  }
  return user === undefined ? row : { ...row, user }
}
