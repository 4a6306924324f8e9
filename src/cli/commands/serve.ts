import type { Command } from 'commander'
import type { Cli } from '../cli.ts'

export function addServeCommand(program: Command, cli: Cli): void {
  const serve = program
    .command('serve')
    .description('run an authority, a gateway, or both, as a configuration file says')
    .requiredOption('--config <file>', "the server's own configuration")
  serve.action(async ({ config }: { readonly config: string }) => {
    const json = serve.optsWithGlobals<{ readonly json?: boolean }>().json === true
    await cli.run(serve, 'starting', async () => {
      // Each role as it becomes ready: a gateway may wait long for what its authority has to be told first.
      await cli.serve(config, (facts) => {
        cli.io.out(json ? JSON.stringify({ ok: true, ready: true, ...facts }) : lineOf(facts))
      })
      return { facts: {}, lines: [], silent: true }
    })
  })
}

/** `authority ready  origin https://…  socket /…`. */
function lineOf({ role, ...facts }: Readonly<Record<string, unknown>>): string {
  const told = Object.entries(facts).map(([name, value]) => `${name} ${String(value)}`)
  return [`${String(role ?? 'server')} ready`, ...told].join('  ')
}
