import { bearerChallenge, type Challenge } from './challenge.ts'
import { fetchOptions, type Reach } from './reach.ts'

/**
 * What an MCP server says to who shows it nothing: the first place to look for its metadata (RFC 9728 §5). A server that says nothing, or
 * can't be reached, is looked for by its well-known places.
 */
export async function challengeOf(reach: Reach, at: string): Promise<Challenge | undefined> {
  const answer = await reach.fetch(at, {
    ...fetchOptions(reach),
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
    maxBytes: 64 * 1024,
  })
  if (!answer.ok || answer.value.status !== 401) return undefined
  return bearerChallenge(answer.value.headers['www-authenticate'])
}
