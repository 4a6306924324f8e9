import type { Guard } from './guard.ts'

const TOKEN = 'src/flows/verify-access-token.ts'
const JUDGE = 'src/core/policy/judge.ts'
const STANDING = 'src/core/policy/standing.ts'
const DECIDE_TESTS = ['test/properties', 'src/core/policy/decide.test.ts']

/** Takes a step out of the table that every question passes. */
function step(name: string): Guard['edits'] {
  return [{ file: STANDING, find: `  ${name},\n`, replace: '' }]
}

/** The guards that the demo can be run without, and the mutants too. */
const DEMO: readonly Guard[] = [
  {
    name: 'tenant',
    why: "one tenant's token is taken by another tenant's door",
    edits: [
      {
        file: TOKEN,
        find: "  if (stated.ok && stated.value.iss !== issuer) return no('token.issuer')\n",
        replace: '',
      },
      { file: TOKEN, find: "  if (claims.iss !== expected.issuer) return no('token.issuer')\n", replace: '' },
    ],
    tests: ['src/flows/verify-access-token.test.ts'],
    demo: true,
  },
  {
    name: 'user',
    why: 'the agent alone decides which data it reads',
    edits: [
      {
        file: JUDGE,
        find: 'judged.filter(({ refusal }) => refusal !== undefined)',
        replace: "judged.filter(({ refusal, side }) => refusal !== undefined && side.principal !== 'user')",
      },
    ],
    tests: DECIDE_TESTS,
    demo: true,
  },
  {
    name: 'revocation',
    why: 'what was ended goes on',
    edits: [
      {
        file: 'src/core/lifecycle/revocation.ts',
        find: 'if (revoked && (revoked.standing || rev < revoked.at))',
        replace: 'if (revoked && rev < 0)',
      },
    ],
    tests: ['src/flows/verify-access-token.test.ts', 'src/core/policy/decide.test.ts'],
    demo: true,
  },
  {
    name: 'conditions',
    why: 'a verified agent acts outside its hours, or sick',
    edits: [
      { file: JUDGE, find: "filter(({ state }) => state === 'holds')", replace: 'filter(() => true)' },
      {
        file: JUDGE,
        find: 'if (refusal) return { refusal, reached: 5,',
        replace: 'if (refusal && results.length < 0) return { refusal, reached: 5,',
      },
    ],
    tests: DECIDE_TESTS,
    demo: true,
  },
  {
    name: 'dpop',
    why: 'a stolen token works without its key',
    edits: [
      {
        file: TOKEN,
        find: "  if (jkt === undefined) return held.bound ? no('token.not_bound') : ok(undefined)",
        replace: '  if (jkt !== null) return ok(undefined)',
      },
    ],
    tests: ['src/flows/verify-access-token.test.ts'],
    demo: true,
  },
  {
    name: 'audience',
    why: 'a token for one resource opens another',
    edits: [
      {
        file: TOKEN,
        find: "  if (expected.audience !== null && claims.aud !== expected.audience) return no('token.audience')\n",
        replace: '',
      },
    ],
    tests: ['src/flows/verify-access-token.test.ts'],
    demo: true,
  },
  {
    name: 'row-security',
    why: "the database shows another customer's rows",
    edits: [
      {
        file: 'examples/customer/orders.sql',
        find: 'ALTER TABLE orders ENABLE ROW LEVEL SECURITY;',
        replace: 'ALTER TABLE orders DISABLE ROW LEVEL SECURITY;',
      },
    ],
    tests: ['test/e2e/orders.test.ts'],
    demo: true,
  },
  {
    name: 'single-use',
    why: 'a token that was good for one request works again',
    edits: [
      {
        file: 'src/stores/postgres/store/spends.ts',
        find: 'on conflict (tenant, key) do nothing returning tenant, key',
        replace: 'on conflict (tenant, key) do update set expires = excluded.expires returning tenant, key',
      },
    ],
    tests: ['src/stores/postgres/store/store.test.ts'],
    demo: true,
  },
]

const DECISION: readonly Guard[] = [
  {
    name: 'forbid-wins',
    why: 'a forbid no longer trumps a permit',
    edits: [
      { file: JUDGE, find: 'if (found.forbids.length > 0)', replace: 'if (found.forbids.length > 99)' },
    ],
    tests: DECIDE_TESTS,
  },
  {
    name: 'error-denies',
    why: 'a policy that errs is skipped, so an erring forbid allows',
    edits: [{ file: JUDGE, find: 'if (erring.length > 0)', replace: 'if (erring.length > 99)' }],
    tests: DECIDE_TESTS,
  },
  {
    name: 'delegation',
    why: 'an agent acts for a user who never let it',
    edits: [
      {
        file: JUDGE,
        find: "if (delegation !== undefined && typeof delegation !== 'string') return refused(1, delegation)",
        replace:
          "if (delegation !== undefined && typeof delegation !== 'string') return judgePolicies(question, tool, UNKNOWN, conditions, undefined)",
      },
    ],
    tests: DECIDE_TESTS,
  },
  {
    name: 'narrowed-scope',
    why: 'a credential narrowed to one tool calls another',
    edits: [
      {
        file: JUDGE,
        find: 'if (scope !== undefined && !scope.includes(tool.action))',
        replace: 'if (scope !== undefined && scope.length > 99)',
      },
    ],
    tests: DECIDE_TESTS,
  },
  {
    name: 'admission-end',
    why: 'a guest stays after its admission ended',
    edits: step('admissionsCoverIt'),
    tests: DECIDE_TESTS,
  },
  { name: 'agent-state', why: 'a suspended agent acts', edits: step('agentsAreActive'), tests: DECIDE_TESTS },
  {
    name: 'user-state',
    why: 'an agent acts for a suspended user',
    edits: step('userIsActive'),
    tests: DECIDE_TESTS,
  },
  {
    name: 'chain-tenant',
    why: "another tenant's chain is judged as one's own",
    edits: step('chainIsOfTenant'),
    tests: DECIDE_TESTS,
  },
  {
    name: 'chain-end',
    why: 'an expired chain is judged as if it still ran',
    edits: step('chainHasNotExpired'),
    tests: DECIDE_TESTS,
  },
  {
    name: 'alone',
    why: 'an agent that acts for nobody gets what wants a user',
    edits: step('resourceTakesCaller'),
    tests: DECIDE_TESTS,
  },
  {
    name: 'data-binding',
    why: 'a customer agent reads what nothing binds to its user',
    edits: step('dataIsBound'),
    tests: DECIDE_TESTS,
  },
]

