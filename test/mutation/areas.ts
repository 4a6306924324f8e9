/** A part of the sources whose every statement is to be held by a test. */
export type Area = {
  readonly name: string
  /** Folders and files of the sources, in the repository; tests and fixtures under them are left out. */
  readonly sources: readonly string[]
  /** Patterns of the tests that must notice. */
  readonly tests: readonly string[]
  /** Percent of the mutants that a test must notice. */
  readonly least: number
}

/** What everything else rests on: who may be believed, and what is decided. */
export const AREAS: readonly Area[] = [
  { name: 'verifier', sources: ['src/lib/jose'], tests: ['src/lib/jose/*.test.ts'], least: 85 },
  {
    name: 'policy',
    sources: ['src/core/policy'],
    tests: [
      'src/core/policy/**/*.test.ts',
      'test/properties/decide*.test.ts',
      'test/properties/labels.test.ts',
      'test/conformance/cedar-corpus/generated.test.ts',
    ],
    least: 85,
  },
]
