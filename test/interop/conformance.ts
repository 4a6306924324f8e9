/**
 * `npm run conformance`: the MCP project's own conformance suite against our authorization server, with a real identity provider and a
 * person at a browser. Prints a line for each scenario; exits 0 only if all pass. With --json one document.
 */
import { join } from 'node:path'
import { openLink } from '../support/headless-login.ts'
import { type SignInWorld, startSignInWorld } from '../support/sign-in-world.ts'
import { installPeers, listenTo } from './peers.ts'

type Scenario = { readonly name: string; readonly passed: boolean; readonly checks: string }

const json = process.argv.includes('--json')
const progress = (line: string) => void process.stderr.write(`${line}\n`)

/** Where the suite listens for the answer; the world's client for it has this redirect. */
const PORT = 4300
const LINK = /https?:\/\/\S+\/authorize\?\S+/

async function authorization(world: SignInWorld, packages: string): Promise<readonly Scenario[]> {
  const suite = join(packages, '@modelcontextprotocol/conformance/dist/index.js')
  const wanted = ['--url', world.issuer, '--client-id', 'conformance', '--resource', world.resource]
  const argv = [process.execPath, suite, 'authorization', ...wanted, '-p', String(PORT)]
  const { said } = await listenTo(argv, (line) => {
    const link = LINK.exec(line)?.[0]
    if (link) void openLink(link, 'ana', 'go on').catch((error: unknown) => progress(String(error)))
  })
  return scenariosOf(said)
}

/** The suite's summary: `✓ name: 3 passed, 0 failed`. */
function scenariosOf(said: string): readonly Scenario[] {
  const lines = [...said.matchAll(/^\s*([✓✗✔✘])\s+([\w/-]+):\s*(.*)$/gmu)]
  if (lines.length === 0) progress(said)
  return lines.map(([, mark = '', name = '', checks = '']) => ({
    name,
    checks,
    passed: mark === '✓' || mark === '✔',
  }))
}

async function main(): Promise<number> {
  const packages = await installPeers(progress)
  progress('starting an authority, a gateway, an identity provider and an MCP server')
  const world = await startSignInWorld()
  try {
    const scenarios = await authorization(world, packages)
    const ok = scenarios.length > 0 && scenarios.every(({ passed }) => passed)
    const lines = scenarios.map(
      ({ name, passed, checks }) => `${passed ? 'ok    ' : 'failed'}  ${name}  ${checks}`,
    )
    process.stdout.write(
      json ? `${JSON.stringify({ ok, authorization: scenarios })}\n` : `${lines.join('\n')}\n`,
    )
    return ok ? 0 : 1
  } finally {
    await world.close()
  }
}

process.exitCode = await main()
