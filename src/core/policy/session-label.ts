import { z } from 'zod'
import type { SessionId } from '../ids.ts'
import type { Link } from '../lifecycle/revocation.ts'
import { isAbove, LABELS, type Label, labelSchema } from './label.ts'

/**
 * That a session reached data of a label: written by the authority alone, before the data is released. A document for each label, never
 * one that is overwritten: two authorities that write at the same time with views of different age can then not lower each other's.
 * `until`, in epoch seconds, is when no token of the session is left.
 */
export const sessionLabelSchema = z
  .strictObject({
    'session-label': z.string().max(200),
    session: z.string().max(100),
    label: labelSchema,
    until: z.int(),
  })
  .refine((doc) => doc['session-label'] === sessionLabelName(doc.session as SessionId, doc.label))
export type SessionLabel = z.infer<typeof sessionLabelSchema>

export type SessionLabels = Pick<ReadonlyMap<string, SessionLabel>, 'size' | 'has'>

export function sessionLabelName(session: SessionId, label: Label): string {
  return `${session}/${label}`
}

/** The caller's session, and those of whoever handed the chain on: their data came along, and the answer goes back to them. */
export function sessionsOf(chain: {
  readonly session: SessionId
  readonly links: readonly Link[]
}): ReadonlySet<SessionId> {
  const sessions = new Set([chain.session])
  for (const each of chain.links)
    if (each.startsWith(SESSION)) sessions.add(each.slice(SESSION.length) as SessionId)
  return sessions
}

const SESSION = 'session:'

/** The highest label that any of these sessions carries. */
export function carriedLabel(labels: SessionLabels, sessions: Iterable<SessionId>): Label {
  let most: Label = 'public'
  if (labels.size === 0) return most
  for (const session of sessions) {
    for (const label of LABELS)
      if (isAbove(label, most) && labels.has(sessionLabelName(session, label))) most = label
  }
  return most
}
