import type { FetchOptions, GuardedFetch } from '../guarded-fetch.ts'
import { bad, good } from '../outcome.ts'

/** What a place answers; a text is sent as it is, with 200. */
export type Answered = {
  readonly status?: number
  readonly json?: unknown
  readonly headers?: Record<string, string>
}
export type Asked = { readonly url: string; readonly options: FetchOptions }
export type Web = { readonly fetch: GuardedFetch; readonly asked: Asked[] }

/** A web of a few places that remembers who was asked what. A place that isn't there answers 404; `gone` can't be reached. */
export function web(places: Readonly<Record<string, Answered | ((asked: Asked) => Answered) | 'gone'>>): Web {
  const asked: Asked[] = []
  const fetch: GuardedFetch = async (url, options = {}) => {
    asked.push({ url, options })
    const found = places[url]
    if (found === 'gone') return bad('stale', 'fetch.failed', 'not reachable')
    const answer = typeof found === 'function' ? found({ url, options }) : (found ?? { status: 404 })
    const body = answer.json === undefined ? '' : JSON.stringify(answer.json)
    const headers = { 'content-type': 'application/json', ...answer.headers }
    return good({ status: answer.status ?? 200, headers, body: Buffer.from(body) })
  }
  return { fetch, asked }
}
