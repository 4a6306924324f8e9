/**
 * Why something from outside was not taken. The shape is that of the core's Refusal, so it can be returned as one;
 * `lib` knows no domain words and therefore spells it out. Never holds a token, a secret or an assertion.
 */
export type Problem = {
  readonly refused: 'malformed' | 'unauthenticated' | 'stale' | 'denied' | 'limited'
  readonly reason: string
  readonly says: string
  readonly facts: Readonly<Record<string, string | number | boolean | readonly string[]>>
}

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: Problem }

export function good<T>(value: T): Outcome<T> {
  return { ok: true, value }
}

export function bad(
  refused: Problem['refused'],
  reason: string,
  says: string,
  facts: Problem['facts'] = {},
): { readonly ok: false; readonly error: Problem } {
  return { ok: false, error: { refused, reason, says, facts } }
}
