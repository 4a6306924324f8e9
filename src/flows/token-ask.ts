/** A client assertion as it came in (RFC 7521 §4.2). */
export type ClientAssertion = {
  readonly type: 'jwt-bearer' | 'jwt-spiffe'
  readonly assertion: string
  /** `client_id`, where the client states it beside the assertion. */
  readonly clientId?: string
}

/** What a token is asked for: one resource (RFC 8707), and the tools to narrow it to. */
export type TokenTarget = {
  readonly resource: string
  readonly scope?: readonly string[]
  readonly singleUse: boolean
}

export type SubjectToken = { readonly token: string; readonly type: 'id_token' | 'access_token' | 'jwt' }

/** A request to the token endpoint, read but not believed. */
export type TokenAsk =
  /** Evidence for an agent+jwt that one tenant issuer takes. */
  | { readonly grant: 'attest'; readonly evidence: string; readonly audience: string }
  /** The agent alone (RFC 6749 §4.4). */
  | { readonly grant: 'client_credentials'; readonly client: ClientAssertion; readonly target: TokenTarget }
  /** The agent for a user, or onward from a token of ours (RFC 8693). */
  | {
      readonly grant: 'exchange'
      readonly client: ClientAssertion
      readonly target: TokenTarget
      readonly subject: SubjectToken
      readonly actor?: string
    }
  /** A workload's evidence as the grant itself, by no other client (MCP SEP-1933): what `client_credentials` is with the same evidence. */
  | { readonly grant: 'workload'; readonly client: ClientAssertion; readonly target: TokenTarget }
  /** A client for a user, by the word of the company's identity provider (RFC 7523 §2.1, with an ID-JAG). */
  | {
      readonly grant: 'id-jag'
      readonly client: ClientAssertion
      readonly assertion: string
      /** Empty when several were named. */
      readonly resource?: string
      readonly scope?: readonly string[]
    }
  /** A person's consent, redeemed (RFC 6749 §4.1.3), by a client that names itself, and shows its key if it is known by one. */
  | {
      readonly grant: 'authorization_code'
      readonly clientId: string
      readonly assertion?: string
      readonly code: string
      readonly verifier: string
      readonly redirectUri?: string
      readonly resource?: string
    }
  /** The session of such a consent, renewed (RFC 6749 §6). */
  | {
      readonly grant: 'refresh_token'
      readonly clientId: string
      readonly assertion?: string
      readonly refreshToken: string
      readonly resource?: string
      readonly scope?: readonly string[]
    }

/** What came around a request: the proofs, the address, and when the caller goes away. */
export type Wire = {
  readonly dpop: readonly string[]
  readonly method: string
  /** The endpoint as it is published, from configuration. */
  readonly url: string
  readonly address?: string
  /** Aborts when the caller goes away. Made when first asked for, which costs as much as a digest: only what waits for others asks. */
  readonly signal: () => AbortSignal
}

export type IssuedToken = {
  readonly token: string
  readonly issuedType: 'access_token' | 'agent-jwt'
  readonly tokenType: 'DPoP' | 'Bearer' | 'N_A'
  readonly expiresIn: number
  /** The tools it was narrowed to; absent when it was not. */
  readonly scope?: readonly string[]
  /** Renews the session that a person agreed to. */
  readonly refreshToken?: string
}
