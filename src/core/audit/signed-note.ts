import type { KeyObject } from 'node:crypto'
import { createPublicKey, hash as digest, sign, verify } from 'node:crypto'
import type { Refusal } from '../refusal.ts'
import { Bug, refuse } from '../refusal.ts'
import type { Result } from '../result.ts'
import { err, ok } from '../result.ts'

/** A public key that may sign notes. `id` is 8 hex digits; name and id together say which key signed. */
export type NoteKey = { readonly name: string; readonly id: string; readonly publicKey: KeyObject }
export type NoteSigner = {
  readonly name: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}
/** A note whose signature was checked; `text` includes its final newline. */
export type OpenedNote = { readonly text: string; readonly signedBy: readonly string[] }

/** Longer notes are refused unread; room for the 16 signatures that every verifier must accept, of up to 5 kB. */
export const MAX_NOTE_CHARS = 131_072
const MAX_SIGNATURES = 100
const ED25519 = Buffer.from([0x01])
const DASH = '\u2014 '
const KEY_ID = /^[0-9a-f]{8}$/
const NOT_IN_NAMES = /[\s\u0085+]/u
// The one spelling of standard base64; Buffer itself would skip what it doesn't know.
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$/

/** `SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key)`, its first four bytes (C2SP signed-note, Ed25519 signatures). A key of another kind is a Bug. */
export function noteKey(name: string, publicKey: KeyObject): NoteKey {
  if (!isKeyName(name)) throw new Bug('a note key name is empty or has a space or a plus')
  return { name, id: keyId(name, rawPublicKey(publicKey)), publicKey }
}

/** The key as operators pin it: `name+id+base64(0x01 ‖ public key)` (C2SP signed-note, verifier keys). */
export function noteKeyText(key: NoteKey): string {
  return `${key.name}+${key.id}+${Buffer.concat([ED25519, rawPublicKey(key.publicKey)]).toString('base64')}`
}

/** Reads a verifier key; refuses `audit.note_key_malformed` for anything but an Ed25519 key under its own id. */
export function parseNoteKey(text: string): Result<NoteKey, Refusal> {
  const [name = '', id = '', ...rest] = text.split('+')
  const material = fromBase64(rest.join('+'))
  if (!isKeyName(name) || !KEY_ID.test(id) || material?.length !== 33 || material[0] !== ED25519[0])
    return badKey()
  const raw = material.subarray(1)
  if (keyId(name, raw) !== id) return badKey()
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }
  return ok({ name, id, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) })
}

/** Signs a text, which must end in a newline and have no other control character; otherwise a Bug. */
export function signNote(text: string, signer: NoteSigner): string {
  if (!isNoteText(text))
    throw new Bug('a note text is empty, does not end in a newline, or has control characters')
  const key = noteKey(signer.name, signer.publicKey)
  const signature = sign(null, Buffer.from(text), signer.privateKey)
  const line = Buffer.concat([Buffer.from(key.id, 'hex'), signature]).toString('base64')
  return `${text}\n${DASH}${key.name} ${line}\n`
}

/**
 * The text of a note that at least one of `keys` signed (C2SP signed-note). Signatures of unknown keys are ignored; one of a
 * known key that fails refuses the whole note. Refuses `audit.note_malformed`, `audit.note_unsigned`, `audit.note_bad_signature`.
 */
export function openNote(note: string, keys: readonly NoteKey[]): Result<OpenedNote, Refusal> {
  const parsed = parseNote(note)
  if (!parsed) return err(refuse('malformed', 'audit.note_malformed', 'This is not a signed note.'))
  const signedBy = new Set<string>()
  for (const { name, id, signature } of parsed.signatures) {
    const key = keys.find((known) => known.name === name && known.id === id)
    if (!key) continue
    if (!verify(null, Buffer.from(parsed.text), key.publicKey, signature)) return badSignature(name)
    signedBy.add(name)
  }
  if (signedBy.size === 0) return unsigned(keys)
  return ok({ text: parsed.text, signedBy: [...signedBy] })
}

type Signature = { readonly name: string; readonly id: string; readonly signature: Uint8Array }

function parseNote(note: string): { text: string; signatures: readonly Signature[] } | undefined {
  const end = note.lastIndexOf('\n\n')
  if (note.length > MAX_NOTE_CHARS || end < 0 || !isNoteText(note)) return undefined
  const lines = note.slice(end + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) return undefined
  const signatures = lines.map(parseSignature).filter((signature) => signature !== undefined)
  return signatures.length === lines.length ? { text: note.slice(0, end + 1), signatures } : undefined
}

function parseSignature(line: string): Signature | undefined {
  if (!line.startsWith(DASH)) return undefined
  const [name = '', encoded = '', ...more] = line.slice(DASH.length).split(' ')
  const bytes = fromBase64(encoded)
  if (more.length > 0 || !isKeyName(name) || !bytes || bytes.length < 5) return undefined
  return { name, id: bytes.subarray(0, 4).toString('hex'), signature: bytes.subarray(4) }
}

function isNoteText(text: string): boolean {
  const control = [...text].some((char) => char < ' ' && char !== '\n')
  return text.endsWith('\n') && text.isWellFormed() && !control
}

function isKeyName(name: string): boolean {
  return name.length > 0 && name.isWellFormed() && !NOT_IN_NAMES.test(name)
}

function fromBase64(text: string): Buffer | undefined {
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined
}

function keyId(name: string, raw: Uint8Array): string {
  return digest('sha256', Buffer.concat([Buffer.from(`${name}\n`), ED25519, raw]), 'hex').slice(0, 8)
}

function rawPublicKey(key: KeyObject): Buffer {
  const jwk = key.export({ format: 'jwk' })
  if (key.type !== 'public' || jwk.crv !== 'Ed25519') throw new Bug('a note key is not an Ed25519 public key')
  return Buffer.from(jwk.x ?? '', 'base64url')
}

function badKey(): Result<never, Refusal> {
  return err(refuse('malformed', 'audit.note_key_malformed', 'This is not a log key: name+id+key, Ed25519.'))
}

function badSignature(name: string): Result<never, Refusal> {
  const says = `The signature of ${name} does not fit: the note was altered after it was signed.`
  return err(refuse('unauthenticated', 'audit.note_bad_signature', says, { key: name }))
}

function unsigned(keys: readonly NoteKey[]): Result<never, Refusal> {
  const known = keys.map((key) => `${key.name}+${key.id}`)
  return err(
    refuse('unauthenticated', 'audit.note_unsigned', 'No known log key signed this note.', { known }),
  )
}
