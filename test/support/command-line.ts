import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { CliParts } from '../../src/cli/cli.ts'
import { runCli } from '../../src/cli/program.ts'
import type { ConfigurationFile } from '../../src/sdk/admin-contract.ts'
import { checkOffline } from '../../src/server/check-offline.ts'
import {
  diffPoliciesOffline,
  lintPoliciesOffline,
  testPoliciesOffline,
} from '../../src/server/policies-offline.ts'

const parts: CliParts = {
  version: '0.1.0',
  serve: async () => {},
  checkOffline,
  policies: { test: testPoliciesOffline, lint: lintPoliciesOffline, diff: diffPoliciesOffline },
}

/** Command lines as a person would type them in a folder, with what they said; progress, which depends on the machine, is left out. */
export function commandLine(folder: string, env: Readonly<Record<string, string>> = {}) {
  const type = async (...args: readonly string[]) => {
    const said = { out: '', err: '' }
    const code = await runCli(
      args,
      {
        out: (text) => {
          said.out += `${text}\n`
        },
        write: async () => {},
        err: (text) => {
          said.err += text.endsWith('so far') ? '' : `${text}\n`
        },
        env,
        cwd: folder,
        colours: false,
        now: () => 0,
      },
      parts,
    )
    return { code, ...said }
  }
  const json = async (...args: readonly string[]) => {
    const { code, out } = await type(...args, '--json')
    return { code, ...(JSON.parse(out) as Record<string, unknown>) }
  }
  return { type, json }
}

/** Writes files below a folder of that name. */
export async function writeFolder(
  folder: string,
  name: string,
  files: readonly ConfigurationFile[],
): Promise<void> {
  for (const { path, text } of files) {
    const file = join(folder, name, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
}
