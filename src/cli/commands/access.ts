import type { Command } from 'commander'
import { renderExplanation } from '../../core/policy/render-explanation.ts'
import type { Cli } from '../cli.ts'
import type { Paint } from '../io.ts'
import { renderRevocation } from '../render/revocation.ts'
import { WrongUse } from '../run.ts'

type Explain = {
  readonly tenant: string
  readonly agent: string
  readonly user?: string
  readonly tool: string
  readonly input?: string
  readonly address?: string
}

export function addAccessCommands(program: Command, cli: Cli): void {
  addExplain(program, cli)
  const revoke = program
    .command('revoke <kind> <name>')
    .description(
      'end everything that stands on an agent, user, session, delegation, admission, tenant …, now',
    )
    .requiredOption('--tenant <tenant>', 'where it is named')
    .requiredOption('--reason <text>', 'why, for the audit')
    .option('--once', 'end what stands now; what is issued anew counts again')
  revoke.action(
    async (kind: string, name: string, options: { tenant: string; reason: string; once?: true }) => {
      await cli.ask(revoke, `revoke ${kind} ${name}`, async (client, paint) => {
        const ask = { kind, name, reason: options.reason, standing: options.once !== true }
        const report = await client.revoke(options.tenant, ask)
        return { facts: report, lines: renderRevocation(report, name, paint) }
      })
    },
  )
  const restore = program
    .command('restore <kind> <name>')
    .description('lift a revocation: what is issued from now on counts again')
    .requiredOption('--tenant <tenant>', 'where it is named')
    .requiredOption('--reason <text>', 'why, for the audit')
  restore.action(async (kind: string, name: string, options: { tenant: string; reason: string }) => {
    await cli.ask(restore, `restore ${kind} ${name}`, async (client) => {
      const report = await client.restore(options.tenant, `${kind}:${name}`, options.reason)
      const what = `${name} may work again from revision ${report.revision} on; what ended stays ended.`
      return { facts: report, lines: [what] }
    })
  })
}

function addExplain(program: Command, cli: Cli): void {
  const explain = program
    .command('explain')
    .description('why a call would be allowed or not: policies, conditions, facts, the nearest permit')
    .requiredOption('--tenant <tenant>', 'whose data it is about')
    .requiredOption('--agent <agent>', 'who would call')
    .option('--user <user>', 'for whom')
    .requiredOption(
      '--tool <resource/tool>',
      'what would be called; a resource alone asks whether it may be entered',
    )
    .option('--input <json>', 'with which arguments')
    .option('--address <ip>', 'from where')
  explain.action(async (options: Explain) => {
    await cli.ask(explain, 'explain', async (client, paint) => {
      const { tenant, agent, user, tool, input, address } = options
      const explained = await client.explain(tenant, {
        agent,
        tool,
        ...(user === undefined ? {} : { user }),
        ...(input === undefined ? {} : { input: readInput(input) }),
        ...(address === undefined ? {} : { address }),
      })
      const [head = '', ...rest] = renderExplanation(explained)
      return { facts: explained, lines: [paintedHead(head, explained.outcome, paint), ...rest] }
    })
  })
}

function readInput(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new WrongUse(`--input takes JSON, such as '{"customer_id":"c-77"}'.`)
  }
}

function paintedHead(head: string, outcome: 'allow' | 'deny' | 'ask', paint: Paint): string {
  const colour = { allow: paint.green, deny: paint.red, ask: paint.yellow }[outcome]
  return head.replace(/^\S+/, (word) => colour(word))
}
