import type { KeptKind } from '../../core/kept.ts'
import type { EpochSeconds } from '../../core/time.ts'
import { keyDigest } from '../../lib/random-key.ts'
import type { AuthorityView } from '../authority.ts'

/** What a step leaves for the next one. */
export type Step = {
  readonly kind: KeptKind
  /** By which whoever takes the next step finds it again; only its digest is stored. */
  readonly key: string
  readonly doc: object
  /** Seconds. */
  readonly life: number
}

/** Keeps it for every authority, once, until its end. Throws `Unavailable`. */
export async function keepStep(view: AuthorityView, { kind, key, doc, life }: Step): Promise<void> {
  await view.ports.signIn.kept.keep({
    tenant: view.name,
    kind,
    digest: keyDigest(key),
    doc: JSON.stringify(doc),
    expires: (view.now + life) as EpochSeconds,
  })
}
