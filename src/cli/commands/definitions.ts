import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { renderDefinition, renderDefinitions, renderDifference } from '../render/definitions.ts'

export function addDefinitionCommands(program: Command, cli: Cli): void {
  const definitions = program
    .command('definitions')
    .description(
      'what servers behind say of their tools: a tool whose definition changed is refused until it is accepted',
    )
  addList(definitions, cli)
  addShow(definitions, cli)
  addDiff(definitions, cli)
  addAccept(definitions, cli)
}

type Tenant = { readonly tenant: string }

function addList(definitions: Command, cli: Cli): void {
  const list = definitions
    .command('list')
    .description('every tool of which a definition was seen, and whether something waits for you')
    .requiredOption('--tenant <tenant>', 'whose resources')
    .option('--waiting', 'only what waits for somebody to look')
  list.action(async ({ tenant, waiting }: Tenant & { waiting?: true }) => {
    await cli.ask(list, 'definitions list', async (client) => {
      const answer = await client.definitions(tenant)
      const all = answer.definitions.filter((each) => waiting === undefined || each.waiting !== undefined)
      return { facts: { definitions: all }, lines: renderDefinitions(all) }
    })
  })
}

function addShow(definitions: Command, cli: Cli): void {
  const show = definitions
    .command('show <resource/tool>')
    .description('what the server behind says of one tool, as it counts and as it waits')
    .requiredOption('--tenant <tenant>', 'whose resource')
  show.action(async (definition: string, { tenant }: Tenant) => {
    await cli.ask(show, `definitions show ${definition}`, async (client, paint) => {
      const shown = await client.definition(tenant, definition)
      return { facts: shown, lines: renderDefinition(shown, tenant, paint) }
    })
  })
}

function addDiff(definitions: Command, cli: Cli): void {
  const diff = definitions
    .command('diff <resource/tool>')
    .description('where what waits differs from what was accepted')
    .requiredOption('--tenant <tenant>', 'whose resource')
  diff.action(async (definition: string, { tenant }: Tenant) => {
    await cli.ask(diff, `definitions diff ${definition}`, async (client, paint) => {
      const shown = await client.definition(tenant, definition)
      return { facts: shown, lines: renderDifference(shown, tenant, paint) }
    })
  })
}

function addAccept(definitions: Command, cli: Cli): void {
  const accept = definitions
    .command('accept <resource/tool>')
    .description('you have looked at the definition with this hash: from now on it alone counts')
    .requiredOption('--tenant <tenant>', 'whose resource')
    .requiredOption('--sha256 <hash>', 'of what you looked at, as `definitions diff` says it')
    .requiredOption('--reason <text>', 'why, for the audit')
  accept.action(
    async (definition: string, { tenant, ...ask }: Tenant & { sha256: string; reason: string }) => {
      await cli.ask(accept, `definitions accept ${definition}`, async (client) => {
        const { sha256, reason } = ask
        const done = await client.acceptDefinition(tenant, definition, { sha256, reason })
        return {
          facts: done,
          lines: [`${done.definition} is used as accepted from revision ${done.revision} on.`],
        }
      })
    },
  )
}
