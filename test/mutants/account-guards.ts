import type { Guard } from './guard.ts'

const E2E = ['test/e2e/connected-accounts.test.ts']

/** How people connect accounts of theirs, and how those are held. */
export const ACCOUNT_GUARDS: readonly Guard[] = [
  {
    name: 'connect-same-user',
    file: 'src/flows/connect/return-signed-in.ts',
    find: 'if (user.id !== purpose.offer.user) return refused(view, purpose.offer, user, OTHER_USER)',
    replace: "if (user.id === '') return refused(view, purpose.offer, user, OTHER_USER)",
    why: 'whoever gets a link connects an account of theirs for a call of somebody else',
    tests: E2E,
  },
  {
    name: 'connect-answer-browser',
    file: 'src/flows/connect/answer-connect.ts',
    find: 'if (browser === undefined || keyDigest(browser) !== question.browser) return err(OTHER_BROWSER)',
    replace: "if (keyDigest(browser ?? '') === question.browser.slice(1)) return err(OTHER_BROWSER)",
    why: 'who learns of a ticket answers in the name of the person',
    tests: E2E,
  },
  {
    name: 'connect-return-browser',
    file: 'src/flows/connect/finish-connect.ts',
    find: 'return browser !== undefined && keyDigest(browser) === away.browser ? ok(away) : err(OTHER_BROWSER)',
    replace: "return browser === '' ? err(OTHER_BROWSER) : ok(away)",
    why: 'a person can be made to finish what another began',
    tests: E2E,
  },
  {
    name: 'held-row-bound',
    file: 'src/flows/held-secrets.ts',
    find: "return ['held', tenant, user, place]",
    replace: "return ['held', String([tenant, user, place].length)]",
    why: 'a row moved in the database opens for another person',
    tests: ['src/flows/held-secrets.test.ts'],
  },
  {
    name: 'upstream-issuer-exact',
    file: 'src/lib/oauth-client/discover.ts',
    find: "if (server['issuer'] !== issuer) return problem('connect.issuer')",
    replace: "if (server['issuer'] === '') return problem('connect.issuer')",
    why: 'one authorization server speaks for another',
    tests: ['src/lib/oauth-client/discover.test.ts'],
  },
  {
    name: 'upstream-issuer-listed',
    file: 'src/lib/oauth-client/discover.ts',
    find: 'const issuer = named.find((each) => issuers === undefined || issuers.includes(each))',
    replace: 'const issuer = named.find((each) => issuers === undefined || each.length > 0)',
    why: 'a server sends people to an authorization server that nobody listed',
    tests: ['src/lib/oauth-client/discover.test.ts'],
  },
]
