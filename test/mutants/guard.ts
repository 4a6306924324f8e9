/** An exact replacement in one file. */
export type Edit = { readonly file: string; readonly find: string; readonly replace: string }

/** A named guard, how it is taken out, and the tests that must go red without it. */
export type Guard = {
  readonly name: string
  /** What breaks without it. */
  readonly why: string
  readonly edits: readonly Edit[]
  /** Test files; at least one test in them must fail. */
  readonly tests: readonly string[]
  /** Whether `npm run demo -- --without <name>` takes it out too. */
  readonly demo?: true
}
