import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { checkpointText, openCheckpoint, parseCheckpoint, signCheckpoint } from './checkpoint.ts'
import { EMPTY_ROOT, leafHash } from './merkle-log.ts'
import { noteKey, signNote } from './signed-note.ts'

const ORIGIN = 'countersign.example/t/acme'
const pair = generateKeyPairSync('ed25519')
const signer = { name: 'acme-log-2026', ...pair }
const keys = [noteKey(signer.name, pair.publicKey)]
const checkpoint = { origin: ORIGIN, size: 3, root: leafHash('x') }
/** The body that C2SP prints in tlog-checkpoint. */
const PUBLISHED = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'

describe('checkpoints', () => {
  it('read and write the published example', () => {
    const read = parseCheckpoint(PUBLISHED)
    if (!read.ok) throw new Error(read.error.reason)
    expect(read.value).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20_852_163 })
    expect(checkpointText(read.value)).toBe(PUBLISHED)
  })

  it('open with the key that signed them', () => {
    const opened = openCheckpoint(signCheckpoint(checkpoint, signer), keys, ORIGIN)
    expect(opened).toEqual({ ok: true, value: { ...checkpoint, signedBy: ['acme-log-2026'] } })
  })

  it('of another log are refused, whoever signed them', () => {
    const note = signCheckpoint({ ...checkpoint, origin: 'countersign.example/t/globex' }, signer)
    expect(openCheckpoint(note, keys, ORIGIN)).toMatchObject({
      ok: false,
      error: { reason: 'audit.checkpoint_of_another_log' },
    })
  })

  it('are refused when altered, or signed by a stranger', () => {
    const note = signCheckpoint(checkpoint, signer)
    expect(openCheckpoint(note.replace('\n3\n', '\n4\n'), keys, ORIGIN)).toMatchObject({
      error: { reason: 'audit.note_bad_signature' },
    })
    const stranger = { name: signer.name, ...generateKeyPairSync('ed25519') }
    expect(openCheckpoint(signCheckpoint(checkpoint, stranger), keys, ORIGIN)).toMatchObject({
      error: { reason: 'audit.note_unsigned' },
    })
  })

  it.each([
    ['a leading zero', PUBLISHED.replace('20852163', '020852163')],
    ['a sign', PUBLISHED.replace('20852163', '+20852163')],
    ['no size', PUBLISHED.replace('20852163', '')],
    ['a size beyond exact integers', PUBLISHED.replace('20852163', '9007199254740993')],
    ['no origin', PUBLISHED.replace('example.com/behind-the-sofa', '')],
    ['a short root', PUBLISHED.replace('CsUY', '')],
    ['an empty extension line', `${PUBLISHED}\n`],
    ['no last newline', PUBLISHED.slice(0, -1)],
    ['an empty tree with a root', PUBLISHED.replace('20852163', '0')],
  ])('are malformed with %s, signed or not', (_, text) => {
    expect(parseCheckpoint(text)).toMatchObject({
      ok: false,
      error: { reason: 'audit.checkpoint_malformed' },
    })
    if (text.endsWith('\n') && !text.endsWith('\n\n')) {
      expect(openCheckpoint(signNote(text, signer), keys, 'example.com/behind-the-sofa').ok).toBe(false)
    }
  })

  it('may be of an empty log, and may have extension lines', () => {
    expect(parseCheckpoint(`${ORIGIN}\n0\n${EMPTY_ROOT}\n`).ok).toBe(true)
    expect(parseCheckpoint(`${PUBLISHED}something else\n`).ok).toBe(true)
  })

  it('are not written with an origin that would read back as something else', () => {
    for (const origin of ['', 'evil\n999', `evil\n9\n${checkpoint.root}`]) {
      expect(() => checkpointText({ ...checkpoint, origin })).toThrow('can not be written')
    }
    expect(() => checkpointText({ ...checkpoint, size: 1.5 })).toThrow('can not be written')
  })
})
