import type { Revision, TenantName } from '../core/ids.ts'
import type { Definition } from '../core/policy/definition.ts'
import { type Refusal, refuse, Unavailable } from '../core/refusal.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { DefinitionPorts } from './take-definitions.ts'

export type AcceptAsk = {
  readonly tenant: TenantName
  /** `<resource>/<tool>`. */
  readonly definition: string
  /** Of the very text that the person has looked at: what waits, or what was accepted before. */
  readonly sha256: string
  readonly reason: string
  /** Who has looked, as the audit names them. */
  readonly by: string
}
export type AcceptedDefinition = {
  readonly definition: string
  readonly sha256: string
  readonly revision: Revision
}

const TRIES = 8

/**
 * A person has looked: from this revision on the definition with that hash counts, and nothing waits. Naming the one that was accepted
 * before keeps it, and drops what waits. Refuses `tenant.unknown`, `definition.none`, and `definition.other` when the hash is
 * of neither, as when the server has changed its word since the person looked.
 */
export async function acceptDefinition(
  ports: DefinitionPorts,
  ask: AcceptAsk,
): Promise<Result<AcceptedDefinition, Refusal>> {
  const { tenant, definition: name, sha256, reason, by } = ask
  for (let tries = 0; tries < TRIES; tries += 1) {
    const { revision, tenants } = ports.snapshot()
    const known = tenants.get(tenant)
    if (!known) return err(refuse('unknown', 'tenant.unknown', 'There is no such tenant.'))
    const before = known.definitions.get(name)
    if (!before) return err(NONE)
    const doc = withAccepted(before, sha256)
    if (!doc) return err(OTHER)
    const [resource = '', tool = ''] = split(name)
    const facts = { seen: sha256, was: before.accepted?.sha256 ?? '', why: reason.slice(0, 200) }
    const event = { tenant, at: ports.now(), kind: 'admin', outcome: 'done', resource, tool, facts } as const
    const written = await ports.store.commit({
      events: [{ ...event, reason: 'definition.accepted', personal: { user: by } }],
      changes: [{ tenant, kind: 'definition', name, doc }],
      ifRevision: revision,
    })
    await ports.refresh()
    if (written.done) return ok({ definition: name, sha256, revision: written.revision })
  }
  throw new Unavailable('store.conflict', 'the registry changed too often to accept this')
}

function withAccepted({ definition, accepted, waiting }: Definition, sha256: string): Definition | undefined {
  const looked = [waiting, accepted].find((each) => each?.sha256 === sha256)
  if (!looked) return undefined
  const { at, text } = looked
  return { definition, accepted: { sha256, at, text, by: 'person' } }
}

/** A resource's name holds no slash; a tool's may. */
function split(name: string): readonly [string, string] {
  const at = name.indexOf('/')
  return [name.slice(0, at), name.slice(at + 1)]
}

const NONE = refuse('unknown', 'definition.none', 'Nothing was seen yet of such a tool.')
const OTHER = refuse(
  'malformed',
  'definition.other',
  'The definition that was looked at neither waits nor counts: the server behind has said something else since. Look again.',
)