const EDGES: readonly Guard[] = [
  {
    name: 'expiry',
    why: 'an access token works after its end',
    edits: [{ file: TOKEN, find: "  if (claims.exp <= now) return no('token.expired')\n", replace: '' }],
    tests: ['src/flows/verify-access-token.test.ts'],
  },
  {
    name: 'canonical',
    why: 'one token has several spellings, so replay and caches are bypassed',
    edits: [
      {
        file: 'src/lib/jose/jws.ts',
        find: "return bytes.toString('base64url') === part ? bytes : undefined",
        replace: 'return bytes',
      },
    ],
    tests: ['src/lib/jose'],
  },
  {
    name: 'exp-min',
    why: 'a token outlives what it derives from',
    edits: [
      {
        file: 'src/flows/issue-access-token.ts',
        find: 'return Math.min(...ends) as EpochSeconds',
        replace: 'return Math.max(...ends) as EpochSeconds',
      },
    ],
    tests: ['test/conformance'],
  },
  {
    name: 'rev-min',
    why: 'an exchange washes a revoked chain clean',
    edits: [
      {
        file: 'src/flows/issue-access-token.ts',
        find: 'Math.min(caller.rev, subject.rev ?? caller.rev, view.snapshot.revision)',
        replace: 'Math.max(caller.rev, subject.rev ?? caller.rev, view.snapshot.revision)',
      },
    ],
    tests: ['test/conformance'],
  },
  {
    name: 'staleness',
    why: 'a gateway that was cut off goes on with an old view',
    edits: [
      {
        file: 'src/flows/authenticate-at-gateway.ts',
        find: 'if (point.staleMs() <= stalenessMs(target, hint)) return',
        replace: 'if (point.staleMs() >= 0 || stalenessMs(target, hint)) return',
      },
    ],
    tests: ['src/protocols/mcp', 'src/flows'],
  },
  {
    name: 'record-first',
    why: 'a call is answered that no record tells of',
    edits: [
      {
        file: 'src/flows/decide-at-gateway.ts',
        find: '  await point.record(eventOf(enforcement, caller, decision, asked))',
        replace: '  void point.record(eventOf(enforcement, caller, decision, asked)).catch(() => {})',
      },
    ],
    tests: ['src/protocols/mcp', 'src/flows'],
  },
  {
    name: 'decide-again',
    why: 'a stolen gateway gets a credential for a call that is not allowed',
    edits: [
      {
        file: 'src/flows/judge-again.ts',
        find: 'const known = serves(gateway.gateway, ask.tenant, ask.resource) ? viewOf(ports, ask.tenant) : undefined',
        replace: 'const known = viewOf(ports, ask.tenant)',
      },
    ],
    tests: ['test/e2e/stolen-gateway.test.ts'],
  },
  {
    name: 'journal-chain',
    why: 'a gateway ships a history with holes',
    edits: [
      {
        file: 'src/lib/record-chain.ts',
        find: "if (record.n !== head.n + 1) return 'gap'",
        replace: "if (record.n < 0) return 'gap'",
      },
    ],
    tests: ['src/lib/record-chain.test.ts'],
  },
  {
    name: 'unscoped-permit',
    why: 'a permit for anybody is stored',
    edits: [
      {
        file: 'src/core/policy/policy-set.ts',
        find: "return refuse('malformed', 'policy.unscoped', says)",
        replace: 'return says === undefined ? undefined : undefined',
      },
    ],
    tests: ['src/core/policy/policy-set.test.ts', 'src/flows/read-policies.test.ts'],
  },
  {
    name: 'public-privileges',
    why: 'a minted login can do what PUBLIC can',
    edits: [
      {
        file: 'src/credentials/postgres-role/postgres-role.ts',
        find: 'return inspectDatabase(await pools.get(admin), tables)',
        replace: 'return (await inspectDatabase(await pools.get(admin), tables)).slice(99)',
      },
    ],
    tests: ['src/credentials'],
  },
  {
    name: 'lease-end',
    why: 'an open connection reads on after its lease',
    edits: [
      { file: 'src/credentials/postgres-role/role-sql.ts', find: ' AND l.expires_at > now()', replace: '' },
    ],
    tests: ['src/credentials'],
  },
  {
    name: 'private-address',
    why: 'outside documents are fetched from inside the network',
    edits: [
      { file: 'src/lib/guarded-fetch.ts', find: "'fetch.private_address',", replace: "'fetch.elsewhere'," },
    ],
    tests: ['src/lib/guarded-fetch.test.ts'],
  },
]

export const GUARDS: readonly Guard[] = [...DEMO, ...DECISION, ...EDGES]
