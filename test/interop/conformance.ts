/**
 * `npm run conformance`: the MCP project's own conformance suite against our authorization server, with a real identity provider and a
 * person at a browser; and against our side of an upstream's authorization, in both revisions. Prints a line for each scenario; exits 0 only if all pass. With --json one document.
 */
import { join } from 'node:path'
import { openLink } from '../support/headless-login.ts'
import { type SignInWorld, startSignInWorld } from '../support/sign-in-world.ts'
import { installPeers, listenTo } from './peers.ts'
import { type Scenario, scenariosOf } from './scenarios.ts'
import { REVISIONS, type UpstreamLeg, upstreamLeg } from './upstream-leg.ts'

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
  const scenarios = scenariosOf(said)
  if (scenarios.length === 0) progress(said)
  return scenarios
}

function lineOf({ name, passed, checks }: Scenario): string {
  return `${passed ? 'ok    ' : 'failed'}  ${name}  ${checks}`
}

async function main(): Promise<number> {
  const packages = await installPeers(progress)
  progress('starting an authority, a gateway, an identity provider and an MCP server')
  const world = await startSignInWorld()
  try {
    const scenarios = await authorization(world, packages)
    const legs: UpstreamLeg[] = []
    for (const revision of REVISIONS) legs.push(await upstreamLeg(revision, packages, progress))
    const scored = [scenarios, ...legs.map((leg) => leg.scenarios)]
    const ok = scored.every((each) => each.length > 0 && each.every(({ passed }) => passed))
    const lines = [
      ...scenarios.map(lineOf),
      ...legs.flatMap((leg) => [`upstream leg, ${leg.revision}`, ...leg.scenarios.map(lineOf)]),
    ]
    const answer = { ok, authorization: scenarios, upstream: legs }
    process.stdout.write(json ? `${JSON.stringify(answer)}\n` : `${lines.join('\n')}\n`)
    return ok ? 0 : 1
  } finally {
    await world.close()
  }
}

process.exitCode = await main()
