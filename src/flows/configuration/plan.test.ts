import { describe, expect, test } from 'vitest'
import type { TenantName } from '../../core/ids.ts'
import { revision } from '../../core/ids.ts'
import type { Change, ChangeDraft } from '../../core/registry.ts'
import { DOCUMENTS } from '../../core/registry.ts'
import { planChanges } from './plan.ts'

const acme = 'acme' as TenantName
const idp = (users: 'any' | 'listed'): ChangeDraft => {
  const doc = DOCUMENTS.idp.parse({ idp: 'company', issuer: 'https://idp.example', users })
  return { tenant: acme, kind: 'idp', name: 'company', doc }
}
const person = (name: string, more: object = {}): ChangeDraft => {
  return {
    tenant: acme,
    kind: 'user',
    name,
    doc: DOCUMENTS.user.parse({ user: name, idp: 'company', sub: 'ana', ...more }),
  }
}
const stored = (draft: ChangeDraft): Change => ({ ...draft, revision: revision(1) }) as Change

describe('a person who came by a sign-in', () => {
  const came = person('company:ana', { registered: true })
  const removed = (declared: readonly ChangeDraft[]) =>
    planChanges(declared, [stored(came)])
      .lines.filter(({ how }) => how === 'remove')
      .map(({ name }) => name)

  test.each([
    ['stays while no file says who they are', [idp('any')], []],
    ['goes when a file does', [idp('any'), person('ana@acme.example')], ['company:ana']],
    ["goes when their provider's users must be listed", [idp('listed')], ['company:ana']],
    ['goes with their provider', [], ['company:ana']],
  ])('%s', (_what, declared, gone) => {
    const tenant = {
      tenant: acme,
      kind: 'tenant',
      name: 'acme',
      doc: DOCUMENTS.tenant.parse({ tenant: 'acme' }),
    }
    expect(removed([tenant as ChangeDraft, ...declared])).toEqual(gone)
  })

  test('is not one whom a file listed', () => {
    const tenant = {
      tenant: acme,
      kind: 'tenant',
      name: 'acme',
      doc: DOCUMENTS.tenant.parse({ tenant: 'acme' }),
    }
    const { lines } = planChanges([tenant as ChangeDraft, idp('any')], [stored(person('ana@acme.example'))])
    expect(lines.map(({ how, name }) => `${how} ${name}`)).toContain('remove ana@acme.example')
  })
})
