import type { Command } from 'commander'
import type { CaseResult } from '../core/policy/policy-case.ts'
import type { PolicyDiff, RecordedDecision } from '../core/policy/policy-diff.ts'
import type { ChangeDraft } from '../core/registry.ts'
import type { AdminClient } from '../sdk/admin-client.ts'
import type { ConfigurationAnswer, ConfigurationFile, ConfigurationProblem } from '../sdk/admin-contract.ts'
import type { Io, Paint } from './io.ts'
import type { Done } from './run.ts'

/** What only the program itself can do, handed in by its entry: the command line never imports the server. */
export type CliParts = {
  readonly version: string
  /** Runs what a server configuration names, and tells each role's facts once it answers. Resolves when all do; goes on until a signal. */
  readonly serve: (
    configPath: string,
    ready: (facts: Readonly<Record<string, unknown>>) => void,
  ) => Promise<void>
  /** Checks a folder without an authority: nothing is registered as yet. */
  readonly checkOffline: (
    files: readonly ConfigurationFile[],
    variables: Readonly<Record<string, string>>,
  ) => Promise<ConfigurationAnswer | Problems>
  readonly policies: PolicyParts
}

type Problems = { readonly problems: readonly ConfigurationProblem[] }
type Variables = Readonly<Record<string, string>>

/** Policies as code: each reads whole folders, and needs no authority. */
type PolicyParts = {
  /** Runs the cases of a folder against its policies. */
  readonly test: (
    files: readonly ConfigurationFile[],
    variables: Variables,
  ) => Promise<Problems | { readonly results: readonly CaseResult[] }>
  /** Looks through a folder's policies for what their writer hardly meant. */
  readonly lint: (
    files: readonly ConfigurationFile[],
    variables: Variables,
  ) => Promise<Problems | { readonly policies: number; readonly findings: readonly ConfigurationProblem[] }>
  /** Compares what two sides answer to the cases of both and to what was recorded. */
  readonly diff: (
    before: DiffSource,
    after: DiffSource,
    recorded: readonly RecordedDecision[],
    variables: Variables,
  ) => Promise<Problems | { readonly diff: PolicyDiff }>
}

/** A folder's files, or the documents of an authority as it runs. */
export type DiffSource =
  | { readonly files: readonly ConfigurationFile[] }
  | { readonly documents: readonly ChangeDraft[] }

/** What the commands are added with. */
export type Cli = CliParts & {
  readonly io: Io
  /** Runs a command's work, prints it, remembers the exit code. */
  readonly run: (command: Command, doing: string, work: (paint: Paint) => Promise<Done>) => Promise<void>
  /** The same with a client of the authority that the command names, closed afterwards. */
  readonly ask: (
    command: Command,
    doing: string,
    work: (client: AdminClient, paint: Paint) => Promise<Done>,
  ) => Promise<void>
}
