/**
 * What kind of *no* this is. Each protocol maps a kind to its own wire codes (ARCHITECTURE §8):
 * `malformed` can't be read; `unauthenticated` proves nothing; `stale` was good once; `denied` is understood and
 * not allowed; `ask` needs a person; `unknown` does not exist, or the caller may not know that it does; `limited` is too much.
 */
export type RefusalKind = 'malformed' | 'unauthenticated' | 'stale' | 'denied' | 'ask' | 'unknown' | 'limited'

/** Facts of a refusal: for the audit and the operator, never a token, a secret or an assertion. */
export type RefusalFacts = Readonly<Record<string, string | number | boolean | readonly string[]>>

/**
 * An expected no, returned and never thrown. `reason` is a stable dotted code from `docs/errors.md`;
 * `says` is one sentence that a person can act on.
 */
export type Refusal = {
  readonly refused: RefusalKind
  readonly reason: string
  readonly says: string
  readonly facts: RefusalFacts
}

export function refuse(
  refused: RefusalKind,
  reason: string,
  says: string,
  facts: RefusalFacts = {},
): Refusal {
  return { refused, reason, says, facts }
}

/** The world is broken (store unreachable, disk full): answered 503, and denied. */
export class Unavailable extends Error {
  readonly fault = 'unavailable'
  readonly reason: string
  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** A mistake of ours: answered 500, and denied. */
export class Bug extends Error {
  readonly fault = 'bug'
}

/** For the branch that the types say can't be reached. */
export function unreachable(value: never): never {
  throw new Bug(`unreachable: ${JSON.stringify(value)}`)
}
