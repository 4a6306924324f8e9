/**
 * `npm run conformance [-- part …] [--json]`: the MCP project's own conformance suite, in two revisions. Its authorization scenarios against
 * our authorization server; its server scenarios against a server behind a gateway, beside the same server asked directly; its client
 * scenarios against our side of an upstream's authorization. Exits 0 only if the first and the last all pass, and the gateway's column is
 * the direct one.
 */
import { join } from 'node:path'
import { openLink } from '../support/headless-login.ts'
import { type SignInWorld, startSignInWorld } from '../support/sign-in-world.ts'
import { startEverything } from './everything/server.ts'
import { everythingFiles } from './everything-resource.ts'
import { installPeers, listenTo } from './peers.ts'
import { type Scenario, scenariosOf } from './scenarios.ts'
import { signedIn } from './signed-in.ts'
import { startTokenShim } from './token-shim.ts'
import { REVISIONS, upstreamLeg } from './upstream-leg.ts'

/** One scenario in each place; absent where the suite did not run it. */
type Row = {
  readonly name: string
  readonly direct?: string
  readonly gateway?: string
  readonly same: boolean
}
type Part = {
  readonly part: string
  readonly ok: boolean
  readonly lines: readonly string[]
  readonly rows: unknown
}
type World = {
  readonly world: SignInWorld
  readonly packages: string
  readonly direct: string
  readonly gateway: string
}

const args = process.argv.slice(2)
const json = args.includes('--json')
const progress = (line: string) => void process.stderr.write(`${line}\n`)

/** Each is a table of its own: what the suite asks of a client is other than what it asks of a server. */
const PARTS: Readonly<Record<string, (world: World) => Promise<Part>>> = {
  authorization,
  ...Object.fromEntries(REVISIONS.map((revision) => [revision, (world: World) => server(world, revision)])),
  ...Object.fromEntries(
    REVISIONS.map((revision) => [`upstream-${revision}`, (world: World) => upstream(world, revision)]),
  ),
}

/** Where the suite listens for the answer; the world's client for it has this redirect. */
const PORT = 4300
const LINK = /https?:\/\/\S+\/authorize\?\S+/

async function authorization({ world, packages }: World): Promise<Part> {
  const wanted = ['--url', world.issuer, '--client-id', 'conformance', '--resource', world.resource]
  const argv = [...suite(packages), 'authorization', ...wanted, '-p', String(PORT)]
  const { said } = await listenTo(argv, (line) => {
    const link = LINK.exec(line)?.[0]
    if (link) void openLink(link, 'ana', 'go on').catch((error: unknown) => progress(String(error)))
  })
  return allPassed('authorization', heard(said))
}

async function upstream({ packages }: World, revision: (typeof REVISIONS)[number]): Promise<Part> {
  const { scenarios } = await upstreamLeg(revision, packages, progress)
  return allPassed(`upstream-${revision}`, scenarios)
}

function allPassed(part: string, rows: readonly Scenario[]): Part {
  const lines = rows.map(({ name, passed, checks }) => `${passed ? 'ok    ' : 'failed'}  ${name}  ${checks}`)
  return { part, ok: rows.length > 0 && rows.every(({ passed }) => passed), lines, rows }
}

/** What the suite's summary says; all that it said where there is none. */
function heard(said: string): readonly Scenario[] {
  const scenarios = scenariosOf(said)
  if (scenarios.length === 0) progress(said)
  return scenarios
}

async function server({ packages, direct, gateway }: World, revision: string): Promise<Part> {
  const run = async (url: string) => {
    const argv = [...suite(packages), 'server', '--url', url, '--requirements', revision]
    return heard((await listenTo(argv, () => undefined)).said)
  }
  progress(`${revision}: the server itself …`)
  const alone = await run(direct)
  progress(`${revision}: the same server through the gateway …`)
  const rows = beside(alone, await run(gateway))
  const column = (checks = 'not run') => checks.padEnd(22)
  const lines = rows.map(
    ({ name, same, direct: one, gateway: other }) =>
      `${same ? 'same  ' : 'DIFFER'}  ${name.padEnd(46)} ${column(one)} ${column(other)}`,
  )
  const head = `        ${'scenario'.padEnd(46)} ${column('direct')} ${column('through the gateway')}`
  const ok = alone.length > 0 && rows.every(({ same }) => same)
  return { part: revision, ok, lines: [head, ...lines], rows }
}

function beside(direct: readonly Scenario[], gateway: readonly Scenario[]): readonly Row[] {
  const names = new Set([...direct, ...gateway].map(({ name }) => name))
  const shown = (all: readonly Scenario[], name: string) => {
    const found = all.find((each) => each.name === name)
    return found && `${found.passed ? '✓' : '✗'} ${found.checks}`
  }
  return [...names].map((name) => {
    const [one, other] = [shown(direct, name), shown(gateway, name)]
    return { name, ...(one && { direct: one }), ...(other && { gateway: other }), same: one === other }
  })
}

function suite(packages: string): readonly string[] {
  return [process.execPath, join(packages, '@modelcontextprotocol/conformance/dist/index.js')]
}

async function main(): Promise<number> {
  const chosen = args.filter((arg) => !arg.startsWith('--'))
  const unknown = chosen.filter((name) => PARTS[name] === undefined)
  if (unknown.length > 0) {
    progress(`there are: ${Object.keys(PARTS).join(', ')}`)
    return 2
  }
  const packages = await installPeers(progress)
  progress('starting an authority, a gateway, an identity provider and an MCP server')
  const everything = await startEverything()
  const world = await startSignInWorld(everythingFiles(everything.url))
  const resource = world.resource.replace(/notes$/, 'everything')
  const shim = await startTokenShim(resource, signedIn(world, resource))
  try {
    const at = { world, packages, direct: everything.url, gateway: shim.url }
    const parts: Part[] = []
    for (const [name, run] of Object.entries(PARTS)) {
      if (chosen.length > 0 && !chosen.includes(name)) continue
      const part = await run(at)
      parts.push(part)
      if (!json) process.stdout.write(`${name}\n${part.lines.join('\n')}\n\n`)
    }
    const ok = parts.every((part) => part.ok)
    const shown = Object.fromEntries(parts.map(({ part, rows }) => [part, rows]))
    if (json) process.stdout.write(`${JSON.stringify({ ok, ...shown })}\n`)
    return ok ? 0 : 1
  } finally {
    shim.close()
    await world.close()
    everything.close()
  }
}

process.exitCode = await main()
