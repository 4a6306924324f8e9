import type { Guard } from './guard.ts'

const E2E = ['test/e2e/sign-in.test.ts']
const AUTHORIZATION = 'src/flows/sign-in/authorization.ts'
const FINISH = 'src/flows/sign-in/finish-sign-in.ts'
const ANSWER = 'src/flows/sign-in/answer-consent.ts'
const REDEEM = 'src/flows/sign-in/redeem-code.ts'

/** How people sign in through clients that prove nothing. */
export const SIGN_IN_GUARDS: readonly Guard[] = [
  {
    name: 'redirect-registered',
    file: AUTHORIZATION,
    find: 'return isRedirectOf(client, redirectUri) ? redirectUri : undefined',
    replace: 'return client.redirectUris.length > 0 ? redirectUri : String(isRedirectOf)',
    why: 'anybody can have a code sent to a place of their own',
    tests: E2E,
  },
  {
    name: 'pkce',
    file: REDEEM,
    find: `  if (hash('sha256', ask.verifier, 'base64url') !== agreement.request.challenge) return err(WRONG_VERIFIER)`,
    replace: `  if (hash('sha256', ask.verifier, 'base64url') === '') return err(WRONG_VERIFIER)`,
    why: 'whoever sees a code can use it',
    tests: E2E,
  },
  {
    name: 'pkce-s256',
    file: AUTHORIZATION,
    find: `ask.challengeMethod !== 'S256' || `,
    replace: '',
    why: 'a challenge that is the verifier itself is taken',
    tests: E2E,
  },
  {
    name: 'code-once',
    file: REDEEM,
    find: 'if (!(await spend(view, ask.code))) {',
    replace: 'if (!(await spend(view, ask.code)) && ask.code === "") {',
    why: 'a code gives tokens to everybody who shows it',
    tests: E2E,
  },
  {
    name: 'code-client',
    file: REDEEM,
    find: 'if (agreement === undefined || agreement.request.clientId !== ask.clientId) return err(UNKNOWN)',
    replace: 'if (agreement === undefined) return err(UNKNOWN)',
    why: "one client redeems another's code",
    tests: E2E,
  },
  {
    name: 'consent-browser',
    file: ANSWER,
    find: 'if (browser === undefined || keyDigest(browser) !== question.browser) return err(OTHER_BROWSER)',
    replace: 'if (keyDigest(browser ?? "") === question.browser.slice(1)) return err(OTHER_BROWSER)',
    why: 'who learns of a ticket answers in the name of the person',
    tests: E2E,
  },
  {
    name: 'sign-in-browser',
    file: FINISH,
    find: 'return browser !== undefined && keyDigest(browser) === kept.browser ? ok(kept) : err(OTHER_BROWSER)',
    replace: 'return browser !== kept.idp ? ok(kept) : err(OTHER_BROWSER)',
    why: 'a person is signed in to a request that somebody else began',
    tests: E2E,
  },
  {
    name: 'consent-origin',
    file: 'src/protocols/oauth/browser.ts',
    find: 'return origin === view.ports.origin && second === undefined',
    replace: 'return view.ports.origin !== undefined && origin !== undefined && second === undefined',
    why: 'another site answers in the name of a person',
    tests: E2E,
  },
  {
    name: 'agreement-revision',
    file: 'src/flows/sign-in/agreed-caller.ts',
    find: 'const { request, signedIn, session, rev } = agreement',
    replace: `const { request, signedIn, session } = agreement
  const { revision: rev } = view.snapshot`,
    why: 'a session that was revoked is renewed as if it had begun just now',
    tests: E2E,
  },
  {
    name: 'refresh-reused',
    file: 'src/stores/postgres/store/renewals.ts',
    find: "return raced ? 'renewed' : 'reused'",
    replace: "return raced || row.previous !== null ? 'renewed' : 'reused'",
    why: 'a copy of a refresh token works beside its owner',
    tests: [...E2E, 'src/stores/postgres/store/create.test.ts'],
  },
  {
    name: 'document-names-itself',
    file: 'src/flows/sign-in/read-client-document.ts',
    find: "if (json['client_id'] !== id) return unusable('client_id')",
    replace: '',
    why: 'one place publishes a document for the client of another',
    tests: E2E,
  },
  {
    name: 'sign-in-nonce',
    file: 'src/flows/verify-user-token.ts',
    find: "if (claims['nonce'] !== nonce) return no('subject.nonce')",
    replace: "if (claims['nonce'] === '' && nonce === '') return no('subject.nonce')",
    why: 'an ID token of another sign-in counts',
    tests: ['src/flows/verify-sign-in.test.ts'],
  },
]
