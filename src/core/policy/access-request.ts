import type { PrincipalChain } from '../identity/principal-chain.ts'
import type { DecisionId, TenantName } from '../ids.ts'

/** A JSON value as it came in: arguments of a tool. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * The question. `enter`: may this chain hold a credential for the resource at all (no input, permits no call, never asks).
 * `list`: would this tool certainly be refused. `call`: this tool with this input, now.
 */
export type AccessRequest = {
  readonly id: DecisionId
  readonly tenant: TenantName
  readonly chain: PrincipalChain
  readonly resource: string
  readonly act:
    | { readonly kind: 'enter' }
    | {
        readonly kind: 'list'
        readonly tool: string
        /** What of its input is known already. The rest is taken to be there, and nothing is known of it. */
        readonly known?: Readonly<Record<string, string>>
      }
    | { readonly kind: 'call'; readonly tool: string; readonly input: Json }
  /** The peer's address as the door saw it. */
  readonly address?: string
}
