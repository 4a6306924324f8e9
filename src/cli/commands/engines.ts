import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { renderEngines, renderQuarantine } from '../render/engines.ts'

export function addEngineCommands(program: Command, cli: Cli): void {
  const engines = program
    .command('engines')
    .description("how many decided calls Cedar's own engine was asked again, and whether both agreed")
  engines.action(async () => {
    await cli.ask(engines, 'engines', async (client) => {
      const answer = await client.engines()
      return { facts: answer, lines: renderEngines(answer.engines) }
    })
  })
  const quarantine = program
    .command('quarantine')
    .description('policies on which the two engines once differed: they allow only what both allow')
  addList(quarantine, cli)
  addLift(quarantine, cli)
}

function addList(quarantine: Command, cli: Cli): void {
  const list = quarantine
    .command('list')
    .description('what is in quarantine, since when, and what each engine said')
    .requiredOption('--tenant <tenant>', 'whose policies')
  list.action(async ({ tenant }: { tenant: string }) => {
    await cli.ask(list, 'quarantine list', async (client) => {
      const answer = await client.quarantine(tenant)
      return { facts: answer, lines: renderQuarantine(answer.quarantine) }
    })
  })
}

function addLift(quarantine: Command, cli: Cli): void {
  const lift = quarantine
    .command('lift <policy>')
    .description('somebody has looked: one engine decides by this policy again')
    .requiredOption('--tenant <tenant>', 'whose policy')
    .requiredOption('--reason <text>', 'what was found, for the audit')
  lift.action(async (policy: string, { tenant, reason }: { tenant: string; reason: string }) => {
    await cli.ask(lift, `quarantine lift ${policy}`, async (client) => {
      const done = await client.liftQuarantine(tenant, policy, reason)
      const what = `${done.policy} is out of quarantine from revision ${done.revision} on.`
      return { facts: done, lines: [what] }
    })
  })
}
