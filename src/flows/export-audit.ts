import {
  EXPORT_FORMAT,
  exportEndLine,
  exportEventLine,
  exportHeaderLine,
} from '../core/audit/audit-export.ts'
import { leafHash, type TreeHash } from '../core/audit/merkle-log.ts'
import { buildProof, growTree, inclusionPlan } from '../core/audit/merkle-proof.ts'
import type { TenantName } from '../core/ids.ts'
import type { LoggedEvent, Store } from '../core/ports.ts'

/** Signs and keeps checkpoints of tenants' logs. */
export type CheckpointPorts = {
  /** Name of a tenant's log, as its checkpoints state it. */
  readonly origin: (tenant: TenantName) => string
  /** The newest checkpoint; a new one is signed and saved when the log has grown. */
  readonly checkpoint: (tenant: TenantName) => Promise<{ readonly size: number; readonly note: string }>
  /** Public key of the log as auditors pin it (`name+id+key`). */
  readonly logKey: string
}

/** Above this many events an export comes without a proof for each: building them takes memory (about 100 bytes an event). */
const MOST_PROVEN = 100_000

/**
 * A tenant's whole log up to a checkpoint signed now, line by line (`src/core/audit/audit-export.ts`), without the newline. With up to
 * 100,000 events each has its proof, so that a verifier can name the one that was altered; a larger log is verified by its root alone.
 */
export async function* exportAudit(
  tenant: TenantName,
  store: Pick<Store, 'leaves'>,
  ports: CheckpointPorts,
): AsyncGenerator<string> {
  const { size, note } = await ports.checkpoint(tenant)
  yield exportHeaderLine({
    format: EXPORT_FORMAT,
    tenant,
    origin: ports.origin(tenant),
    from: 0,
    to: size,
    treeSize: size,
  })
  const proofOf = size > 0 && size <= MOST_PROVEN ? await prover(tenant, size, store) : undefined
  for await (const event of store.leaves(tenant, 0, size)) yield exportEventLine(lineOf(event, proofOf))
  yield exportEndLine({ checkpoint: note })
}

type ProofOf = (index: number) => readonly TreeHash[]

async function prover(tenant: TenantName, size: number, store: Pick<Store, 'leaves'>): Promise<ProofOf> {
  const hashes: TreeHash[] = []
  for await (const { leaf } of store.leaves(tenant, 0, size)) hashes.push(leafHash(leaf))
  const { read } = growTree(hashes)
  return (index) => buildProof(inclusionPlan(index, size), read)
}

function lineOf({ index, leaf, openings }: LoggedEvent, proofOf: ProofOf | undefined) {
  const shown = Object.keys(openings).length > 0 ? { openings: { ...openings } } : {}
  return { index, leaf, ...shown, ...(proofOf ? { proof: [...proofOf(index)] } : {}) }
}
