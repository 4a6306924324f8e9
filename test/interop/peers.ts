import { spawn } from 'node:child_process'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from '../source-files.ts'

/** Programs of others, with their own packages: many, large, and of no use to anything else here. */
const FOLDER = join(ROOT, 'node_modules/.cache/countersign-peers')
const LIST = join(ROOT, 'test/interop/packages.json')

/** Installs what the list names, once for each version of it; answers the folder of the packages. */
export async function installPeers(progress: (line: string) => void): Promise<string> {
  const wanted = await readFile(LIST, 'utf8')
  const stamp = join(FOLDER, 'installed.json')
  const packages = join(FOLDER, 'node_modules')
  if ((await readFile(stamp, 'utf8').catch(() => '')) === wanted) return packages
  progress('installing the programs of others (once) …')
  await mkdir(FOLDER, { recursive: true })
  await cp(LIST, join(FOLDER, 'package.json'))
  const flags = ['install', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', FOLDER]
  await run('npm', flags)
  await writeFile(stamp, wanted)
  return packages
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 2, 2] })
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ended with ${code}; the lines above say why`)),
    )
  })
}

/** A program of others, with each line that it prints heard as it comes. Answers its exit code and all that it said. */
export function listenTo(
  argv: readonly string[],
  heard: (line: string) => void,
  env: Readonly<Record<string, string>> = {},
  cwd: string = ROOT,
): Promise<{ readonly code: number; readonly said: string }> {
  const [command = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', ...env },
      timeout: 240_000,
      cwd,
    })
    let said = ''
    let open = ''
    const hear = (chunk: Buffer) => {
      said += chunk
      open += chunk
      const lines = open.split('\n')
      open = lines.pop() ?? ''
      for (const line of lines) heard(line)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? 1, said }))
  })
}
