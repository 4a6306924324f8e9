import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { MAX_NOTE_CHARS, noteKey, noteKeyText, openNote, parseNoteKey, signNote } from './signed-note.ts'

/** Published by C2SP (signed-note, "Example") and by golang.org/x/mod/sumdb/note (its test keys). */
const EXAMPLE_KEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const EXAMPLE_NOTE =
  'This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n'
const PETER_KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
/** Algorithm byte and seed of the published test key. */
const PETER_SEED = 'AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz'
const PETER_TEXT =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
const PETER_LINE =
  '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
const ENOCH_LINE =
  '\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n'
const PETER_NOTE = `${PETER_TEXT}\n${PETER_LINE}`

function key(text: string) {
  const parsed = parseNoteKey(text)
  if (!parsed.ok) throw new Error(parsed.error.reason)
  return parsed.value
}
function reason(note: string, ...keys: readonly string[]) {
  const opened = openNote(note, keys.map(key))
  return opened.ok ? 'opened' : opened.error.reason
}
/** RFC 8410 §7: an Ed25519 seed in PKCS #8. */
function privateKeyOf(seed: string) {
  const der = Buffer.concat([
    Buffer.from('302e020100300506032b657004220420', 'hex'),
    Buffer.from(seed, 'base64').subarray(1),
  ])
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
}

describe('signed notes', () => {
  it('open the published examples', () => {
    expect(openNote(EXAMPLE_NOTE, [key(EXAMPLE_KEY)])).toEqual({
      ok: true,
      value: { text: 'This is an example message.\n', signedBy: ['example.com/foo'] },
    })
    expect(reason(PETER_NOTE, PETER_KEY)).toBe('opened')
  })

  it('are signed byte for byte as the published one', () => {
    const privateKey = privateKeyOf(PETER_SEED)
    const publicKey = createPublicKey(privateKey)
    expect(noteKeyText(noteKey('PeterNeumann', publicKey))).toBe(PETER_KEY)
    expect(signNote(PETER_TEXT, { name: 'PeterNeumann', privateKey, publicKey })).toBe(PETER_NOTE)
  })

  it('ignore signatures of keys they do not know, even under a known name', () => {
    expect(reason(PETER_NOTE + ENOCH_LINE, PETER_KEY)).toBe('opened')
    expect(reason(PETER_NOTE, EXAMPLE_KEY)).toBe('audit.note_unsigned')
    expect(reason(PETER_NOTE)).toBe('audit.note_unsigned')
    const { publicKey } = generateKeyPairSync('ed25519')
    const namesake = noteKeyText(noteKey('PeterNeumann', publicKey))
    expect(reason(PETER_NOTE, namesake)).toBe('audit.note_unsigned')
  })

  it('are refused whole when a known key signed something else', () => {
    expect(reason(PETER_NOTE.replace('answer', 'anzwer'), PETER_KEY)).toBe('audit.note_bad_signature')
    const other = PETER_LINE.replace('wJnAM=', 'wJnAA=')
    expect(reason(PETER_NOTE + other, PETER_KEY)).toBe('audit.note_bad_signature')
  })

  it.each([
    ['no signature', PETER_TEXT],
    ['an empty signature part', `${PETER_TEXT}\n`],
    ['no last newline', PETER_NOTE.slice(0, -1)],
    ['a control character', `\u0001${PETER_NOTE}`],
    ['a carriage return', PETER_NOTE.replaceAll('\n', '\r\n')],
    ['a lone surrogate', `\ud800${PETER_NOTE}`],
    ['a name with a space', `${PETER_TEXT}\n${PETER_LINE.replace('PeterNeumann', 'Peter Neumann')}`],
    [
      'a name with a no-break space',
      `${PETER_TEXT}\n${PETER_LINE.replace('PeterNeumann', 'Peter\u00a0Neumann')}`,
    ],
    ['a third part in a signature line', PETER_NOTE.replace('nAM=', 'nAM= more')],
    ['another line among the signatures', `${PETER_NOTE}Unexpected line.\n`],
    ['a hyphen for the dash', PETER_NOTE.replace('\u2014', '-')],
    ['base64 with unused bits set', PETER_NOTE.replace('nAM=', 'nAN=')],
    ['base64 without padding', PETER_NOTE.replace('nAM=', 'nAM')],
    ['base64 for URLs', PETER_NOTE.replace('/', '_')],
    ['base64 with a foreign character', PETER_NOTE.replace('nAM=', 'nA!M=')],
    ['a signature of no length', `${PETER_TEXT}\n\u2014 PeterNeumann x08gow==\n`],
    ['101 signatures', PETER_TEXT + '\n'.concat(PETER_LINE.repeat(101))],
    ['no end', 'a'.repeat(MAX_NOTE_CHARS) + PETER_NOTE],
  ])('are malformed with %s', (_, note) => {
    expect(reason(note, PETER_KEY)).toBe('audit.note_malformed')
  })

  it('may hold empty lines in their text', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const note = signNote('one\n\ntwo\n', { name: 'log', privateKey, publicKey })
    expect(openNote(note, [noteKey('log', publicKey)])).toMatchObject({ value: { text: 'one\n\ntwo\n' } })
  })

  it('are not made of text that could not be read back', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    for (const text of ['', 'no newline', 'tab\t\n', '\ud800\n']) {
      expect(() => signNote(text, { name: 'log', privateKey, publicKey })).toThrow('note text')
    }
    for (const name of ['', 'a b', 'a+b', 'a\u2003b', 'a\u0085b']) {
      expect(() => signNote('a\n', { name, privateKey, publicKey })).toThrow('key name')
    }
  })

  it('take Ed25519 keys only', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    expect(() => noteKey('log', publicKey)).toThrow('Ed25519')
    expect(() => noteKey('log', privateKey)).toThrow('Ed25519')
  })
})

/** A verifier key of any material, under the id that fits it. */
function keyOf(material: Uint8Array): string {
  const id = createHash('sha256').update('log\n').update(material).digest('hex').slice(0, 8)
  return `log+${id}+${Buffer.from(material).toString('base64')}`
}

describe('verifier keys', () => {
  it('are read in their one spelling and no piece or neighbour of it', () => {
    expect(noteKeyText(key(PETER_KEY))).toBe(PETER_KEY)
    for (let from = 0; from <= PETER_KEY.length; from += 1) {
      for (let to = from; to <= PETER_KEY.length; to += 1) {
        if (to - from < PETER_KEY.length) expect(parseNoteKey(PETER_KEY.slice(from, to)).ok).toBe(false)
      }
    }
    for (let at = 0; at < PETER_KEY.length; at += 1) {
      const next = String.fromCharCode(PETER_KEY.charCodeAt(at) + 1)
      expect(parseNoteKey(PETER_KEY.slice(0, at) + next + PETER_KEY.slice(at + 1)).ok).toBe(false)
    }
  })

  it('are refused with another length or algorithm under a fitting id', () => {
    for (const bad of [
      'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==',
      'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
      PETER_KEY.replace('c74f20a3', 'C74F20A3'),
      keyOf(Buffer.concat([Buffer.from([1]), Buffer.alloc(31, 7)])),
      keyOf(Buffer.concat([Buffer.from([1]), Buffer.alloc(33, 7)])),
      keyOf(Buffer.concat([Buffer.from([2]), Buffer.alloc(32, 7)])),
    ]) {
      expect(parseNoteKey(bad)).toMatchObject({ ok: false, error: { reason: 'audit.note_key_malformed' } })
    }
  })
})
