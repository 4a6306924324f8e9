import type { Guard } from './guard.ts'

const REVOCATION = ['test/e2e/sign-in-revocation.test.ts']
const INTROSPECT = 'src/flows/introspect-token.ts'
const RENEW = 'src/flows/sign-in/renew-session.ts'

/** What clients that people sign in through may do with tokens beyond using them. */
export const CLIENT_GUARDS: readonly Guard[] = [
  {
    name: 'revoke-own-client',
    file: INTROSPECT,
    find: 'return claims.client_id === asker.found.workload.id && claims.lin.includes(own)',
    replace: "return claims.client_id === asker.found.workload.id && own !== ''",
    why: 'of two clients that are one agent, each ends the tokens of the other',
    tests: REVOCATION,
  },
  {
    name: 'refresh-family',
    file: RENEW,
    find: 'if (!held || !isOfFamily(held, token.key)) return undefined',
    replace: "if (!held || isOfFamily(held, '')) return undefined",
    why: 'whoever reads the id of a session in a token or a log ends it',
    tests: REVOCATION,
  },
  {
    name: 'refresh-client',
    file: RENEW,
    find: 'if (kept.agreement.request.clientId !== clientId) return undefined',
    replace: '',
    why: "one client renews or ends another's session",
    tests: [...REVOCATION, 'test/e2e/sign-in.test.ts'],
  },
  {
    name: 'introspect-proof',
    file: 'src/protocols/oauth/routes.ts',
    find: "const counts = endpoint === 'revoke' ? by.value : proving",
    replace: "const counts = endpoint === 'revoke' ? by.value : { ...proving, ...by.value }",
    why: 'whoever knows the name of a client can try tokens',
    tests: REVOCATION,
  },
]
