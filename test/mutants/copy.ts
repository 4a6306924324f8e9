import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { ROOT } from '../source-files.ts'
import type { Guard } from './guard.ts'
import { GUARDS, guardNamed } from './guards.ts'

/** A copy of this repository in a temporary folder: sources, tests and examples; packages are shared. */
export type Copy = { readonly folder: string; readonly remove: () => Promise<void> }

const LEFT = new Set(['node_modules', '.git'])

/** The copy stands beside a link to the outside test data, as the repository does. */
export async function copyRepository(): Promise<Copy> {
  const place = await mkdtemp(join(tmpdir(), 'countersign-mutant-'))
  const folder = join(place, 'main')
  await mkdir(folder)
  await cp(ROOT, folder, { recursive: true, filter: (path) => path === ROOT || !LEFT.has(basename(path)) })
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const shared = join(ROOT, '..', 'shared')
  if (existsSync(shared)) await symlink(shared, join(place, 'shared'))
  return { folder, remove: () => rm(place, { recursive: true, force: true, maxRetries: 5 }) }
}

/** The text without the guard. Throws when the guard is not there exactly once: the list must not rot. */
export function withoutGuard({ name, file, find, replace }: Guard, text: string): string {
  const times = text.split(find).length - 1
  if (times !== 1) throw new Error(`the guard ${name} is ${times} times in ${file}, not once`)
  return text.replace(find, () => replace)
}

export async function takeOut(guard: Guard, { folder }: Copy): Promise<void> {
  const path = join(folder, guard.file)
  await writeFile(path, withoutGuard(guard, await readFile(path, 'utf8')))
}

/** A copy of the program with one of the guards taken out that the demo can be told without. */
export async function copyWithout(name: string): Promise<Copy> {
  const guard = guardNamed(
    name,
    GUARDS.filter(({ demo }) => demo === true),
  )
  const copy = await copyRepository()
  try {
    await takeOut(guard, copy)
    return copy
  } catch (error) {
    await copy.remove()
    throw error
  }
}
