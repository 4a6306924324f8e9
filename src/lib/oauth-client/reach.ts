import * as oauth from 'oauth4webapi'
import type { FetchOptions, GuardedFetch } from '../guarded-fetch.ts'

/** The way to places outside: what is fetched, how, and which private places its owner may name. */
export type Reach = {
  readonly fetch: GuardedFetch
  /** `host:port`s at private addresses or plain http that the settings name; the operator must list them too. */
  readonly allow?: readonly string[]
  readonly ca?: string
  readonly signal?: AbortSignal
}

export function fetchOptions({ allow, ca, signal }: Reach): FetchOptions {
  return {
    ...(allow === undefined ? {} : { allow }),
    ...(ca === undefined ? {} : { ca }),
    ...(signal === undefined ? {} : { signal }),
  }
}

/** A place could not be reached, or may not be; `message` is the guarded fetch's own reason. */
export class Unreachable extends Error {}

type Options = Pick<oauth.TokenEndpointRequestOptions, 'signal'>

/** What makes a request of the library's go through the guarded fetch. Whether plain http may be spoken to a place is its to say. */
export function through(reach: Reach): Options & {
  readonly [oauth.allowInsecureRequests]: true
  readonly [oauth.customFetch]: CustomFetch
} {
  return {
    ...(reach.signal === undefined ? {} : { signal: reach.signal }),
    [oauth.allowInsecureRequests]: true,
    [oauth.customFetch]: customFetch(reach),
  }
}

type CustomFetch = (
  url: string,
  options: { readonly body?: unknown; readonly headers: Record<string, string>; readonly signal?: unknown },
) => Promise<Response>

function customFetch(reach: Reach): CustomFetch {
  return async (url, { body, headers }) => {
    const answer = await reach.fetch(url, {
      ...fetchOptions(reach),
      method: 'POST',
      headers: Object.fromEntries(new Headers(headers)),
      body: String(body),
    })
    if (!answer.ok) throw new Unreachable(answer.error.reason)
    const { status, headers: answered, body: bytes } = answer.value
    // A Response takes no body with these (Fetch standard), and nothing that the library reads has them.
    const empty = status === 204 || status === 205 || status === 304
    return new Response(empty ? null : new Uint8Array(bytes), { status, headers: answered })
  }
}
