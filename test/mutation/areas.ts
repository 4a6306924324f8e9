/** A part of the sources whose every statement is to be held by a test. */
export type Area = {
  readonly name: string
  /** Folders and files of the sources, in the repository; tests and fixtures under them are left out. */
  readonly sources: readonly string[]
  /** Folders that are no part of it. */
  readonly but?: readonly string[]
  /** Patterns of the tests that must notice. */
  readonly tests: readonly string[]
  /** Percent of the mutants that a test must notice. */
  readonly least: number
}

/**
 * What everything else rests on: who may be believed, how a policy is evaluated, and what is decided. The long tests (generated policies, the
 * corpus) would notice more, and make each mutant take minutes; what is here must be noticed without them.
 */
export const AREAS: readonly Area[] = [
  { name: 'verifier', sources: ['src/lib/jose'], tests: ['src/lib/jose/*.test.ts'], least: 85 },
  {
    name: 'cedar',
    sources: ['src/core/policy/cedar'],
    tests: ['src/core/policy/cedar/**/*.test.ts'],
    least: 85,
  },
  {
    name: 'policy',
    sources: ['src/core/policy'],
    // What lint finds is advice to writers, and held by long properties.
    but: ['src/core/policy/cedar/', 'src/core/policy/lint/'],
    tests: [
      'src/core/policy/*.test.ts',
      'src/flows/{second-engine,quarantine-policies}.test.ts',
      'test/properties/{agreement,chains,decide,decide-demo,explain,labels,linked-policies,quarantine,same-judgement}.test.ts',
    ],
    least: 85,
  },
]
