import { encode, FORM } from './caller.ts'
import type { Knock } from './knock.ts'
import type { Matrix, Naming } from './namings.ts'

/** What browsers and clients that prove nothing may name. */
export function signInNamings({ surface }: Pick<Matrix, 'surface'>): readonly Naming[] {
  const wanted = { response_type: 'code', code_challenge_method: 'S256', code_challenge: 'x'.repeat(43) }
  const asked = (client_id: string) => encode({ ...wanted, client_id, resource: surface.uri('a', 'orders') })
  const form = (path: string, body: string): Knock => {
    return { method: 'POST', path, headers: { 'content-type': FORM, origin: surface.origin }, body }
  }
  return [
    {
      route: 'GET /t/:tenant/authorize',
      says: 'a client of B',
      names: ['only-b', 'zz-none'],
      ask: (client) => ({ method: 'GET', path: `/t/a/authorize?${asked(client)}` }),
    },
    {
      route: 'POST /t/:tenant/par',
      says: 'a client of B',
      names: ['only-b', 'zz-none'],
      ask: (client) => form('/t/a/par', asked(client)),
    },
    {
      route: 'POST /t/:tenant/token',
      says: 'a client of B',
      names: ['only-b', 'zz-none'],
      ask: (client_id) => {
        const grant = { grant_type: 'authorization_code', code: 'x', code_verifier: 'x'.repeat(43) }
        return form('/t/a/token', encode({ ...grant, client_id }))
      },
    },
    {
      route: 'GET /t/:tenant/sign-in',
      says: 'a sign-in',
      names: ['y'.repeat(43), 'z'.repeat(43)],
      ask: (state) => ({ method: 'GET', path: `/t/a/sign-in?state=${state}&code=x` }),
    },
    {
      route: 'POST /t/:tenant/consent',
      says: 'a question',
      names: ['y'.repeat(43), 'z'.repeat(43)],
      ask: (ticket) => form('/t/a/consent', encode({ ticket, answer: 'allow' })),
    },
    {
      route: 'GET /t/:tenant/connect/:ticket',
      says: 'a link',
      names: ['y'.repeat(43), 'z'.repeat(43)],
      ask: (ticket) => ({ method: 'GET', path: `/t/a/connect/${ticket}` }),
    },
    {
      route: 'POST /t/:tenant/connect',
      says: 'a question',
      names: ['y'.repeat(43), 'z'.repeat(43)],
      ask: (ticket) => form('/t/a/connect', encode({ ticket, answer: 'allow' })),
    },
    {
      route: 'GET /t/:tenant/connected',
      says: 'an authorization',
      names: ['y'.repeat(43), 'z'.repeat(43)],
      ask: (state) => ({ method: 'GET', path: `/t/a/connected?state=${state}&code=x` }),
    },
    {
      route: 'POST /t/:tenant/connections',
      says: 'a list',
      names: ['y'.repeat(43), 'z'.repeat(43)],
      ask: (ticket) => form('/t/a/connections', encode({ ticket, resource: 'orders' })),
    },
    {
      route: 'POST /t/:tenant/register',
      says: 'a name of B',
      names: ['only-b', 'zz-none'],
      ask: (client_name) => ({
        method: 'POST',
        path: '/t/a/register',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ client_name, redirect_uris: ['https://x.example/y'] }),
      }),
    },
  ]
}
