declare const seconds: unique symbol
declare const millis: unique symbol

/** Whole seconds since 1970-01-01T00:00:00Z, as in JWT NumericDate (RFC 7519 §2). */
export type EpochSeconds = number & { readonly [seconds]: true }

/** Whole milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMillis = number & { readonly [millis]: true }

export function epochSeconds(value: number): EpochSeconds {
  return Math.floor(value) as EpochSeconds
}

export function epochMillis(value: number): EpochMillis {
  return Math.floor(value) as EpochMillis
}

export function toSeconds(at: EpochMillis): EpochSeconds {
  return epochSeconds(at / 1000)
}

/** Reads the time; handed in by whoever composes, so that rules stay pure and tests own the clock. */
export type Clock = () => EpochMillis

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** `"90s"`, `"5m"`, `"1h"`, `"30d"` in seconds; undefined when it is none of these. */
export function parseDuration(text: string): number | undefined {
  const found = /^(\d{1,6})([smhd])$/.exec(text)
  if (!found) return undefined
  return Number(found[1]) * (UNITS[found[2] ?? ''] ?? 0)
}
