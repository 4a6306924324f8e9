import { createHash, randomBytes } from 'node:crypto'
import { openLink } from '../support/headless-login.ts'
import type { SignInWorld } from '../support/sign-in-world.ts'

/** Of the client that the world's tenant lists. */
const CLIENT = { id: 'desk', redirect: 'https://desk.acme.example/callback' }
/** Milliseconds before its end that a token is replaced. */
const SPARE_MS = 20_000

/** Signs Ana in by our authorization server, for one resource; answers her token, and a new one in time. */
export function signedIn({ issuer }: Pick<SignInWorld, 'issuer'>, resource: string): () => Promise<string> {
  let held: { readonly token: Promise<string>; readonly until: () => number } | undefined
  return () => {
    if (held && Date.now() < held.until()) return held.token
    let until = Number.POSITIVE_INFINITY
    const given = signIn(issuer, resource)
    const token = given.then(({ access_token, expires_in }) => {
      until = Date.now() + expires_in * 1000 - SPARE_MS
      return access_token
    })
    held = { token, until: () => until }
    return token
  }
}

type Given = { readonly access_token: string; readonly expires_in: number }

async function signIn(issuer: string, resource: string): Promise<Given> {
  const verifier = randomBytes(32).toString('base64url')
  const link = new URL(`${issuer}/authorize`)
  link.search = new URLSearchParams({
    response_type: 'code',
    client_id: CLIENT.id,
    redirect_uri: CLIENT.redirect,
    resource,
    state: 's',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString()
  const came = await openLink(link.href, 'ana')
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: CLIENT.id,
    redirect_uri: CLIENT.redirect,
    code: came.searchParams.get('code') ?? '',
    code_verifier: verifier,
    resource,
  })
  const answer = await fetch(`${issuer}/token`, { method: 'POST', body: form })
  if (!answer.ok) throw new Error(`no token: ${await answer.text()}`)
  return (await answer.json()) as Given
}
