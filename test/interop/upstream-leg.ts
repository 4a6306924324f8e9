import { join } from 'node:path'
import { ROOT } from '../source-files.ts'
import { listenTo } from './peers.ts'
import { type Scenario, scenariosOf } from './scenarios.ts'

/** What the suite said of our side of an upstream's authorization, in one revision: the scenarios that count for it. */
export type UpstreamLeg = { readonly revision: string; readonly scenarios: readonly Scenario[] }

/** The revisions for which the suite has a list of what a client must do. */
export const REVISIONS = ['2025-11-25', '2026-07-28'] as const

/** `  ✗ auth/dpop (extension)`: run and told, and not counted by the suite. */
const NOT_SCORED = /^\s*[✓✗✔✘]\s+([\w/-]+) \((?:extension|added-after-release|pending)\)$/gmu

/** Runs the client scenarios that a revision requires, with our own code as the client. */
export async function upstreamLeg(
  revision: (typeof REVISIONS)[number],
  packages: string,
  progress: (line: string) => void,
): Promise<UpstreamLeg> {
  progress(`the suite's servers, asked by our upstream leg in ${revision} …`)
  const suite = join(packages, '@modelcontextprotocol/conformance/dist/index.js')
  const command = `${process.execPath} ${join(ROOT, 'test/interop/programs/upstream-leg.ts')}`
  const wanted = ['client', '--command', command, '--requirements', revision]
  const { said } = await listenTo([process.execPath, suite, ...wanted], () => {})
  const extra = new Set([...said.matchAll(NOT_SCORED)].map(([, name]) => name))
  const summary = said.slice(said.indexOf('=== SUITE SUMMARY ==='))
  const scenarios = scenariosOf(summary).filter(({ name }) => !extra.has(name))
  if (scenarios.length === 0 || scenarios.some(({ passed }) => !passed)) progress(said)
  return { revision, scenarios }
}
