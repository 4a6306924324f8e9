import { expect, test } from 'vitest'
import { STORIES, snapshotOf } from '../../test/properties/decide-world.ts'
import type { TenantName } from '../core/ids.ts'
import { stalenessMs, type Target } from './authenticate-at-gateway.ts'

const snapshot = await snapshotOf(STORIES)
const tenant = 'a' as TenantName
const view = snapshot.tenants.get(tenant)
const known = view?.resources.get('orders')?.resource
if (view === undefined || known?.type !== 'mcp') throw new Error('the story has orders')

const target = (over: object, staleness = '30s'): Target => ({
  tenant,
  view: { ...view, tenant: { ...view.tenant, staleness } },
  resource: { ...known, ...over },
  uri: '',
  issuer: '',
})

test.each([
  ['the tenant says', 'read', target({}), 30_000],
  ['5 s for a write', 'write', target({}), 5000],
  ['5 s for confidential data', 'read', target({ labels: ['confidential'] }), 5000],
  ['5 s where not everything may flow', 'read', target({ clearance: 'internal' }), 5000],
  ['the tenant says, where that is less', 'write', target({}, '2s'), 2000],
  ['the resource says, for anything', 'write', target({ staleness: '1m', labels: ['confidential'] }), 60_000],
] as const)('a view may be as old as %s', (_name, hint, asked, expected) => {
  expect(stalenessMs(asked, hint)).toBe(expected)
})
