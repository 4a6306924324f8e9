import { describe } from 'vitest'
import type { StoresUnderTest } from './contract-drafts.ts'
import { heldContract } from './contract-held.ts'
import { journalContract, repeatContract } from './contract-journal.ts'
import { keptContract, renewalContract } from './contract-kept.ts'
import { appendContract, exportContract, findContract } from './contract-log.ts'
import { leaseContract, onceContract, sessionContract } from './contract-once.ts'
import { documentContract, revisionContract } from './contract-registry.ts'

export type { StoresUnderTest } from './contract-drafts.ts'

/** What every Store keeps. `stores` opens two on one database, and names a tenant no other test uses. */
export function storeContract(name: string, stores: () => Promise<StoresUnderTest>): void {
  describe(`${name} as a store`, () => {
    documentContract(stores)
    revisionContract(stores)
    onceContract(stores)
    sessionContract(stores)
    leaseContract(stores)
    keptContract(stores)
    renewalContract(stores)
    heldContract(stores)
    appendContract(stores)
    findContract(stores)
    exportContract(stores)
    journalContract(stores)
    repeatContract(stores)
  })
}
