import type { Command } from 'commander'
import { AdminRefused } from '../../sdk/admin-client.ts'
import type { ConfigurationAnswer } from '../../sdk/admin-contract.ts'
import type { Cli } from '../cli.ts'
import type { Paint } from '../io.ts'
import { readFolder } from '../read-folder.ts'
import { type VariableOptions, variablesOf, withVariables } from '../read-variables.ts'
import { renderChanges } from '../render/changes.ts'
import type { Done } from '../run.ts'

type Options = VariableOptions & { readonly file: string; readonly offline?: boolean }

const SAYS = {
  check: 'read a configuration folder as a whole and say every problem with its place',
  plan: 'say what applying the folder would change, after a look at the targets',
  apply: 'change the registry to what the folder declares, or nothing',
} as const

export function addConfigurationCommands(program: Command, cli: Cli): void {
  for (const how of ['check', 'plan', 'apply'] as const) {
    const command = program
      .command(how)
      .description(SAYS[how])
      .requiredOption('-f, --file <folder>', 'the folder, or one file')
    withVariables(command)
    if (how === 'check') command.option('--offline', 'without an authority, as if nothing were registered')
    command.action(async (options: Options) => {
      if (options.offline) return checkOffline(cli, command, options)
      await cli.ask(command, `${how} ${options.file}`, async (client, paint) => {
        const files = await readFolder(options.file, cli.io.cwd)
        return done(how, await client.configure(how, files, await variablesOf(options, cli.io)), paint)
      })
    })
  }
}

function done(how: 'check' | 'plan' | 'apply', answer: ConfigurationAnswer, paint: Paint): Done {
  return { facts: answer, lines: renderChanges(how, answer, paint) }
}

function checkOffline(cli: Cli, command: Command, options: Options): Promise<void> {
  return cli.run(command, `check ${options.file}`, async (paint) => {
    const files = await readFolder(options.file, cli.io.cwd)
    const answer = await cli.checkOffline(files, await variablesOf(options, cli.io))
    if ('lines' in answer) return done('check', answer, paint)
    const title = 'The configuration can not be used; nothing was changed.'
    throw new AdminRefused(422, { title, reason: 'configuration.refused', problems: answer.problems })
  })
}
