import type { Guard } from './guard.ts'

const ACCESS = 'src/flows/verify-access-token.ts'
const AT_GATEWAY = 'src/flows/authenticate-at-gateway.ts'
const JWT = 'src/lib/jose/jwt.ts'
const JWS = 'src/lib/jose/jws.ts'
const STRANGERS = 'test/surface/strangers.test.ts'

/** Who is calling, and with what. */
export const PROOF_GUARDS: readonly Guard[] = [
  {
    name: 'tenant',
    demo: true,
    file: AT_GATEWAY,
    find: `  const presented = { method, authorization, dpop, url: target.uri }
  const expected = { issuer: target.issuer, audience: target.uri }
  const now = toSeconds(point.now())
  const access = verifyAccessToken(presented, expected, target.view, now, enforcement.access)`,
    replace: `  const presented = { method, authorization, dpop, url: target.uri }
  const now = toSeconds(point.now())
  const payload = Buffer.from((authorization[0] ?? '').split('.')[1] ?? '', 'base64url').toString()
  const stated = payload.startsWith('{"') && payload.endsWith('}') ? JSON.parse(payload) : {}
  const iss = String(stated.iss ?? target.issuer)
  const theirs = point.snapshot().tenants.get(iss.slice(iss.lastIndexOf('/') + 1) as TenantName) ?? target.view
  const expected = { issuer: iss, audience: String(stated.aud ?? target.uri) }
  const access = verifyAccessToken(presented, expected, theirs, now, enforcement.access)`,
    why: "a gateway takes any tenant's token at any tenant's URL",
    tests: ['src/protocols/mcp/door.test.ts', 'test/surface/tenant-matrix.test.ts'],
  },
  {
    name: 'audience',
    demo: true,
    file: ACCESS,
    find: `if (expected.audience !== null && claims.aud !== expected.audience) return no('token.audience')`,
    replace: '',
    why: 'a token for one resource opens another',
    tests: ['src/flows/verify-access-token.test.ts', STRANGERS],
  },
  {
    name: 'dpop',
    demo: true,
    file: ACCESS,
    find: `if (jkt === undefined) return held.bound ? no('token.not_bound') : ok(undefined)`,
    replace: 'if (jkt === undefined || jkt) return ok(undefined)',
    why: 'a stolen token works without the key it is bound to',
    tests: ['src/flows/verify-access-token.test.ts', STRANGERS],
  },
  {
    name: 'dpop-key',
    file: ACCESS,
    find: `return proof.value.jkt === jkt ? ok(undefined) : no('dpop.key_mismatch')`,
    replace: 'return ok(undefined)',
    why: 'a proof of any key is good enough',
    tests: ['src/flows/verify-access-token.test.ts'],
  },
  {
    name: 'dpop-token',
    file: 'src/lib/jose/dpop.ts',
    find: `if (accessToken !== undefined && claims.ath !== hash('sha256', accessToken, 'base64url')) {`,
    replace: 'if (accessToken !== undefined && accessToken === claims.ath) {',
    why: 'a proof made for one token serves for another',
    tests: ['src/lib/jose/dpop.test.ts'],
  },
  {
    name: 'dpop-url',
    file: 'src/lib/jose/dpop.ts',
    find: `if (!sameTarget(claims.htu, check.url)) return badProof('dpop.url', 'The DPoP proof is for another URL.')`,
    replace: '',
    why: 'a proof made for one server serves at another',
    tests: ['src/lib/jose/dpop.test.ts'],
  },
  {
    name: 'replay',
    file: 'src/lib/jose/dpop-replay.ts',
    find: `if (end !== undefined && end > now) return 'seen'`,
    replace: '',
    why: 'a proof that was seen works again',
    tests: ['src/lib/jose/dpop.test.ts'],
  },
  {
    name: 'issuer',
    file: JWT,
    find: 'if (rules.issuer !== null && claims.iss !== rules.issuer) {',
    replace: 'if (rules.issuer === undefined) {',
    why: 'whoever shares a key may sign as anybody',
    tests: ['src/lib/jose/jwt.test.ts'],
  },
  {
    name: 'typ',
    file: JWT,
    find: 'return expected.some((typ) => plainTyp(typ) === plain)',
    replace: 'return expected.length > 0 && plain !== undefined',
    why: 'one kind of token passes for another',
    tests: ['src/lib/jose/jwt.test.ts', STRANGERS],
  },
  {
    name: 'sole-audience',
    file: JWT,
    find: 'if (fits && (!rules.soleAudience || stated.length === 1)) return undefined',
    replace: 'if (fits) return undefined',
    why: 'a token that somebody else may use too is taken as proof of who asks',
    tests: ['src/lib/jose/jwt.test.ts', STRANGERS],
  },
  {
    name: 'expiry',
    file: ACCESS,
    find: `if (claims.exp <= now) return no('token.expired')`,
    replace: '',
    why: 'a remembered token works past its end',
    tests: ['src/flows/verify-access-token.test.ts'],
  },
  {
    name: 'signature',
    file: JWS,
    find: 'const key = possible.find((candidate) => signatureHolds(jws, candidate))',
    replace: 'const [key] = possible',
    why: 'what anybody wrote is believed',
    tests: ['src/lib/jose/jwt.test.ts', STRANGERS],
  },
  {
    name: 'algorithm',
    file: JWS,
    find: 'if (!algorithms.includes(jws.alg)) {',
    replace: 'if (algorithms.length === 0) {',
    why: 'a token says by which algorithm it wants to be believed',
    tests: ['src/lib/jose/jwt.test.ts'],
  },
  {
    name: 'canonical-base64',
    file: JWS,
    find: `return bytes.toString('base64url') === part ? bytes : undefined`,
    replace: 'return bytes',
    why: 'one token has several spellings, and whatever is remembered by its text misses the others',
    tests: ['src/lib/jose/jwt.test.ts', STRANGERS],
  },
  {
    name: 'evidence-pin',
    file: 'src/attestors/oidc-token/rules.ts',
    find: '    pinned(trust, claims) ??\n',
    replace: '',
    why: 'whoever is given the name of a workload that was removed is taken for it',
    tests: ['src/attestors/oidc-token/attestor.test.ts'],
  },
  {
    name: 'evidence-match',
    file: 'src/core/identity/attestation.ts',
    find: 'if (matching.length > 1) {',
    replace: 'if (matching.length > 1000) {',
    why: 'evidence that fits two agents is given to the one that comes first',
    tests: ['src/core/identity/attestation.test.ts'],
  },
  {
    name: 'evidence-key',
    file: 'src/flows/attest-agent.ts',
    find: 'if (previous !== undefined && previous !== jkt) await endOldKey(view, caller, previous)',
    replace: '',
    why: 'a copy of a token file works beside the instance it was taken from, and nobody hears of it',
    tests: ['test/conformance/rfc8693.test.ts'],
  },
  {
    name: 'agent-home',
    file: 'src/flows/caller.ts',
    find: `  if (!agent || splitAgentId(agent).home !== home) return no('client.not_its_home')
  const doc = view.snapshot.tenants.get(home)?.agents.get(agent)`,
    replace: `  if (!agent) return no('client.not_its_home')
  const doc = view.snapshot.tenants.get(splitAgentId(agent).home)?.agents.get(agent)`,
    why: "any tenant's key can speak for any tenant's agents",
    tests: ['test/conformance/rfc7523bis.test.ts', STRANGERS],
  },
  {
    name: 'actor-home',
    file: 'src/flows/exchange-token.ts',
    find: 'return iss === home && sub === caller.workload.id && cnf.jkt === caller.jkt',
    replace: 'return iss !== home || (sub === caller.workload.id && cnf.jkt === caller.jkt)',
    why: "any tenant's key can say again who acts",
    tests: [STRANGERS],
  },
  {
    name: 'subject-audience',
    file: 'src/flows/verify-user-token.ts',
    find: `if (!isForUs(view, claims, idp, caller, accessToken)) return no('subject.audience')`,
    replace: '',
    why: "an ID token that another application got opens that user's data",
    tests: ['test/conformance/rfc8693.test.ts', STRANGERS],
  },
  {
    name: 'may-act',
    file: 'src/flows/verify-user-token.ts',
    find: `if (!mayAct(view, claims, idp, caller)) return no('subject.may_act')`,
    replace: '',
    why: 'a token that lets one agent act lets every agent act',
    tests: ['test/conformance/rfc8693.test.ts'],
  },
  {
    name: 'logged-out',
    file: 'src/flows/verify-user-token.ts',
    find: `if (loggedOut(view.tenant, login, logins)) return no('login.ended')`,
    replace: '',
    why: 'an ID token from before the sign-out still begins a session',
    tests: ['test/conformance/oidc-backchannel-logout.test.ts'],
  },
]
