import type { LongExplanation } from '../core/policy/explain.ts'

/** Something wrong in a configuration, with its place. Lines and columns count from 1. */
export type ConfigurationProblem = {
  readonly path: string
  readonly line: number
  readonly column: number
  readonly code: string
  readonly says: string
  readonly snippet?: string
  readonly length?: number
  readonly hint?: string
}

/** What a resource's target lets anyone do, and the commands that end it. */
export type TargetFinding = {
  readonly tenant: string
  readonly resource: string
  readonly code: string
  readonly says: string
  readonly remedy: readonly string[]
}

/** A file of a configuration folder; `path` is relative to the folder. */
export type ConfigurationFile = { readonly path: string; readonly text: string }

/** One change, planned or made. `keys`: those whose value differs. */
export type ChangeLine = {
  readonly tenant: string
  readonly kind: string
  readonly name: string
  readonly how: 'add' | 'change' | 'remove'
  readonly keys: readonly string[]
}
/** What would change or was changed, the registry's revision then, and how many cases stand beside the policies. */
export type ConfigurationAnswer = {
  readonly revision: number
  readonly lines: readonly ChangeLine[]
  readonly cases?: number
}

/** A tenant as it is registered. */
export type TenantLine = {
  readonly tenant: string
  readonly display?: string
  readonly state: 'active' | 'suspended' | 'broken'
  readonly broken?: string
  readonly agents: number
  readonly guests: number
  readonly users: number
  readonly resources: number
  readonly policies: number
}

/** A document of the registry, with the revision that wrote it. */
export type RegisteredDocument = {
  readonly tenant: string
  readonly kind: string
  readonly name: string
  readonly revision: number
  readonly doc: Readonly<Record<string, unknown>>
}

/** Milliseconds `ms` until a gateway acknowledged; absent when it did not in time. */
export type GatewayAcknowledgement = {
  readonly gateway: string
  readonly instance: string
  readonly ms?: number
}
/** What a revocation ended, and how fast: `ms` until all of it was done. */
export type RevocationReport = {
  readonly link: string
  readonly revision: number
  readonly ms: number
  readonly gateways: readonly GatewayAcknowledgement[]
  readonly sessions: number
  readonly leases: {
    readonly ended: readonly string[]
    readonly failed: readonly { readonly lease: string; readonly resource: string; readonly reason: string }[]
  }
}

/** A gateway process that is connected now; `ms` from the push of its newest revision to its acknowledgement. */
export type GatewayLine = {
  readonly gateway: string
  readonly instance: string
  readonly key: string
  readonly revision: number
  readonly ms?: number
  readonly connectedMs: number
}
/** One of the few secrets that exist: its name, what it can do, and where it is. Never the secret. */
export type RootLine = { readonly root: string; readonly what: string; readonly where: string }

/** A request to explain: who, for whom, on what. */
export type AccessAsk = {
  readonly agent: string
  readonly user?: string
  readonly tool: string
  readonly input?: unknown
  readonly address?: string
}

/** An event of a tenant's log as people see it. `at` is milliseconds since 1970; `user` and `input` are `erased` once forgotten. */
export type AuditLine = {
  readonly index: number
  readonly id: string
  readonly at: number
  readonly kind: string
  readonly outcome: string
  readonly reason: string
  readonly tenant: string
  readonly decision?: string
  readonly token?: string
  readonly agent?: string
  readonly user?: string
  readonly session?: string
  readonly resource?: string
  readonly tool?: string
  readonly input?: string
  readonly policies?: readonly string[]
  readonly conditions?: readonly string[]
  readonly revision?: number
  readonly ms?: number
  readonly bearer?: boolean
  readonly facts?: Readonly<Record<string, string | number | boolean>>
}
/** Events, oldest first, and how many the log has. */
export type AuditPage = { readonly events: readonly AuditLine[]; readonly treeSize: number }
/** What to look for; every part that is given must fit. */
export type AuditQuery = Readonly<
  Partial<
    Record<
      'agent' | 'user' | 'resource' | 'decision' | 'outcome' | 'from' | 'until' | 'limit' | 'after',
      string
    >
  >
>
/** A signed note (c2sp.org/tlog-checkpoint) over the first `size` events of a tenant's log. */
export type SignedCheckpoint = { readonly origin: string; readonly size: number; readonly note: string }
/** Why a request would be allowed or not, step by step. */
export type Explained = LongExplanation
/** A policy that allows only what both engines allow, since when (milliseconds since 1970), and what each said of which decision. */
export type QuarantineLine = {
  readonly quarantine: string
  readonly at: number
  readonly decision: string
  readonly says: string
}
/** A process that decides: calls that were asked of Cedar's own engine again, on how many both differed, how many were left out. */
export type EngineLine = {
  readonly role: 'authority' | 'gateway'
  readonly gateway?: string
  readonly instance?: string
  readonly again: number
  readonly differed: number
  readonly dropped: number
}

/** A definition by its hash, base64url of its SHA-256; `at` when it was first seen, in milliseconds since 1970. */
export type DefinitionHash = { readonly sha256: string; readonly at: number }
/** What counts of a tool, `<resource>/<tool>`, and what came instead and waits for a person; while something waits the tool is refused. */
export type DefinitionLine = {
  readonly definition: string
  readonly accepted?: DefinitionHash & { readonly by: 'first-seen' | 'person' }
  readonly waiting?: DefinitionHash
}
/** The same with what the server behind says, and each place where the two differ. */
export type DefinitionShown = {
  readonly definition: string
  readonly accepted?: DefinitionHash & { readonly by: 'first-seen' | 'person'; readonly says: unknown }
  readonly waiting?: DefinitionHash & { readonly says: unknown }
  readonly differences: readonly {
    readonly at: string
    readonly before?: unknown
    readonly after?: unknown
  }[]
}
