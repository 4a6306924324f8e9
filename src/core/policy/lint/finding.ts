/** What `policy lint` can find, with the section of docs/policies.md that tells of each. */
export const FINDINGS = [
  'lint.never_tool',
  'lint.never_principal',
  'lint.never_clause',
  'lint.never_conditions',
  'lint.never_registered',
  'lint.under_forbid',
  'lint.shadowed',
  'lint.unscoped',
  'lint.unlinked_template',
  'lint.unfed_condition',
  'lint.unused_condition',
  'lint.unknown_code',
] as const
export type FindingCode = (typeof FINDINGS)[number]

/** Those that say of a policy that no request is ever met by it. */
export const NEVER: ReadonlySet<FindingCode> = new Set([
  'lint.never_tool',
  'lint.never_principal',
  'lint.never_clause',
  'lint.never_conditions',
  'lint.never_registered',
])

/**
 * Something about a policy, a template or a condition that its writer hardly meant. `at` is the text that it is about; `suggestion` what
 * to do.
 */
export type Finding = {
  readonly code: FindingCode
  readonly about: { readonly policy: string } | { readonly template: string } | { readonly condition: string }
  readonly at?: string
  readonly says: string
  readonly suggestion: string
}
