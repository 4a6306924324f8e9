import type { AuditDraft } from './audit/audit-event.ts'
import type { Credential } from './credential/credential.ts'
import type { UpstreamChallenge } from './credential/upstream-challenge.ts'
import type { DecisionId, LeaseId, NewId, Revision, TenantName } from './ids.ts'
import type { Json } from './policy/access-request.ts'
import type { Refusal } from './refusal.ts'
import type { Result } from './result.ts'
import type { Snapshot } from './snapshot.ts'
import type { TicketKey } from './ticket-key.ts'
import type { Clock } from './time.ts'

/** The caller's own credential and proof, as they came in: forwarded so that the authority can verify and decide again. */
export type Presented = {
  readonly authorization: string
  readonly dpop?: string
  readonly method: string
  /** The URL the proof is for, from configuration and path. */
  readonly url: string
}

/**
 * What a gateway asks the authority for when it needs a new upstream credential: the same question, to be decided again there.
 * Without a tool the question is `enter`: to list what the resource offers, or to keep a stream of its changes.
 */
export type CredentialAsk = {
  readonly tenant: TenantName
  readonly resource: string
  readonly tool?: string
  readonly input?: Json
  readonly decision: DecisionId
  readonly presented: Presented
  readonly address?: string
  /** What the server behind said to the credential that it was shown. */
  readonly challenge?: UpstreamChallenge
}

/** What a gateway was told by a server behind: definitions of some of its tools, as they were listed. */
export type SeenDefinitions = {
  readonly tenant: TenantName
  readonly resource: string
  readonly seen: readonly { readonly tool: string; readonly definition: Json }[]
}
/** What counts now, for each tool that was reported: the SHA-256 of the definition that may be shown, if any. */
export type DefinitionVerdicts = {
  readonly revision: Revision
  readonly tools: readonly { readonly tool: string; readonly sha256?: string | undefined }[]
}
/** Definitions of one report. */
export const MOST_SEEN = 64

/**
 * What a door at the gateway stands on. Everything here is local but `credential`, `spend` and `definitions`, which ask the authority
 * and fail closed without it.
 */
export type EnforcementPoint = {
  readonly gateway: string
  /** The public origin that all gateways share; resource URIs start with it. */
  readonly origin: string
  /** The authority's public origin; issuers start with it. */
  readonly authorityOrigin: string
  readonly now: Clock
  readonly newId: NewId
  readonly snapshot: () => Snapshot
  /** Milliseconds since the authority last said its revision was current, on this process's monotonic clock. Infinity before the first. */
  readonly staleMs: () => number
  /** Whether this gateway is listed for the tenant (and the resource, where its entry names some). */
  readonly serves: (tenant: string, resource?: string) => boolean
  /** The tenant's, which all its gateways have; none before the authority gave them. */
  readonly ticketKeys: (tenant: TenantName) => readonly TicketKey[]
  /** Resolves once the record is fsynced in the Journal. Rejects with Unavailable when it can't be: then nothing may be answered. */
  readonly record: (draft: AuditDraft) => Promise<void>
  /** A new upstream credential, minted or unwrapped by the authority after its own decision. */
  readonly credential: (
    ask: CredentialAsk,
  ) => Promise<Result<{ readonly lease: LeaseId; readonly credential: Credential }, Refusal>>
  /** Spends a single-use token at the authority: ok exactly once, everywhere. */
  readonly spend: (ask: CredentialAsk) => Promise<Result<void, Refusal>>
  /** Tells the authority what a server behind says of its tools, `MOST_SEEN` at most, and is told what counts. */
  readonly definitions: (seen: SeenDefinitions) => Promise<Result<DefinitionVerdicts, Refusal>>
  /** Calls back after each applied change, so that open streams can be judged again. Returns a function that stops it. */
  readonly onChange: (listener: () => void) => () => void
}
