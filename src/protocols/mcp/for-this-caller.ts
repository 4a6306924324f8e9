import type { JsonObject } from '../../lib/strict-json.ts'

/** How long a client may keep what we narrowed for it, in milliseconds: policy may show less by then. */
const TTL_MS = 5000

/** What differs by caller must not be kept for others; results of older revisions say nothing about caching (2026-07-28, caching). */
export function forThisCaller(result: JsonObject): JsonObject {
  if (result['cacheScope'] === undefined && result['ttlMs'] === undefined) return result
  const ttl = typeof result['ttlMs'] === 'number' ? Math.min(result['ttlMs'], TTL_MS) : TTL_MS
  return { ...result, cacheScope: 'private', ttlMs: ttl }
}
