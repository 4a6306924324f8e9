/** A guard that is taken out of a copy of the sources, to see whether anybody notices (decision 0004). */
export type Guard = {
  readonly name: string
  /** Path in the repository. */
  readonly file: string
  /** Stands there exactly once. */
  readonly find: string
  readonly replace: string
  /** What the program without it would let happen. */
  readonly why: string
  /** Files of tests of which at least one must fail. */
  readonly tests: readonly string[]
  /** The demo can be told without it too, and must then fail. */
  readonly demo?: true
}
