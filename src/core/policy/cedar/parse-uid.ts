import { type EntityUid, entityUid } from './value.ts'

const WRITTEN = /^(?<type>(?:[A-Za-z_][A-Za-z0-9_]*::)*[A-Za-z_][A-Za-z0-9_]*)::(?<quoted>"(?:[^"\\]|\\.)*")$/

/** An entity as policies name one, `User::"ana@a.example"`. Undefined for what is none, or is spelled otherwise than its key. */
export function parseUid(written: string): EntityUid | undefined {
  const { type, quoted } = WRITTEN.exec(written)?.groups ?? {}
  const id = quoted && unquoted(quoted)
  if (type === undefined || id?.isWellFormed() !== true) return undefined
  const uid = entityUid(type, id)
  // One spelling for one entity: two links that say the same must look the same.
  return uid.key === written ? uid : undefined
}

function unquoted(quoted: string): string | undefined {
  try {
    return String(JSON.parse(quoted))
  } catch {
    return undefined
  }
}
