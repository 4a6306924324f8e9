import { open, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { AdminClient } from '../../sdk/admin-client.ts'
import type { AuditQuery } from '../../sdk/admin-contract.ts'
import { verifyExportFile } from '../../sdk/verify-export.ts'
import type { Cli } from '../cli.ts'
import type { Io, Paint } from '../io.ts'
import { renderEvents, renderVerified, renderWhole } from '../render/audit.ts'
import { many } from '../render/table.ts'
import { CliRefused, type Done } from '../run.ts'

const TENANT = ['--tenant <tenant>', 'whose log'] as const
const FILTERS = {
  agent: 'who acted',
  user: 'for whom, or who administrated',
  resource: 'on what',
  decision: 'of one decision',
  outcome: 'allow, deny, ask, done or failed',
  from: 'not before a time, such as 2026-11-24T09:00:00Z',
  until: 'before a time',
  limit: 'at most so many (100)',
  after: 'the ones that follow an index of the log',
} as const satisfies Readonly<Record<keyof AuditQuery, string>>

export function addAuditCommands(program: Command, cli: Cli): void {
  const audit = program.command('audit').description('what was decided and done, and proof of it')
  addList(audit, cli)
  const show = audit.command('show <decision>').description('everything recorded under a decision')
  show.requiredOption(...TENANT).action(async (decision: string, { tenant }: { tenant: string }) => {
    await cli.ask(show, 'show', async (client, paint) => {
      const found = await client.decision(tenant, decision)
      return { facts: found, lines: renderWhole(found.events, paint) }
    })
  })
  addExport(audit, cli)
  const checkpoint = audit
    .command('checkpoint')
    .description('the newest signed checkpoint, to be kept for later')
  checkpoint.requiredOption(...TENANT).action(async ({ tenant }: { tenant: string }) => {
    await cli.ask(checkpoint, 'checkpoint', async (client) => {
      const found = await client.checkpoint(tenant)
      return { facts: found, lines: [found.note.trimEnd()] }
    })
  })
  const key = audit.command('key').description('the public key of the log, as auditors pin it')
  key.requiredOption(...TENANT).action(async ({ tenant }: { tenant: string }) => {
    await cli.ask(key, 'key', async (client) => {
      const found = await client.logKey(tenant)
      return { facts: found, lines: [found.key] }
    })
  })
  addVerify(audit, cli)
}

function addList(audit: Command, cli: Cli): void {
  const list = audit
    .command('list')
    .description('events in the order of the log')
    .requiredOption(...TENANT)
  for (const [name, says] of Object.entries(FILTERS)) list.option(`--${name} <${name}>`, says)
  list.action(async ({ tenant, ...query }: AuditQuery & { readonly tenant: string }) => {
    await cli.ask(list, 'list', async (client, paint) => {
      const page = await client.audit(tenant, query)
      return { facts: page, lines: renderEvents(page, paint) }
    })
  })
}

type ExportOptions = { readonly tenant: string; readonly out?: string }

function addExport(audit: Command, cli: Cli): void {
  const command = audit.command('export').description('the whole log with its proofs, a line each')
  command
    .requiredOption(...TENANT)
    .option('-o, --out <file>', 'a new file; standard output when absent')
    .action(async (options: ExportOptions) => {
      await cli.ask(command, 'export', (client) => exportTo(options, client, cli.io))
    })
}

/** To a file that wasn't there: an export that replaces an earlier one unasked could lose what it proved. */
async function exportTo({ tenant, out }: ExportOptions, client: AdminClient, io: Io): Promise<Done> {
  const chunks = await client.exportAudit(tenant)
  if (out === undefined) {
    for await (const chunk of chunks) await io.write(chunk)
    return { facts: {}, lines: [], silent: true }
  }
  const path = resolve(io.cwd, out)
  const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
    const says =
      error.code === 'EEXIST' ? `${out} is there already.` : `${out} can't be written (${error.code}).`
    throw new CliRefused('cli.file', says)
  })
  let lines = 0
  let bytes = 0
  try {
    for await (const chunk of chunks) {
      await file.write(chunk)
      bytes += chunk.length
      for (const byte of chunk) if (byte === 0x0a) lines += 1
    }
    await file.sync()
  } finally {
    await file.close()
  }
  const events = Math.max(0, lines - 2)
  const key = `verify it with: countersign audit verify ${out} --log-key <key>`
  return { facts: { file: path, events, bytes }, lines: [`${many(events, 'event')} in ${out}; ${key}`] }
}

type VerifyOptions = { readonly logKey: readonly string[]; readonly checkpoint?: string }

function addVerify(audit: Command, cli: Cli): void {
  const command = audit
    .command('verify <file>')
    .description('verify an export offline: no authority is asked')
  command
    .requiredOption(
      '--log-key <key>',
      'the log key that was pinned, or a file with it; may be repeated',
      collect,
      [],
    )
    .option('--checkpoint <file>', 'a checkpoint kept from before, which the log must continue')
    .action(async (file: string, options: VerifyOptions) => {
      await cli.run(command, 'verify', (paint) => verify(file, options, cli.io, paint))
    })
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

async function verify(file: string, options: VerifyOptions, io: Io, paint: Paint): Promise<Done> {
  const logKey = await Promise.all(options.logKey.map((key) => keyOf(key, io)))
  const earlier =
    options.checkpoint === undefined ? {} : { earlierCheckpoint: await readAt(options.checkpoint, io) }
  const verdict = await verifyExportFile(resolve(io.cwd, file), { logKey, ...earlier }).catch(
    (error: NodeJS.ErrnoException) => {
      throw new CliRefused('cli.file', `${file} can't be read (${error.code ?? error.message}).`)
    },
  )
  if (verdict.ok)
    return { facts: { verified: true, ...verdict.value }, lines: renderVerified(verdict.value, paint) }
  const { reason, says, facts } = verdict.error
  return {
    facts: { verified: false, reason, says, facts },
    lines: [`${paint.red('NOT VERIFIED')}: ${says}  ${paint.dim(reason)}`],
    code: 1,
  }
}

/** A verifier key is `name+id+key`, which no file name here is taken for. */
async function keyOf(key: string, io: Io): Promise<string> {
  return /^[^+\s]+\+[0-9a-f]{8}\+/.test(key) ? key : (await readAt(key, io)).trim()
}

function readAt(path: string, io: Io): Promise<string> {
  return readFile(resolve(io.cwd, path), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CliRefused('cli.file', `${path} can't be read (${error.code}).`)
  })
}
