import type { z } from 'zod'
import type { ConditionTest } from '../core/policy/condition.ts'

/** Finds the country of a public address as two capital letters (ISO 3166-1), or nothing when it isn't known. */
export type CountryLookup = (address: string) => string | undefined

/** All that a condition may stand on besides the facts of a question. Given once at start, since conditions do no I/O. */
export type ConditionPorts = { readonly country: CountryLookup }

/** A kind of condition: a maker of pure, synchronous tests. */
export type ConditionKind<Config> = {
  /** Folder, docs page, and the key under a condition's name in configuration. */
  readonly name: string
  /** Strict: an unknown key is refused at load. */
  readonly config: z.ZodType<Config>
  make(config: Config, ports: ConditionPorts): ConditionTest
  /** Whether two conditions of this kind can be shown never to hold together; false where that isn't certain. */
  excludes?(one: Config, other: Config): boolean
}
