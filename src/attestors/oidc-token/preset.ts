/** Where a claim stands: its name, or the names on the way to it. */
export type ClaimPath = readonly string[]

type Value = string | boolean

/** A pitfall of this platform. The token is refused unless the claim has one of these values. */
export type Rule = {
  readonly claim: string
  readonly only: readonly Value[]
  /** Further values that a trust provider may list under `accepts`. */
  readonly onRequest?: readonly string[]
  /** A token without the claim passes. Default false. */
  readonly optional?: boolean
  readonly reason: string
  readonly says: string
}

/** One platform that issues workload tokens, as data: whom to believe, what to pin, what to refuse. */
export type Preset = {
  readonly name: string
  /** First part of every selector: `k8s` in `k8s:ns:data`. */
  readonly prefix: string
  /** Which issuers are of this platform. Named groups become claims that can be pinned (`_` is written `-`). */
  readonly issuer: RegExp
  /** Our name of each claim, used in selectors, `pin` and `accepts`, and where it stands in the token. */
  readonly claims: Readonly<Record<string, ClaimPath>>
  /** A trust provider must pin all claims of one of these: ids that are never given to someone else. */
  readonly pins: readonly (readonly string[])[]
  /** A token without these is refused. */
  readonly needs: readonly string[]
  /** Audiences that this platform gives to everybody who asks for none; such a token was not made for us. */
  readonly defaultAudience?: RegExp
  readonly rules: readonly Rule[]
  /** The claims that together name the running instance; else the token itself does. */
  readonly instance: readonly string[]
  /** `token_review` may be configured (Kubernetes). */
  readonly review?: boolean
}
