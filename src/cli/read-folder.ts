import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, relative, resolve, sep } from 'node:path'
import type { ConfigurationFile } from '../sdk/admin-contract.ts'
import { CliRefused } from './run.ts'

const READ = /\.(ya?ml|cedar)$/

/**
 * The `.yaml` and `.cedar` files of a folder and below, or one file. Paths are as a person would type them from here, so that a place in a
 * message can be opened. Links are not followed: what is applied is what is in the folder. Refuses `cli.no_folder`, `cli.no_files`.
 */
export async function readFolder(folder: string, cwd: string): Promise<readonly ConfigurationFile[]> {
  const root = resolve(cwd, folder)
  const found = await stat(root).catch(() => undefined)
  if (!found) throw new CliRefused('cli.no_folder', `There is no ${folder}.`)
  const paths = found.isDirectory() ? await filesUnder(root) : [root]
  if (paths.length === 0)
    throw new CliRefused('cli.no_files', `There is no .yaml or .cedar file under ${folder}.`)
  const shown = shownFrom(root, cwd)
  return Promise.all(paths.map(async (path) => ({ path: shown(path), text: await readFile(path, 'utf8') })))
}

async function filesUnder(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && READ.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

function shownFrom(root: string, cwd: string): (path: string) => string {
  const inside = root === cwd || root.startsWith(cwd + sep)
  const slashes = (path: string) => path.split(sep).join('/')
  if (inside) return (path) => slashes(relative(cwd, path))
  return (path) => slashes(join(basename(root), relative(root, path)))
}
