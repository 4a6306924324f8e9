import type { Command } from 'commander'
import { createAdminClient } from '../../sdk/admin-client.ts'
import type { Cli } from '../cli.ts'
import { keepToken, socketOf, type Where } from '../connect.ts'
import { renderGateways, renderRoots, renderTenants } from '../render/status.ts'
import { duration } from '../render/table.ts'

export function addStatusCommands(program: Command, cli: Cli): void {
  const tenants = program.command('tenants').description('the tenants, and what each holds')
  tenants.action(async () => {
    await cli.ask(tenants, 'tenants', async (client) => {
      const answer = await client.tenants()
      return { facts: answer, lines: renderTenants(answer.tenants, answer.revision) }
    })
  })
  const gateways = program
    .command('gateways')
    .description('the gateways that are connected, and how far each is')
  gateways.action(async () => {
    await cli.ask(gateways, 'gateways', async (client) => {
      const answer = await client.gateways()
      return { facts: answer, lines: renderGateways(answer.gateways, answer.revision) }
    })
  })
  const roots = program.command('roots').description('the few secrets that exist, and where each lives')
  roots.action(async () => {
    await cli.ask(roots, 'roots', async (client) => {
      const answer = await client.roots()
      return { facts: answer, lines: renderRoots(answer.roots) }
    })
  })
  addLogin(program, cli)
}

/** The token is kept in a file of its user and never printed. */
function addLogin(program: Command, cli: Cli): void {
  const admin = program.command('admin').description('administrators')
  const login = admin.command('login').description('get an administrator token over the socket, and keep it')
  login.action(async () => {
    await cli.run(login, 'login', async () => {
      const client = createAdminClient({ socket: socketOf(login.optsWithGlobals<Where>(), cli.io) })
      try {
        const given = await client.login()
        const kept = await keepToken(given, cli.io)
        const left = duration(given.expires * 1000 - cli.io.now())
        const { origin, expires } = given
        return {
          facts: { origin, expires, kept },
          lines: [`Signed in to ${origin} for ${left}; kept in ${kept}.`],
        }
      } finally {
        await client.close()
      }
    })
  })
}
