/**
 * The main job, end to end, on real parts: `npm run demo`. Exits 0 only if every step went as it must and the audit of it was
 * verified by another process.
 */
import { join } from 'node:path'
import { Command } from 'commander'
import { type AuditReport, saveCheckpoints, TENANTS, verifyAudit } from './audit.ts'
import { customerStory } from './customer.ts'
import { askEngines, type EnginesReport, enginesText } from './engines.ts'
import { ROOT } from './folders.ts'
import { type Printer, printer } from './print.ts'
import type { Story } from './story.ts'
import { createWitness } from './witness.ts'
import { workforceStory } from './workforce.ts'
import { startWorld, type World } from './world.ts'

type Options = {
  readonly json?: boolean
  readonly keep?: boolean
  readonly without?: string
  readonly verbose?: boolean
}

function readOptions(): Options {
  const program = new Command('demo')
    .description('Runs both stories on real parts and verifies their audit.')
    .option('--json', 'print one JSON document')
    .option('--keep', 'leave everything running and say how to look around')
    .option(
      '--without <guard>',
      'take a guard out of a copy of the program: tenant, user, revocation, conditions, dpop, audience, row-security, single-use',
    )
    .option('--verbose', 'show what the parts say')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  return program.parse().opts<Options>()
}

async function tell(
  world: World,
  program: string,
  print: Printer,
): Promise<{
  readonly stories: readonly Story[]
  readonly audit: AuditReport
  readonly engines: EnginesReport
}> {
  await saveCheckpoints(world)
  const witness = createWitness(join(world.folder, 'authority', 'admin.sock'), TENANTS)
  await witness.look()
  const audience = { onStep: print.step, witness }
  print.title('Workforce: a pipeline reads the warehouse')
  const workforce = await workforceStory(world, audience)
  print.title("Customer: a support agent reads one user's orders")
  const customer = await customerStory(world, audience)
  await witness.close()
  print.title('Audit: what just happened, verified by another process')
  const audit = await verifyAudit(world, program)
  for (const { tenant, events, says } of audit.tenants)
    print.line(`  ${tenant.padEnd(9)} ${String(events).padStart(4)} events  ${says}`)
  print.title("Engines: every decided call, asked of Cedar's own again")
  const engines = await askEngines(world)
  print.line(`  ${enginesText(engines)}`)
  return { stories: [workforce, customer], audit, engines }
}

function summary(
  stories: readonly Story[],
  audit: AuditReport,
  engines: EnginesReport,
  ms: number,
): { readonly ok: boolean; readonly text: string } {
  const steps = stories.flatMap((story) => story.steps)
  const good = steps.filter((step) => step.ok).length
  const ok = good === steps.length && audit.verified && audit.events > 0 && engines.ok
  const text = `${good} of ${steps.length} steps as they must be, ${audit.events} events ${audit.verified ? 'verified' : 'NOT verified'}, ${enginesText(engines)}, ${(ms / 1000).toFixed(1)} s`
  return { ok, text }
}

function howToLookAround(world: World): string {
  const socket = `COUNTERSIGN_SOCKET=${world.folder}/authority/admin.sock`
  const run = `${socket} npm run -s countersign --`
  return [
    '',
    'Everything is still running. In another terminal, in this folder:',
    `  ${run} audit list --tenant a`,
    `  ${run} explain --tenant a --agent operator/support --user ana@a.example --tool orders/get_order --input '{"customer_id":"c-77"}'`,
    `  ${run} gateways`,
    `  ${run} roots`,
    `The authority is at ${world.authority}, the gateways at ${world.gateway}. Ctrl-C ends it all.`,
  ].join('\n')
}

/** The list of guards is the mutants' own, so that both mean the same by a name. */
async function programWithout(
  guard: string,
): Promise<{ readonly folder: string; readonly remove: () => Promise<void> }> {
  const { copyWithout } = await import('../../test/mutants/copy.ts')
  return copyWithout(guard)
}

function untilSignal(): Promise<void> {
  return new Promise((resolve) => process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve()))
}

async function main(): Promise<number> {
  const options = readOptions()
  const began = performance.now()
  const print = printer(options.json === true)
  const copy = options.without ? await programWithout(options.without) : undefined
  const log = (line: string) => {
    if (options.verbose) print.progress(line)
  }
  const world = await startWorld({ program: copy?.folder ?? ROOT, log, progress: print.progress })
  const stop = () => void world.close().finally(() => process.exit(130))
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    const { stories, audit, engines } = await tell(world, copy?.folder ?? ROOT, print)
    const { ok, text } = summary(stories, audit, engines, performance.now() - began)
    if (options.json)
      process.stdout.write(
        `${JSON.stringify({ ok, ...(options.without ? { without: options.without } : {}), stories, audit, engines }, null, 2)}\n`,
      )
    print.line(`\n${ok ? 'ok' : 'FAILED'}: ${text}`)
    if (options.keep) {
      process.removeListener('SIGINT', stop).removeListener('SIGTERM', stop)
      print.line(howToLookAround(world))
      await untilSignal()
    }
    return ok ? 0 : 1
  } finally {
    await world.close()
    await copy?.remove()
  }
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`)
  return 1
})
