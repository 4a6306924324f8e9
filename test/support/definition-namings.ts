import type { Askers, Naming } from './namings.ts'

const SEEN = '/gateway/v1/definitions'
const KNOWN = '/admin/v1/t/:tenant/definitions/:resource/:tool'

/** What a gateway says it saw, of places that it is not listed for. */
export function seenNamings({ withToken }: Pick<Askers, 'withToken'>): readonly Naming[] {
  const seen = [{ tool: 'get_order', definition: { name: 'get_order' } }]
  const tell = (tenant: string, resource: string) =>
    withToken('gateway token', 'POST', SEEN, { tenant, resource, seen })
  return [
    {
      route: `POST ${SEEN}`,
      says: 'a tenant that it is not listed for',
      names: ['operator', 'nowhere'],
      ask: (name) => tell(name, 'orders'),
    },
    {
      route: `POST ${SEEN}`,
      says: 'a resource of B in A',
      names: ['only-b', 'zz-none'],
      ask: (name) => tell('a', name),
    },
  ]
}

export function definitionNamings({ asAdmin }: Pick<Askers, 'asAdmin'>): readonly Naming[] {
  const accepting = { sha256: 'x'.repeat(43), reason: 'matrix' }
  const at = (name: string) => `/admin/v1/t/a/definitions/${name}/get_order`
  const names = ['only-b', 'zz-none'] as const
  return [
    {
      route: `GET ${KNOWN}`,
      says: 'what is known of a tool of B',
      names,
      ask: (name) => asAdmin('GET', at(name)),
    },
    {
      route: `POST ${KNOWN}`,
      says: 'a definition of B to accept',
      names,
      ask: (name) => asAdmin('POST', at(name), accepting),
    },
  ]
}
