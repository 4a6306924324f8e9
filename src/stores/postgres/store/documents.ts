import type { ClientBase, Pool, PoolClient } from 'pg'
import type { Revision, TenantName } from '../../../core/ids.ts'
import { revision } from '../../../core/ids.ts'
import { Bug } from '../../../core/refusal.ts'
import type { Change, ChangeDraft } from '../../../core/registry.ts'
import { acrossTenants } from './scope.ts'

/** The channel that a commit with changes notifies; the payload is its newest revision. */
export const CHANNEL = 'countersign_changes'

const HEAD = { name: 'head', text: 'select revision from countersign.revision' }
const LOCK_HEAD = { name: 'lock_head', text: 'select revision from countersign.revision for update' }
const RAISE = {
  name: 'raise_revision',
  text: 'update countersign.revision set revision = revision + $1 returning revision',
}
const PUT = {
  name: 'put_objects',
  text: `with put as (
      insert into countersign.objects (tenant, kind, name, doc, revision)
      select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
      on conflict (tenant, kind, name) do update set doc = excluded.doc, revision = excluded.revision
    )
    select pg_notify('${CHANNEL}', $6)`,
}
const CHANGES = {
  name: 'changes',
  text: `select tenant, kind, name, doc, revision from countersign.objects
    where revision > $1 order by revision, tenant, kind, name`,
}

type RevisionRow = { readonly revision: bigint }
type ObjectRow = {
  readonly tenant: TenantName
  readonly kind: string
  readonly name: string
  readonly doc: string | null
  readonly revision: bigint
}

async function readRevision(
  client: Pool | ClientBase,
  query: typeof HEAD,
  values: unknown[] = [],
): Promise<Revision> {
  const { rows } = await client.query<RevisionRow>({ ...query, values })
  const [row] = rows
  if (!row) throw new Bug('the registry has no revision')
  return revision(Number(row.revision))
}

/** The newest committed revision; it belongs to no tenant, so it needs no scope. */
export function readHead(client: Pool | ClientBase): Promise<Revision> {
  return readRevision(client, HEAD)
}

/** Nobody else commits changes until this transaction ends. */
export function lockHead(client: PoolClient): Promise<Revision> {
  return readRevision(client, LOCK_HEAD)
}

/** Writes each group of changes under a revision of its own, and answers these in order. */
export async function putChanges(
  client: PoolClient,
  groups: readonly (readonly ChangeDraft[])[],
): Promise<readonly Revision[]> {
  if (groups.length === 0) return []
  const newest = await readRevision(client, RAISE, [groups.length])
  const revisions = groups.map((_, at) => revision(newest - groups.length + 1 + at))
  // An object that changes twice is written once, as it is at the end: a statement can't touch a row twice.
  const rows = new Map<string, readonly [ChangeDraft, Revision]>()
  for (const [at, changes] of groups.entries()) {
    for (const each of changes) {
      rows.set(JSON.stringify([each.tenant, each.kind, each.name]), [each, revisions[at] ?? newest])
    }
  }
  const all = [...rows.values()]
  await client.query({
    ...PUT,
    values: [
      all.map(([each]) => each.tenant),
      all.map(([each]) => each.kind),
      all.map(([each]) => each.name),
      all.map(([each]) => (each.doc === null ? null : JSON.stringify(each.doc))),
      all.map(([, at]) => at),
      String(newest),
    ],
  })
  return revisions
}

/** Documents were checked against their schema when they were written; here they are only read. */
function changeOf({ doc, ...row }: ObjectRow): Change {
  return { ...row, revision: Number(row.revision), doc: doc === null ? null : JSON.parse(doc) } as Change
}

export async function readChanges(pool: Pool, after: Revision): Promise<readonly Change[]> {
  const { rows } = await acrossTenants(pool, (client) =>
    client.query<ObjectRow>({ ...CHANGES, values: [after] }),
  )
  return rows.map(changeOf)
}
