import type { Guard } from './guard.ts'

const REVOCATION = ['test/e2e/sign-in-revocation.test.ts']
const KEYS = ['test/e2e/sign-in-keys.test.ts']
const PROVE = 'src/flows/sign-in/prove-client.ts'
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
  {
    name: 'client-key-shown',
    file: PROVE,
    find: "if (assertion === undefined) return no('client.proof_missing')",
    replace: 'if (assertion === undefined) return ok(found)',
    why: 'whoever knows the name of a client with a key is that client',
    tests: KEYS,
  },
  {
    name: 'client-assertion-once',
    file: PROVE,
    find: '(await view.ports.store.commit({ events: [], spend: once })).done ? ok(found) : ASSERTION_REPLAYED',
    replace:
      "(await view.ports.store.commit({ events: [], spend: once })).done || once.key !== '' ? ok(found) : ASSERTION_REPLAYED",
    why: 'who sees an assertion is its client for five minutes',
    tests: KEYS,
  },
  {
    name: 'client-assertion-audience',
    file: 'src/lib/jose/client-assertion.ts',
    find: 'soleAudience: true,',
    replace: 'soleAudience: false,',
    why: 'another issuer that was given an assertion can show it here',
    tests: [...KEYS, 'src/attestors/private-key-jwt/attestor.test.ts'],
  },
  {
    name: 'client-registered-key',
    file: 'src/core/identity/oauth-client.ts',
    find: "return keys !== undefined && source !== 'registered' ? 'enrolled' : 'claimed'",
    replace: "return keys !== undefined && source !== undefined ? 'enrolled' : 'claimed'",
    why: 'a key made a second ago leads past permits that do not say claimed',
    tests: KEYS,
  },
  {
    name: 'client-keys-listed',
    file: 'src/flows/sign-in/read-client-keys.ts',
    find: 'url !== null && (hosts === undefined || hosts.includes(url.host))',
    replace: 'url !== null && (hosts === undefined || hosts.length > 0)',
    why: 'anybody makes us fetch from anywhere',
    tests: KEYS,
  },
  {
    name: 'push-proof',
    file: 'src/flows/sign-in/push-authorization.ts',
    find: 'if (!proven.ok) return proven',
    replace: '',
    why: 'a request is pushed in the name of a client with a key by whoever knows the name',
    tests: KEYS,
  },
  {
    name: 'step-up-judged',
    file: 'src/flows/wider-scope.ts',
    find: "return tool && whole.outcome === 'allow' ?",
    replace: 'return tool && whole.outcome !== undefined ?',
    why: 'people are asked to agree to what stays forbidden, and learn that it is there',
    tests: ['test/e2e/sign-in-step-up.test.ts'],
  },
  {
    name: 'cors-listed',
    file: 'src/lib/http/cors.ts',
    find: 'return cors.origins.has(origin) ?',
    replace: "return cors.origins.has(origin) || origin !== '' ?",
    why: 'scripts of any site read what an MCP server answers to whoever has a token there',
    tests: ['src/lib/http/cors.test.ts', 'test/surface/cors.test.ts'],
  },
]
