import { join } from 'node:path'
import { signCheckpoint } from '../core/audit/checkpoint.ts'
import { treeHash } from '../core/audit/merkle-log.ts'
import { type NoteSigner, noteKey, noteKeyText } from '../core/audit/signed-note.ts'
import type { TenantName } from '../core/ids.ts'
import type { Store } from '../core/ports.ts'
import { Unavailable } from '../core/refusal.ts'
import { keyFile } from './key-file.ts'

/** Signs what tenants' logs have come to. */
export type Checkpointer = {
  /** Origin of a tenant's log: `<log name>/t/<tenant>`. */
  readonly origin: (tenant: TenantName) => string
  /** The verifier key as text: what an auditor needs, and may be published. */
  readonly logKey: string
  /** The newest checkpoint of a tenant's log; a new one is signed and saved when the log has grown. */
  readonly checkpoint: (tenant: TenantName) => Promise<{ readonly size: number; readonly note: string }>
}

/** The audit signing key is not a token key, and is named after the log, not after a tenant. */
export async function openCheckpointer(keys: string, logName: string, store: Store): Promise<Checkpointer> {
  const pair = await keyFile(join(keys, 'audit-log.key'), 'ed25519')
  const signer: NoteSigner = { name: logName, ...pair }
  const origin = (tenant: TenantName) => `${logName}/t/${tenant}`
  return {
    origin,
    logKey: noteKeyText(noteKey(logName, pair.publicKey)),
    checkpoint: async (tenant) => {
      const latest = await store.latestCheckpoint(tenant)
      // The tree is read from the row that every append locks, so two checkpoints always continue one another.
      const tree = await store.tree(tenant)
      if (latest && latest.size >= tree.size) return latest
      const root = treeHash(tree.root)
      if (!root) throw new Unavailable('audit.tree', "the log's tree can't be read")
      const note = signCheckpoint({ origin: origin(tenant), size: tree.size, root }, signer)
      await store.saveCheckpoint(tenant, tree.size, note)
      return { size: tree.size, note }
    },
  }
}
