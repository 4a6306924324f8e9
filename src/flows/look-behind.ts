import type { Allow } from '../core/policy/decision.ts'
import type { Json, JsonObject } from '../lib/strict-json.ts'
import type { GatewayCaller } from './authenticate-at-gateway.ts'
import type { Enforcement } from './enforcement.ts'
import { FAILURES, type Forward } from './flight.ts'
import { type CredentialFields, forwardRequest } from './forward-request.ts'

/** One page of what a server behind lists, and where the next one begins. */
export type Page = { readonly listed: readonly JsonObject[]; readonly next: Json | undefined }
/** How the server behind is asked for all its tools, in the caller's revision. */
export type Look = {
  readonly ask: (cursor: Json | undefined) => Forward
  /** Undefined when that is no answer to it. */
  readonly read: (type: string, text: string) => Page | undefined
}
/** What the server behind listed, or a reason of docs/errors.md why it could not be had. */
export type Looked = { readonly listed: readonly JsonObject[] } | { readonly failed: string }

/** Pages of one list that are read; a server with more is not known whole, so not at all. */
const MOST_PAGES = 20

/**
 * Asks the server behind for its tools as part of a call that was allowed, with the credential of that call: no decision of its own, and no
 * second question to the authority, for which the caller's proof would be a repeated one.
 */
export async function lookBehind(
  enforcement: Enforcement,
  caller: GatewayCaller,
  decision: Allow,
  look: Look,
  credential: CredentialFields,
): Promise<Looked> {
  const listed: JsonObject[] = []
  let cursor: Json | undefined
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const read = await readPage(enforcement, caller, decision, look, credential, cursor)
    if ('failed' in read) return read
    listed.push(...read.listed)
    cursor = read.next
    if (cursor === undefined) return { listed }
  }
  return { failed: 'upstream.malformed' }
}

async function readPage(
  enforcement: Enforcement,
  caller: GatewayCaller,
  decision: Allow,
  look: Look,
  credential: CredentialFields,
  cursor: Json | undefined,
): Promise<Page | { readonly failed: string }> {
  const { leg, sent } = await forwardRequest(enforcement, caller, decision, look.ask(cursor), credential)
  try {
    if (!sent.ok) return { failed: leg.ended?.reason ?? FAILURES[sent.error] }
    if (sent.value.status === 401) {
      sent.value.body.destroy()
      return { failed: 'upstream.unauthorized' }
    }
    const text = await enforcement.upstreams.text(sent.value)
    if (!text.ok) return { failed: leg.ended?.reason ?? FAILURES[text.error] }
    const page = sent.value.status < 300 ? look.read(sent.value.type, text.value) : undefined
    return page ?? { failed: 'upstream.malformed' }
  } finally {
    leg.release()
  }
}
