import { link, mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { SigningKey as PublishedKey } from '../core/identity/token-key.ts'
import type { TenantName } from '../core/ids.ts'
import type { Store } from '../core/ports.ts'
import { Unavailable } from '../core/refusal.ts'
import type { ChangeDraft } from '../core/registry.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { type Clock, toSeconds } from '../core/time.ts'
import {
  exportSigningKey,
  importSigningKey,
  newSigningKey,
  type SigningKey,
} from '../lib/jose/signing-key.ts'

export type TokenKeyPorts = {
  readonly store: Pick<Store, 'commit'>
  readonly snapshot: () => Snapshot
  readonly refresh: () => Promise<void>
  readonly now: Clock
}

/** The private halves of the tenants' token keys; their public halves are `key` documents. */
export type TokenKeys = {
  /** The key that signs now; undefined when its file is not here. */
  readonly signerFor: (tenant: TenantName) => SigningKey | undefined
  /** Makes a tenant's first two keys, reads keys that another process made, and takes the step of rotation that is due. */
  readonly tend: (tenant: TenantName) => Promise<void>
  /** Takes the next step of rotation now, due or not. */
  readonly turn: (tenant: TenantName) => Promise<void>
}

/** Seconds. A key signs for thirty days; its successor was published all that time; it stays published until its last token has ended. */
const SIGNS = 30 * 86_400
const OUTLIVES = 2 * 3600
const TRIES = 5

/**
 * Opens the folder of token keys: `<folder>/<tenant>/<kid>.pem`, 0600, outside the database and its backups. Throws Unavailable
 * when somebody else could read one.
 */
export async function openTokenKeys(folder: string, ports: TokenKeyPorts): Promise<TokenKeys> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const held = new Map<string, SigningKey>()
  for (const tenant of await readdir(folder)) await readKeys(join(folder, tenant), held)
  const step = async (name: TenantName, forced: boolean): Promise<void> => {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const { revision, tenants } = ports.snapshot()
      const published = [...(tenants.get(name)?.keys.values() ?? [])]
      if (published.some(({ key }) => !held.has(key))) await readKeys(join(folder, name), held)
      const plan = planFor(published, toSeconds(ports.now()), forced)
      if (!plan) return
      for (const fresh of plan.fresh) await writeKey(join(folder, name), fresh)
      for (const fresh of plan.fresh) held.set(fresh.kid, fresh)
      const event = {
        tenant: name,
        at: ports.now(),
        kind: 'admin',
        outcome: 'done',
        reason: plan.reason,
      } as const
      const changes = plan.keys
        .map((doc) => draft(name, doc))
        .concat(plan.gone.map((kid) => removed(name, kid)))
      const written = await ports.store.commit({ events: [event], changes, ifRevision: revision })
      await ports.refresh()
      const lost = written.done ? plan.gone : plan.fresh.map(({ kid }) => kid)
      for (const kid of lost) await forget(join(folder, name), kid, held)
      if (written.done) return
    }
    throw new Unavailable('keys.contended', 'the registry kept changing while token keys were written')
  }
  return {
    signerFor: (tenant) => {
      const keys = ports.snapshot().tenants.get(tenant)?.keys
      return keys && held.get(currentKid(keys))
    },
    tend: (tenant) => step(tenant, false),
    turn: (tenant) => step(tenant, true),
  }
}

const currents = new WeakMap<object, string>()

function currentKid(keys: ReadonlyMap<string, PublishedKey>): string {
  const before = currents.get(keys)
  if (before !== undefined) return before
  const found = [...keys.values()].find(({ state }) => state === 'current')?.key ?? ''
  currents.set(keys, found)
  return found
}

type Plan = {
  readonly reason: 'keys.made' | 'keys.turned' | 'keys.retired'
  readonly keys: readonly PublishedKey[]
  readonly fresh: readonly SigningKey[]
  readonly gone: readonly string[]
}

/**
 * Two are published at any time: current and next, then after a turn previous and current, then current and next again. `created` is when
 * a key took its present state.
 */
function planFor(published: readonly PublishedKey[], now: number, forced: boolean): Plan | undefined {
  const of = (state: PublishedKey['state']) => published.find((key) => key.state === state)
  const [current, next, previous] = [of('current'), of('next'), of('previous')]
  if (!current) {
    const [first, second] = [newSigningKey(), newSigningKey()]
    return {
      reason: 'keys.made',
      keys: [publish(first, 'current', now), publish(second, 'next', now)],
      fresh: [first, second],
      gone: [],
    }
  }
  if (next) {
    if (!forced && now - current.created < SIGNS) return undefined
    const keys = [
      { ...current, state: 'previous', created: now },
      { ...next, state: 'current', created: now },
    ] as const
    return { reason: 'keys.turned', keys, fresh: [], gone: [] }
  }
  if (!forced && previous && now - previous.created < OUTLIVES) return undefined
  const fresh = newSigningKey()
  return {
    reason: 'keys.retired',
    keys: [publish(fresh, 'next', now)],
    fresh: [fresh],
    gone: previous ? [previous.key] : [],
  }
}

function publish({ kid, jwk }: SigningKey, state: PublishedKey['state'], created: number): PublishedKey {
  return { key: kid, state, created, jwk }
}

function draft(tenant: TenantName, doc: PublishedKey): ChangeDraft {
  return { tenant, kind: 'key', name: doc.key, doc }
}

function removed(tenant: TenantName, kid: string): ChangeDraft {
  return { tenant, kind: 'key', name: kid, doc: null }
}

async function readKeys(folder: string, held: Map<string, SigningKey>): Promise<void> {
  const files = await readdir(folder).catch(() => [])
  for (const file of files.filter((name) => name.endsWith('.pem'))) {
    const path = join(folder, file)
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0)
      throw new Unavailable('keys.open_file', `${path} may be read by others; it must be 0600`)
    const key = importSigningKey(await readFile(path, 'utf8'))
    held.set(key.kid, key)
  }
}

/** Written whole under another name, synced, then linked into place: a crash leaves a key or none, never half of one. */
async function writeKey(folder: string, key: SigningKey): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `${key.kid}.pem`)
  const fresh = `${path}.${process.pid}.new`
  const file = await open(fresh, 'wx', 0o600)
  try {
    await file.writeFile(exportSigningKey(key))
    await file.sync()
  } finally {
    await file.close()
  }
  await link(fresh, path)
  await rm(fresh)
}

async function forget(folder: string, kid: string, held: Map<string, SigningKey>): Promise<void> {
  held.delete(kid)
  await rm(join(folder, `${kid}.pem`), { force: true })
}
