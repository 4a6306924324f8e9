import type { Command } from 'commander'
import type { Cli } from '../cli.ts'

export function addServeCommand(program: Command, cli: Cli): void {
  const serve = program
    .command('serve')
    .description('run an authority, a gateway, or both, as a configuration file says')
    .requiredOption('--config <file>', "the server's own configuration")
  serve.action(async ({ config }: { readonly config: string }) => {
    await cli.run(serve, 'starting', async () => {
      const roles = await cli.serve(config)
      const facts = Object.assign({}, ...roles) as Readonly<Record<string, unknown>>
      return { facts: { ready: true, ...facts, roles }, lines: roles.map(lineOf) }
    })
  })
}

/** `authority ready  origin https://…  socket /…`. */
function lineOf({ role, ...facts }: Readonly<Record<string, unknown>>): string {
  const told = Object.entries(facts).map(([name, value]) => `${name} ${String(value)}`)
  return [`${String(role ?? 'server')} ready`, ...told].join('  ')
}
