import { createHash, randomBytes } from 'node:crypto'
import { type Browser, browser, formAction, hidden, logIn, type Page } from '../../examples/parts/person.ts'

/** A client's side of an authorization request, and where its answer comes to. */
export type ClientSide = {
  readonly issuer: string
  readonly clientId: string
  readonly redirect: string
  readonly resource: string
  readonly verifier: string
  readonly state: string
}

export function clientSide(
  known: Pick<ClientSide, 'issuer' | 'clientId' | 'redirect' | 'resource'>,
): ClientSide {
  const random = () => randomBytes(32).toString('base64url')
  return { ...known, verifier: random(), state: random() }
}

export function authorizeUrl(
  side: ClientSide,
  more: Readonly<Record<string, string | undefined>> = {},
): string {
  const all = {
    response_type: 'code',
    client_id: side.clientId,
    redirect_uri: side.redirect,
    code_challenge: createHash('sha256').update(side.verifier).digest('base64url'),
    code_challenge_method: 'S256',
    resource: side.resource,
    state: side.state,
    ...more,
  }
  const url = new URL(`${side.issuer}/authorize`)
  for (const [name, text] of Object.entries(all)) if (text !== undefined) url.searchParams.set(name, text)
  return url.href
}

/** A person with a browser, on the way from a client's link to the question that our page asks. */
export async function reachConsent(
  side: ClientSide,
  login: string,
  more?: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly at: Browser; readonly page: Page }> {
  const at = browser(side.redirect)
  const page = await logIn(at, await at.open(authorizeUrl(side, more)), login)
  return { at, page }
}

/** Answers our page; what comes back is where the browser was sent to, which may be the client's redirect. */
export async function answerConsent(at: Browser, page: Page, answer: 'allow' | 'deny'): Promise<URL> {
  const done = await at.open(formAction(page), { ticket: hidden(page, 'ticket'), answer })
  return new URL(done.url)
}

export type TokenAnswer = {
  readonly status: number
  readonly access_token?: string
  readonly refresh_token?: string
  readonly token_type?: string
  readonly expires_in?: number
  readonly error?: string
  readonly reason?: string
}

/** A form to the token endpoint. */
export async function askToken(
  issuer: string,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<TokenAnswer> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  })
  return { status: response.status, ...((await response.json()) as object) }
}

/** Trades a code as its client does. */
export function redeem(side: ClientSide, code: string, more: Readonly<Record<string, string>> = {}) {
  return askToken(side.issuer, {
    grant_type: 'authorization_code',
    client_id: side.clientId,
    redirect_uri: side.redirect,
    code,
    code_verifier: side.verifier,
    ...more,
  })
}

/** The whole way: a person agrees, the client has its tokens. */
export async function signInThrough(side: ClientSide, login: string): Promise<TokenAnswer> {
  const { at, page } = await reachConsent(side, login)
  const answer = await answerConsent(at, page, 'allow')
  return redeem(side, answer.searchParams.get('code') ?? '')
}

/** A client's registration (RFC 7591). */
export async function register(issuer: string, metadata: object) {
  const response = await fetch(`${issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(metadata),
  })
  return { status: response.status, ...((await response.json()) as { client_id?: string; error?: string }) }
}
