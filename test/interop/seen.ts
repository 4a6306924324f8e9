import type { SignInWorld } from '../support/sign-in-world.ts'

/** What was seen of a client: how its person came to sign in, and what its two calls came to. */
export type Seen = {
  /** `registered` or `document`; empty when nobody signed in. */
  readonly signedIn: string
  readonly tools?: readonly string[]
  readonly allowed: string
  readonly refused: string
}

export type Context = { readonly world: SignInWorld; readonly packages: string }
export type Client = { readonly name: string; readonly run: (context: Context) => Promise<Seen> }

export type Outcome = { readonly error: boolean; readonly said: string }
/** How the client of a link is known: by its metadata document, or since it registered itself. */
export function wayIn(link: string): string {
  return new URL(link).searchParams.get('client_id')?.startsWith('http') ? 'document' : 'registered'
}
