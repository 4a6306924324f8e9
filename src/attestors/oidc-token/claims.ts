import { isJsonObject, type Json, type JsonObject } from '../../lib/strict-json.ts'
import type { Preset } from './preset.ts'

/** The longest value that becomes a selector; no agent can ask for a longer one. */
const MAX_VALUE = 512

/** A token's claims under our names for them; what stands in the issuer itself is among them. */
export type NamedClaims = ReadonlyMap<string, Json>

export function namedClaims(preset: Preset, issuer: string, claims: JsonObject): NamedClaims {
  const named = new Map<string, Json>(issuerClaims(preset, issuer))
  for (const [name, path] of Object.entries(preset.claims)) {
    const value = at(claims, path)
    if (value !== undefined) named.set(name, value)
  }
  return named
}

/** What the issuer's own text says, such as the organization in CircleCI's. */
export function issuerClaims(preset: Preset, issuer: string): readonly (readonly [string, string])[] {
  const groups = preset.issuer.exec(issuer)?.groups ?? {}
  return Object.entries(groups).flatMap(([name, value]) =>
    value === undefined ? [] : [[name.replaceAll('_', '-'), value] as const],
  )
}

/** `prefix:name:value` for each claim that is one short value; numbers and booleans are written as text. */
export function selectorsOf(preset: Preset, claims: NamedClaims): readonly string[] {
  return [...claims].flatMap(([name, value]) => {
    if (value === null || typeof value === 'object') return []
    const text = String(value)
    return text.length > 0 && text.length <= MAX_VALUE ? [`${preset.prefix}:${name}:${text}`] : []
  })
}

function at(claims: JsonObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = claims
  for (const step of path) {
    if (!isJsonObject(value) || !Object.hasOwn(value, step)) return undefined
    value = value[step]
  }
  return value
}
