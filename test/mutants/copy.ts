import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../source-files.ts'
import type { Edit, Guard } from './guard.ts'
import { GUARDS } from './guards.ts'

export type Copy = { readonly folder: string; readonly remove: () => Promise<void> }

const COPIED = [
  'src',
  'test',
  'examples',
  'docs',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'vitest.config.ts',
]
const PAGES = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'STYLE.md']

/** A copy of the repository with the packages of this one, and the outside test data beside it. */
export async function copyRepository(): Promise<Copy> {
  const around = await mkdtemp(join(tmpdir(), 'countersign-without-'))
  const folder = join(around, 'main')
  await mkdir(folder)
  await Promise.all(
    [...COPIED, ...PAGES].map((name) => cp(join(ROOT, name), join(folder, name), { recursive: true })),
  )
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  await symlink(join(ROOT, '..', 'shared'), join(around, 'shared'))
  return { folder, remove: () => rm(around, { recursive: true, force: true }) }
}

/** Makes one edit; its text must stand in the file exactly once, or the list has fallen behind the sources. */
async function edit(folder: string, { file, find, replace }: Edit): Promise<void> {
  const path = join(folder, file)
  const text = await readFile(path, 'utf8')
  const times = text.split(find).length - 1
  if (times !== 1) throw new Error(`${file} has ${times} times, not once: ${find.trim()}`)
  await writeFile(
    path,
    text.replace(find, () => replace),
  )
}

export async function takeOut(folder: string, guard: Guard): Promise<void> {
  for (const each of guard.edits) await edit(folder, each)
}

export function guardNamed(name: string): Guard {
  const found = GUARDS.find((guard) => guard.name === name)
  if (!found)
    throw new Error(
      `there is no guard \`${name}\`; the guards are ${GUARDS.map((guard) => guard.name).join(', ')}`,
    )
  return found
}

/** The program with one guard taken out, in a folder of its own. */
export async function copyWithout(name: string): Promise<Copy> {
  const guard = guardNamed(name)
  const copy = await copyRepository()
  try {
    await takeOut(copy.folder, guard)
    return copy
  } catch (error) {
    await copy.remove()
    throw error
  }
}
