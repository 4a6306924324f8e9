/** A person at a browser, reduced to what the sign-in needs: follows redirects, keeps cookies, fills in the provider's forms. */
import { createHash, randomBytes } from 'node:crypto'

export type SignedIn = { readonly idToken: string; readonly signOut: () => Promise<void> }

/** A browser that follows redirects until one leads to where the caller waits; a function says anew where that is. */
export type Browser = {
  readonly open: (url: string, form?: Record<string, string>) => Promise<Page>
}

export type Page = { readonly url: string; readonly body: string }

export function browser(stopAt: string | (() => string)): Browser {
  const jar = new Map<string, string>()
  const open: Browser['open'] = async (url, form) => {
    let next = url
    let body = form
    for (let hops = 0; hops < 12; hops++) {
      if (next.startsWith(typeof stopAt === 'string' ? stopAt : stopAt())) return { url: next, body: '' }
      const response = await fetch(next, request(jar, next, body))
      for (const cookie of response.headers.getSetCookie()) keep(jar, cookie)
      const to = response.headers.get('location')
      if (!to) return { url: next, body: await response.text() }
      next = new URL(to, next).href
      body = undefined
    }
    throw new Error('the sign-in redirects in a circle')
  }
  return { open }
}

function request(jar: ReadonlyMap<string, string>, url: string, form?: Record<string, string>): RequestInit {
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  const base: RequestInit = { redirect: 'manual', headers: { cookie } }
  if (!form) return base
  // As a browser does with each form that it sends.
  const headers = { cookie, origin: new URL(url).origin, 'content-type': 'application/x-www-form-urlencoded' }
  return { ...base, method: 'POST', headers, body: new URLSearchParams(form).toString() }
}

function keep(jar: Map<string, string>, cookie: string): void {
  const [pair = ''] = cookie.split(';')
  const at = pair.indexOf('=')
  if (pair.slice(at + 1) === '') jar.delete(pair.slice(0, at))
  else jar.set(pair.slice(0, at), pair.slice(at + 1))
}

export function formAction(page: Page): string {
  const action = /<form[^>]*action="([^"]+)"/.exec(page.body)?.[1]
  if (!action) throw new Error(`no form on ${page.url}: ${page.body.slice(0, 200)}`)
  return new URL(action, page.url).href
}

export function hidden(page: Pick<Page, 'body'>, name: string): string {
  return new RegExp(`name="${name}"[^>]*value="([^"]*)"`).exec(page.body)?.[1] ?? ''
}

export type SignIn = {
  readonly issuer: string
  readonly client: string
  readonly redirect: string
  readonly login: string
}

/** Signs in with the authorization code flow and PKCE; the returned `signOut` ends the provider's session, which tells its clients. */
export async function signIn(ask: SignIn): Promise<SignedIn> {
  const verifier = randomBytes(32).toString('base64url')
  const at = browser(ask.redirect)
  const authorize = new URL(`${ask.issuer}/auth`)
  authorize.search = new URLSearchParams({
    client_id: ask.client,
    redirect_uri: ask.redirect,
    response_type: 'code',
    scope: 'openid email',
    state: 'demo',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString()
  const done = await logIn(at, await at.open(authorize.href), ask.login)
  const idToken = await redeem(ask, new URL(done.url).searchParams.get('code') ?? '', verifier)
  return { idToken, signOut: () => signOut(at, ask, idToken) }
}

/** Fills in the provider's own two forms, from the first of them; answers the page that follows. */
export async function logIn(at: Browser, loginPage: Page, login: string): Promise<Page> {
  const consentPage = await at.open(formAction(loginPage), { prompt: 'login', login, password: 'any' })
  return at.open(formAction(consentPage), { prompt: 'consent' })
}

async function redeem(ask: SignIn, code: string, verifier: string): Promise<string> {
  const response = await fetch(`${ask.issuer}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: ask.client,
      redirect_uri: ask.redirect,
      code,
      code_verifier: verifier,
    }).toString(),
  })
  const answer = (await response.json()) as { id_token?: string; error_description?: string }
  if (!answer.id_token)
    throw new Error(`the provider gave no ID token: ${answer.error_description ?? response.status}`)
  return answer.id_token
}

async function signOut(at: Browser, ask: SignIn, idToken: string): Promise<void> {
  const end = new URL(`${ask.issuer}/session/end`)
  end.search = new URLSearchParams({ id_token_hint: idToken, client_id: ask.client }).toString()
  const page = await at.open(end.href)
  await at.open(formAction(page), { xsrf: hidden(page, 'xsrf'), logout: 'yes' })
}
