import type { Guard } from './guard.ts'

const CONFORMANCE = ['test/conformance/id-jag.test.ts']
const VERIFY = 'src/flows/verify-id-jag.ts'
const REDEEM = 'src/flows/redeem-id-jag.ts'

/** How a provider's word that a client acts for a user is taken. */
export const ID_JAG_GUARDS: readonly Guard[] = [
  {
    name: 'id-jag-issuer',
    file: VERIFY,
    find: "if (!idp?.id_jag) return no('assertion.issuer')",
    replace: "if (!idp) return no('assertion.issuer')",
    why: 'a provider that only signs people in gives clients access',
    tests: CONFORMANCE,
  },
  {
    name: 'id-jag-audience',
    file: VERIFY,
    find: 'audience: view.issuer,',
    replace: 'audience: null,',
    why: 'an assertion for somebody else counts here',
    tests: CONFORMANCE,
  },
  {
    name: 'id-jag-sole-audience',
    file: VERIFY,
    find: 'soleAudience: true,',
    replace: '',
    why: 'whoever else an assertion names can show it here',
    tests: CONFORMANCE,
  },
  {
    name: 'id-jag-life',
    file: VERIFY,
    find: 'maxLife: seconds(idp.id_jag.life),',
    replace: 'maxLife: seconds(idp.id_jag.life) * 1e9,',
    why: 'an assertion counts for as long as its writer likes',
    tests: CONFORMANCE,
  },
  {
    name: 'id-jag-tenant',
    file: VERIFY,
    find: "if (claims['tenant'] !== idp.id_jag?.tenant) return no('assertion.tenant')",
    replace: '',
    why: 'another company at the same provider speaks for our users',
    tests: CONFORMANCE,
  },
  {
    name: 'id-jag-client',
    file: REDEEM,
    find: 'if (!names.includes(jag.clientId)) return OTHER_CLIENT',
    replace: '',
    why: 'any client uses what was given to another',
    tests: CONFORMANCE,
  },
  {
    name: 'id-jag-key',
    file: REDEEM,
    find: 'if (jag.jkt === undefined || jag.jkt === jkt) return undefined',
    replace: "if (jag.jkt === undefined || jkt !== '') return undefined",
    why: 'an assertion that is bound to a key works without it',
    tests: CONFORMANCE,
  },
  {
    name: 'id-jag-once',
    file: REDEEM,
    find: 'if (!(await spend(view, jag))) return no(REPLAYED)',
    replace: "if (!(await spend(view, jag)) && jag.clientId === '') return no(REPLAYED)",
    why: 'an assertion gives as many tokens as it is shown for',
    tests: [...CONFORMANCE, 'test/e2e/id-jag.test.ts'],
  },
  {
    name: 'id-jag-resource',
    file: REDEEM,
    find: 'if (jag.resources !== undefined && !jag.resources.includes(resource)) return err(NO_TARGET)',
    replace: '',
    why: 'an assertion for one resource opens another',
    tests: CONFORMANCE,
  },
  {
    name: 'id-jag-scope',
    file: REDEEM,
    find: 'tools.has(word) && (jag.scope?.includes(word) ?? true)',
    replace: 'tools.has(word)',
    why: 'a client asks for more than the provider granted, and gets it',
    tests: CONFORMANCE,
  },
]
