import type { Askers, Naming } from './namings.ts'
import type { Place } from './places.ts'

/** Policies that the demo doesn't have, so that some token of tenant A is good for asking there. */
export const ASKING_POLICIES = `
@id("support-asks")
permit (principal == Agent::"operator/support", action in Action::"authzen/*any", resource == Resource::"authzen");
`

const subject = { type: 'user', id: 'ana' }
const action = { name: 'list_products' }
const resource = { type: 'mcp', id: 'catalogue' }
const ASKED = { subject, action, resource }
const ENDPOINTS = ['evaluation', 'evaluations', 'search/subject', 'search/resource', 'search/action'] as const
const routeOf = (endpoint: string) => `POST /t/:tenant/access/v1/${endpoint}`

/** Where an enforcement point asks, each with a question that is right but for the token. */
export const ASKING_PLACES: readonly Place[] = ENDPOINTS.map((endpoint) => ({
  route: routeOf(endpoint),
  name: `AuthZEN ${endpoint}`,
  door: 'authority',
  how: 'dpop',
  takes: ['authzen token'],
  path: `/t/a/access/v1/${endpoint}`,
  json: ASKED,
  status: 200,
}))

/** The same questions with everything in them that anything reads. */
const PROPERTIES = { properties: { a: 'x' } }
const WHOLE = {
  subject: { ...subject, ...PROPERTIES },
  action: { ...action, ...PROPERTIES },
  resource: { ...resource, ...PROPERTIES },
  context: { agent: 'operator/support', user: 'ana' },
}
export const WHOLE_QUESTIONS: Readonly<Record<string, unknown>> = Object.fromEntries(
  ENDPOINTS.map((endpoint) => {
    const page = endpoint.startsWith('search/') ? { page: { token: 'x' } } : {}
    const options = { options: { evaluations_semantic: 'execute_all' } }
    const many = endpoint === 'evaluations' ? { ...options, evaluations: [WHOLE] } : {}
    return [routeOf(endpoint), { ...WHOLE, ...page, ...many }]
  }),
)

type Asked = {
  readonly subject?: object
  readonly action?: object
  readonly resource?: object
  readonly context?: object
}

/** What an enforcement point of tenant A may name of tenant B, in each part of a question, with every answer as long as it can be. */
const NAMED: readonly (readonly [says: string, names: Naming['names'], ask: (name: string) => Asked])[] = [
  ['a user of B', ['only-b', 'nobody'], (id) => ({ subject: { type: 'user', id } })],
  [
    'a user of B for whom an agent acts',
    ['only-b', 'nobody'],
    (user) => ({ subject: { type: 'agent', id: 'operator/support' }, context: { user } }),
  ],
  [
    'an agent that is no guest here',
    ['operator/pipeline', 'operator/nobody'],
    (id) => ({ subject: { type: 'agent', id } }),
  ],
  [
    'an agent that is no guest here, acting for a user',
    ['operator/pipeline', 'operator/nobody'],
    (agent) => ({ context: { agent } }),
  ],
  ['a resource of B', ['only-b', 'zz-none'], (id) => ({ resource: { type: 'mcp', id } })],
  ['a resource of B as a type', ['only-b', 'zz-none'], (type) => ({ resource: { type, id: 'x' } })],
  ['a tool of B', ['search', 'zz-none'], (name) => ({ action: { name } })],
]

export function askingNamings({ withToken }: Pick<Askers, 'withToken'>): readonly Naming[] {
  return ENDPOINTS.flatMap((endpoint) =>
    NAMED.map(
      ([says, names, ask]): Naming => ({
        route: routeOf(endpoint),
        says,
        names,
        ask: (name) => {
          const body = { ...ASKED, ...ask(name), options: { explain: true } }
          return withToken('authzen token', 'POST', `/t/a/access/v1/${endpoint}`, body)
        },
      }),
    ),
  )
}
