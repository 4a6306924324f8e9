import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import type { GatewayCaller } from '../../flows/authenticate-at-gateway.ts'
import type { Enforcement } from '../../flows/enforcement.ts'
import { issueTicket, openTicket } from '../../flows/issue-ticket.ts'
import type { DoorRequest } from '../../lib/http/route.ts'

/** A session that the server behind keeps for this caller, by its own id there, and the revision that was agreed on for it. */
export type SessionBehind = { readonly behind: string; readonly revision: string }

/** Characters of an id that a server behind may give. */
const MAX_BEHIND = 1024
/** A ticket of the longest id is shorter. */
const MAX_ID = 4096

/**
 * Our id for a session of the server behind: a ticket, so that no gateway keeps sessions, any of them takes the next request, and the id is
 * worth nothing to another caller; `pages`: the client opens them for its user. `behind` is empty where the server behind could not be asked
 * yet. Undefined where the server's own is none that a header may hold.
 */
export function issueSession(
  { point }: Enforcement,
  caller: GatewayCaller,
  session: SessionBehind,
  pages: boolean,
): string | undefined {
  const { behind, revision } = session
  // 2025-11-25, Streamable HTTP: visible ASCII only.
  if (behind.length > MAX_BEHIND || !/^[\x21-\x7e]*$/.test(behind)) return undefined
  return issueTicket(point, caller, ['session'], JSON.stringify([behind, revision, pages]))
}

/** Whether the client said, when it began this session, that it opens pages for its user. */
export function opensPages({
  enforcement,
  caller,
  request,
}: {
  readonly enforcement: Enforcement
  readonly caller: GatewayCaller
  readonly request: Pick<DoorRequest, 'headers'>
}): boolean {
  const [id = ''] = request.headers['mcp-session-id'] ?? []
  const opened = id.length > MAX_ID ? undefined : openTicket(enforcement.point, caller, ['session'], id)
  if (opened === undefined || opened === 'expired') return false
  return (JSON.parse(opened.text) as readonly unknown[])[2] === true
}

/**
 * The session that a request names; none where it names none, which servers without sessions take. It proves nothing: who calls was proven
 * before, and each request is judged by itself.
 */
export function readSession(
  { point }: Enforcement,
  caller: GatewayCaller,
  { headers }: Pick<DoorRequest, 'headers'>,
): Result<SessionBehind | undefined, Refusal> {
  const [id, ...more] = headers['mcp-session-id'] ?? []
  if (id === undefined) return ok(undefined)
  if (more.length > 0) return err(SEVERAL)
  const opened = id.length > MAX_ID ? undefined : openTicket(point, caller, ['session'], id)
  if (opened === undefined) return err(UNKNOWN)
  if (opened === 'expired') return err(EXPIRED)
  const [behind = '', revision = ''] = JSON.parse(opened.text) as readonly string[]
  const [stated] = headers['mcp-protocol-version'] ?? []
  if (stated !== undefined && stated !== revision) return err(OTHER_REVISION)
  return ok(behind === '' ? undefined : { behind, revision })
}

const SEVERAL = refuse('malformed', 'session.several', 'Mcp-Session-Id is sent more than once.')
const OTHER_REVISION = refuse(
  'malformed',
  'session.revision',
  'MCP-Protocol-Version is not the revision that this session was begun with.',
)
export const MISSING = refuse('malformed', 'session.missing', 'This needs the Mcp-Session-Id of a session.')
const UNKNOWN = refuse(
  'unknown',
  'session.unknown',
  'There is no such session of yours here. Initialize again.',
)
const EXPIRED = refuse('unknown', 'session.expired', 'This session is over. Initialize again.')
/** The server behind doesn't know it any more. */
export const ENDED = refuse(
  'unknown',
  'session.ended',
  'The server behind has ended this session. Initialize again.',
)
