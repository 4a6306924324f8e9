import { Command, CommanderError } from 'commander'
import type { Cli, CliParts } from './cli.ts'
import { addAccessCommands } from './commands/access.ts'
import { addAuditCommands } from './commands/audit.ts'
import { addConfigurationCommands } from './commands/configuration.ts'
import { addDefinitionCommands } from './commands/definitions.ts'
import { addEngineCommands } from './commands/engines.ts'
import { addPolicyCommands } from './commands/policy.ts'
import { addServeCommand } from './commands/serve.ts'
import { addStatusCommands } from './commands/status.ts'
import { connect, type Where } from './connect.ts'
import type { Io } from './io.ts'
import { run } from './run.ts'

type Global = Where & { readonly json?: boolean }

/** Runs one command line (without `node` and the script). Answers the exit code: 0 done, 1 refused or failed, 2 wrong use. */
export async function runCli(args: readonly string[], io: Io, parts: CliParts): Promise<number> {
  let code = 0
  const cli: Cli = {
    ...parts,
    io,
    run: async (command, doing, work) => {
      code = await run(io, command.optsWithGlobals<Global>().json === true, doing, work)
    },
    ask: (command, doing, work) =>
      cli.run(command, doing, async (paint) => {
        const client = await connect(command.optsWithGlobals<Global>(), io)
        try {
          return await work(client, paint)
        } finally {
          await client.close()
        }
      }),
  }
  try {
    await programOf(cli).parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    throw error
  }
}

function programOf(cli: Cli): Command {
  const program = new Command('countersign')
    .description('Access control for AI agents: who may act, for whom, on what, and why.')
    .version(cli.version)
    .option('--json', 'print the same facts as one JSON document')
    .option('--socket <path>', "the authority's admin socket (COUNTERSIGN_SOCKET)")
    .option('--server <url>', 'an authority elsewhere, with COUNTERSIGN_TOKEN or the token of `admin login`')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(add --help for what it takes)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.io.out(text.trimEnd()),
      writeErr: (text) => cli.io.err(text.trimEnd()),
    })
  addConfigurationCommands(program, cli)
  addPolicyCommands(program, cli)
  addAccessCommands(program, cli)
  addAuditCommands(program, cli)
  addEngineCommands(program, cli)
  addDefinitionCommands(program, cli)
  addStatusCommands(program, cli)
  addServeCommand(program, cli)
  return program
}
