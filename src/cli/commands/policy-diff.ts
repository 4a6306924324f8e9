import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { PolicyDiff, RecordedDecision } from '../../core/policy/policy-diff.ts'
import { type ChangeDraft, DECLARED } from '../../core/registry.ts'
import type { AdminClient } from '../../sdk/admin-client.ts'
import type { AuditLine, AuditQuery } from '../../sdk/admin-contract.ts'
import { readLines } from '../../sdk/read-lines.ts'
import { readRecorded, recordedOf } from '../../sdk/read-recorded.ts'
import type { Cli, DiffSource } from '../cli.ts'
import { connect } from '../connect.ts'
import type { Io, Paint } from '../io.ts'
import { readFolder } from '../read-folder.ts'
import { type VariableOptions, variablesOf, withVariables } from '../read-variables.ts'
import { renderDiff } from '../render/policy-diff.ts'
import { CliRefused, type Done, FolderRefused, WrongUse } from '../run.ts'

/** What stands for the registry of a running authority where a folder could stand. */
const RUNNING = 'running'

const FILTERS = {
  agent: 'of those, who acted',
  user: 'for whom',
  resource: 'on what',
  outcome: 'allow, deny or ask',
  from: 'not before a time, such as 2026-11-24T09:00:00Z',
  until: 'before a time',
} as const satisfies Partial<Record<keyof AuditQuery, string>>

type Options = VariableOptions &
  Partial<Record<keyof typeof FILTERS, string>> & {
    readonly recorded: readonly string[]
    readonly audit?: string
    readonly limit: string
    readonly server?: string
    readonly socket?: string
  }

export function addDiff(policy: Command, cli: Cli): void {
  const diff = policy
    .command('diff <before> <after>')
    .description(
      'which requests two folders answer differently: of the cases of both, and of what was recorded; `running` stands for the registry of an authority',
    )
    .option('--recorded <file>', 'decisions of an audit export; may be repeated', collect, [])
    .option('--audit <tenant>', 'decisions that the running authority recorded of a tenant')
    .option('--limit <number>', 'of those, at most so many of the newest', '1000')
  for (const [name, says] of Object.entries(FILTERS)) diff.option(`--${name} <${name}>`, says)
  withVariables(diff).action(async (before: string, after: string) => {
    const options = diff.optsWithGlobals<Options>()
    await cli.run(diff, `policy diff ${before} ${after}`, (paint) =>
      compare(cli, { before, after, options }, paint),
    )
  })
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

type Asked = { readonly before: string; readonly after: string; readonly options: Options }

async function compare(cli: Cli, { before, after, options }: Asked, paint: Paint): Promise<Done> {
  const wrong = misused(options)
  if (wrong !== undefined) throw new WrongUse(wrong)
  const recorded = await recordedIn(options, cli.io)
  const needsAuthority = [before, after].includes(RUNNING) || options.audit !== undefined
  const client = needsAuthority ? await connect(options, cli.io) : undefined
  try {
    const sides = [await sourceOf(before, client, cli.io), await sourceOf(after, client, cli.io)] as const
    if (client && options.audit !== undefined)
      recorded.push(...recordedOf(await eventsOf(client, options.audit, options)))
    const answer = await cli.policies.diff(...sides, recorded, await variablesOf(options, cli.io))
    if ('problems' in answer) throw new FolderRefused(answer.problems)
    return done(answer.diff, paint)
  } finally {
    await client?.close()
  }
}

function misused({ audit, limit, ...rest }: Options): string | undefined {
  const filter = Object.keys(FILTERS).find((name) => rest[name as keyof typeof FILTERS] !== undefined)
  if (audit === undefined && filter !== undefined)
    return `--${filter} chooses among decisions of --audit <tenant>.`
  const good = /^[1-9]\d{0,3}$/.test(limit) && Number(limit) <= 1000
  return good ? undefined : '--limit takes a number up to 1000; for more, `audit export` and --recorded.'
}

/** Nothing compared must not look like nothing changed. */
function done(diff: PolicyDiff, paint: Paint): Done {
  if (diff.cases.length + diff.recorded.length + diff.notReplayed.length === 0) {
    const says = 'There is nothing to compare by: no case in either folder, and no recorded decision.'
    throw new CliRefused('cli.no_cases', says)
  }
  const changed = [...diff.cases, ...diff.recorded].filter(({ changes }) => changes).length
  return { facts: { changed, ...diff }, lines: renderDiff(diff, paint), code: changed === 0 ? 0 : 1 }
}

async function sourceOf(side: string, client: AdminClient | undefined, io: Io): Promise<DiffSource> {
  if (side !== RUNNING || client === undefined) return { files: await readFolder(side, io.cwd) }
  const { tenants } = await client.tenants()
  const documents: ChangeDraft[] = []
  for (const { tenant } of tenants) {
    for (const kind of DECLARED) {
      const found = await client.documents(tenant, kind)
      documents.push(...found.documents.map((each) => ({ ...each }) as unknown as ChangeDraft))
    }
  }
  return { documents }
}

async function recordedIn({ recorded }: Options, { cwd }: Io): Promise<RecordedDecision[]> {
  const found: RecordedDecision[] = []
  for (const file of recorded) {
    const read = await readRecorded(readLines(createReadStream(resolve(cwd, file)))).catch(
      (error: NodeJS.ErrnoException) => {
        throw new CliRefused('cli.file', `${file} can't be read (${error.code ?? error.message}).`)
      },
    )
    if (read === undefined) throw new CliRefused('audit.export_malformed', `${file} is not an audit export.`)
    found.push(...read)
  }
  return found
}

/** The newest that match. The whole log is what an export is for. */
async function eventsOf(
  client: AdminClient,
  tenant: string,
  options: Options,
): Promise<readonly AuditLine[]> {
  const query = Object.fromEntries(
    Object.keys(FILTERS).flatMap((name) => {
      const value = options[name as keyof typeof FILTERS]
      return value === undefined ? [] : [[name, value]]
    }),
  )
  const { events } = await client.audit(tenant, { ...query, limit: options.limit })
  return events
}
