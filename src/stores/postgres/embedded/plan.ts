import { realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Bug, Unavailable } from '../../../core/refusal.ts'
import { type Account, ownAccount, serverAccount } from './account.ts'
import { type Binaries, openBinaries } from './binaries.ts'
import { accessRules, identityMap, openCluster } from './cluster.ts'
import { ensureOpenFolder, statIfThere } from './folders.ts'
import type { EmbeddedOptions } from './options.ts'
import { launchFingerprint, reservedSetting, serverArguments } from './settings.ts'
import { openSocketFolder } from './sockets.ts'

/** Where a server runs and as whom. */
type Place = {
  readonly binaries: Binaries
  readonly dataDir: string
  readonly socketDir: string
  readonly server: Account
  readonly self: Account
}

/** A place with a cluster in it, and how its server is to be started. `launch` names that in few characters. */
export type Plan = Place & {
  readonly options: EmbeddedOptions
  readonly args: readonly string[]
  readonly launch: string
}

/** The folder with every link resolved, so that two spellings of one directory are one place. */
async function resolveFolder(asked: string): Promise<string> {
  const parent = dirname(resolve(asked))
  try {
    await ensureOpenFolder(parent)
    return join(await realpath(parent), basename(asked))
  } catch (cause) {
    throw new Unavailable('store.embedded_folder', `${parent} can't be made`, { cause })
  }
}

async function openPlace(options: EmbeddedOptions): Promise<Place> {
  const self = ownAccount()
  const dataDir = await resolveFolder(options.dataDir)
  const existing = await statIfThere(dataDir)
  const server = serverAccount(self, existing?.uid)
  const binaries = await openBinaries(options.cacheFolder)
  await openCluster(binaries, dataDir, server)
  return { binaries, dataDir, socketDir: await openSocketFolder(dataDir, server), server, self }
}

/** Prepares everything that a start needs, the cluster included. */
export async function makePlan(options: EmbeddedOptions): Promise<Plan> {
  const settings = options.settings ?? {}
  const wrong = reservedSetting(settings)
  if (wrong !== undefined) throw new Bug(`the setting ${wrong} can't be set from outside`)
  const place = await openPlace(options)
  const tcp = options.tcp !== undefined
  const args = serverArguments(place.dataDir, place.socketDir, tcp, settings)
  const access = accessRules(tcp) + identityMap([place.self, place.server])
  const port = options.tcp?.port ?? 'any'
  return {
    ...place,
    options,
    args,
    launch: launchFingerprint(place.binaries.version, args, `${access}${port}`),
  }
}
