import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ExportEvent, ExportHeader } from '../core/audit/audit-export.ts'
import {
  EXPORT_FORMAT,
  exportEndLine,
  exportEventLine,
  exportHeaderLine,
} from '../core/audit/audit-export.ts'
import { signCheckpoint } from '../core/audit/checkpoint.ts'
import { commitment } from '../core/audit/commitment.ts'
import { frontierRoot, leafHash } from '../core/audit/merkle-log.ts'
import { buildProof, consistencyPlan, growTree, inclusionPlan } from '../core/audit/merkle-proof.ts'
import { noteKey, noteKeyText } from '../core/audit/signed-note.ts'
import { readLines } from './read-lines.ts'
import type { VerifyOptions } from './verify-export.ts'
import { verifyExport, verifyExportFile } from './verify-export.ts'

const ORIGIN = 'countersign.example/t/acme'
const pair = generateKeyPairSync('ed25519')
const signer = { name: 'acme-log-2026', ...pair }
const logKey = noteKeyText(noteKey(signer.name, pair.publicKey))
const salt = (i: number) => Buffer.alloc(16, i).toString('base64url')
const opening = (i: number) => ({ salt: salt(i), value: `user${i}@a.example` })
const leafOf = (i: number, tenant = 'acme') =>
  JSON.stringify({ v: 1, tenant, n: i, user: commitment(opening(i)) })

type Log = readonly string[]
const log = (size: number): Log => Array.from({ length: size }, (_, i) => leafOf(i))
const treeOf = (leaves: Log) => growTree(leaves.map((leaf) => leafHash(leaf)))
function checkpointOf(leaves: Log, by = signer, origin = ORIGIN): string {
  return signCheckpoint({ origin, size: leaves.length, root: frontierRoot(treeOf(leaves).frontier) }, by)
}

type Shape = {
  readonly from?: number
  readonly to?: number
  readonly proofs?: boolean
  readonly only?: (index: number) => boolean
  readonly since?: number
}

/** An export as the authority writes it. */
function exported(leaves: Log, shape: Shape = {}): readonly string[] {
  const { from = 0, to = leaves.length, proofs = true, only = () => true, since } = shape
  const { read } = treeOf(leaves)
  const selected = shape.only ? ({ selected: true } as const) : {}
  const header: ExportHeader = {
    format: EXPORT_FORMAT,
    tenant: 'acme',
    origin: ORIGIN,
    from,
    to,
    treeSize: leaves.length,
    ...selected,
  }
  const events = leaves.slice(from, to).map((leaf, i): ExportEvent => {
    const index = from + i
    const proof = proofs ? { proof: [...buildProof(inclusionPlan(index, leaves.length), read)] } : {}
    return { index, leaf, openings: { user: opening(index) }, ...proof }
  })
  const consistency =
    since === undefined
      ? {}
      : { consistency: { size: since, proof: [...buildProof(consistencyPlan(since, leaves.length), read)] } }
  return [
    exportHeaderLine(header),
    ...events.filter((event) => only(event.index)).map(exportEventLine),
    exportEndLine({ checkpoint: checkpointOf(leaves), ...consistency }),
  ]
}

async function verdict(lines: readonly string[], options: Partial<VerifyOptions> = {}): Promise<string> {
  const result = await verifyExport(lines, { logKey, ...options })
  if (result.ok) return `verified ${result.value.events}`
  const { reason, facts } = result.error
  return facts.index === undefined ? reason : `${reason} ${facts.index}`
}
/** Rewrites the event line of one index; line 0 is the header. */
function edited(
  lines: readonly string[],
  index: number,
  change: (event: ExportEvent) => ExportEvent,
): readonly string[] {
  return lines.with(index + 1, exportEventLine(change(JSON.parse(lines[index + 1] ?? '') as ExportEvent)))
}
const altered = (event: ExportEvent): ExportEvent => ({
  ...event,
  leaf: event.leaf.replace('"v":1', '"v":2'),
})

describe('an export of a whole log', () => {
  it('is verified with what it shows', async () => {
    const result = await verifyExport(exported(log(20)), {
      logKey,
      origin: ORIGIN,
      earlierCheckpoint: checkpointOf(log(7)),
    })
    expect(result).toMatchObject({
      ok: true,
      value: {
        tenant: 'acme',
        events: 20,
        openings: 20,
        treeSize: 20,
        whole: true,
        complete: true,
        continues: 7,
        signedBy: ['acme-log-2026'],
      },
    })
  })

  it('is verified at every size, with and without proofs, from every earlier checkpoint', async () => {
    for (let size = 0; size <= 12; size += 1) {
      for (let earlier = 0; earlier <= size; earlier += 1) {
        const earlierCheckpoint = checkpointOf(log(earlier))
        expect(await verdict(exported(log(size)), { earlierCheckpoint })).toBe(`verified ${size}`)
        expect(await verdict(exported(log(size), { proofs: false }), { earlierCheckpoint })).toBe(
          `verified ${size}`,
        )
      }
    }
  })

  it('names the first altered event, whichever it is and however many follow', async () => {
    const whole = exported(log(11))
    for (let index = 0; index < 11; index += 1) {
      const one = edited(whole, index, altered)
      expect(await verdict(one)).toBe(`audit.event_not_in_log ${index}`)
      expect(await verdict(edited(one, 10, altered))).toBe(`audit.event_not_in_log ${index}`)
    }
  })

  it('names an altered event before a later event that is bad in itself', async () => {
    const opened = edited(exported(log(8)), 5, (event) => ({ ...event, openings: { user: opening(4) } }))
    expect(await verdict(opened)).toBe('audit.opening_mismatch 5')
    expect(await verdict(edited(opened, 2, altered))).toBe('audit.event_not_in_log 2')
    expect(await verdict(edited(opened, 6, altered))).toBe('audit.opening_mismatch 5')
  })

  it('shows without proofs that something was altered, and up to where it was not', async () => {
    const one = edited(exported(log(9), { proofs: false }), 6, altered)
    expect(await verdict(one)).toBe('audit.root_mismatch')
    const result = await verifyExport(one, { logKey, earlierCheckpoint: checkpointOf(log(5)) })
    expect(result).toMatchObject({ ok: false, error: { facts: { from: 5 } } })
  })

  it('names the first event left out, moved or repeated', async () => {
    const whole = exported(log(6))
    expect(await verdict(whole.toSpliced(3, 1))).toBe('audit.event_missing 2')
    expect(await verdict(whole.toSpliced(6, 1)), 'the last').toBe('audit.event_missing 5')
    expect(await verdict([...whole.slice(0, 3), whole[2] ?? '', ...whole.slice(3)])).toBe(
      'audit.event_out_of_order 1',
    )
    const swapped = [whole[0], whole[2], whole[1], ...whole.slice(3)].filter((line) => line !== undefined)
    expect(await verdict(swapped)).toBe('audit.event_missing 0')
  })

  it('does not verify with any one character changed', async () => {
    const text = `${exported(log(4)).join('\n')}\n`
    await fc.assert(
      fc.asyncProperty(
        fc.nat(text.length - 2),
        fc.constantFrom('0', 'A', '"', ' ', '\n', 'z'),
        async (at, char) => {
          if (text[at] === char) return true
          const changed = text.slice(0, at) + char + text.slice(at + 1)
          return (await verdict(changed.slice(0, -1).split('\n'))) !== 'verified 4'
        },
      ),
      { numRuns: 400 },
    )
  })

  it('has one header, its first line', async () => {
    const whole = exported(log(3))
    expect(await verdict([whole[0] ?? '', ...whole])).toBe('audit.export_malformed')
    expect(await verdict(whole.slice(1))).toBe('audit.export_malformed')
  })

  it('names a bad event before a line after it that can not be read', async () => {
    const opened = edited(exported(log(5)), 1, (event) => ({ ...event, openings: { user: opening(4) } }))
    expect(await verdict(opened.with(4, '{'))).toBe('audit.opening_mismatch 1')
  })

  it('does not verify when its end is cut off, or something follows it', async () => {
    const whole = exported(log(3))
    expect(await verdict(whole.slice(0, -1))).toBe('audit.export_cut')
    expect(await verdict([])).toBe('audit.export_cut')
    expect(await verdict([...whole, ''])).toBe('audit.export_malformed')
    expect(await verdict([...whole, whole[1] ?? ''])).toBe('audit.export_malformed')
  })

  it('has one spelling: a second key, a space or an unknown field is refused with its place', async () => {
    const whole = exported(log(3))
    const line = whole[2] ?? ''
    for (const bad of [
      line.replace('{"index":1,', '{"index":1,"leaf":"{}",'),
      ` ${line}`,
      line.replace('}', ',"x":1}'),
      '{',
      '[]',
      'null',
      '{"__proto__":1}',
    ]) {
      expect(await verdict(whole.with(2, bad)), bad).toBe('audit.export_malformed 1')
    }
  })
})

describe('an export of part of a log', () => {
  it('is verified for every range, and for a selection', async () => {
    for (let from = 0; from <= 9; from += 1) {
      for (let to = from; to <= 9; to += 1) {
        expect(await verdict(exported(log(9), { from, to }))).toBe(`verified ${to - from}`)
      }
    }
    const result = await verifyExport(exported(log(9), { only: (index) => index % 3 === 1 }), { logKey })
    expect(result).toMatchObject({ ok: true, value: { events: 3, whole: false, complete: false } })
  })

  it('needs a proof for every event', async () => {
    const part = exported(log(9), { from: 2, to: 6, proofs: false })
    expect(await verdict(part)).toBe('audit.proof_missing 2')
  })

  it('does not hide that an event of its range is missing, unless it says it is a selection', async () => {
    expect(await verdict(exported(log(9), { from: 2, to: 6 }).toSpliced(2, 1))).toBe('audit.event_missing 3')
    const chosen = exported(log(9), { only: (index) => index % 3 === 1 })
    expect(await verdict(chosen.toSpliced(2, 1))).toBe('verified 2')
    expect(
      await verdict([chosen[0], chosen[2], chosen[1], chosen[4]].filter((line) => line !== undefined)),
    ).toBe('audit.event_out_of_order 1')
  })

  it('has no event beyond its range', async () => {
    const part = exported(log(9), { from: 2, to: 6 })
    const shorter = exported(log(9), { from: 2, to: 5 })
    expect(await verdict(part.with(0, shorter[0] ?? ''))).toBe('audit.event_out_of_order 5')
  })

  it('names the first altered event', async () => {
    const part = exported(log(9), { from: 3, to: 8 })
    const at = (index: number) => index - 3
    const change = (index: number) => edited(part, at(index), altered)
    for (const index of [3, 5, 7])
      expect(await verdict(change(index))).toBe(`audit.event_not_in_log ${index}`)
    const longer = edited(part, at(4), (event) => ({
      ...event,
      proof: [...(event.proof ?? []), leafHash('x')],
    }))
    expect(await verdict(longer)).toBe('audit.event_not_in_log 4')
  })

  it('continues an earlier checkpoint only with a proof of it', async () => {
    const earlierCheckpoint = checkpointOf(log(6))
    const shape = { from: 3, to: 5 }
    expect(await verdict(exported(log(9), { ...shape, since: 6 }), { earlierCheckpoint })).toBe('verified 2')
    expect(await verdict(exported(log(9), shape), { earlierCheckpoint })).toBe('audit.consistency_unproved')
    expect(await verdict(exported(log(9), { ...shape, since: 5 }), { earlierCheckpoint })).toBe(
      'audit.consistency_unproved',
    )
    expect(await verdict(exported(log(6), shape), { earlierCheckpoint })).toBe('verified 2')
    const rewritten = log(9).with(0, leafOf(77))
    expect(await verdict(exported(rewritten, { ...shape, since: 6 }), { earlierCheckpoint })).toBe(
      'audit.history_rewritten',
    )
    expect(await verdict(exported(rewritten.slice(0, 6), shape), { earlierCheckpoint })).toBe(
      'audit.history_rewritten',
    )
  })
})

describe('who signed an export', () => {
  it('must be a key that was pinned', async () => {
    const stranger = noteKeyText(noteKey(signer.name, generateKeyPairSync('ed25519').publicKey))
    expect(await verdict(exported(log(3)), { logKey: stranger })).toBe('audit.note_unsigned')
    expect(await verdict(exported(log(3)), { logKey: [stranger, logKey] })).toBe('verified 3')
    expect(await verdict(exported(log(3)), { logKey: 'acme-log-2026' })).toBe('audit.note_key_malformed')
  })

  it('must have signed this log, at this size', async () => {
    const lines = exported(log(3))
    const end = (checkpoint: string) => lines.with(-1, exportEndLine({ checkpoint }))
    expect(await verdict(end(checkpointOf(log(4))))).toBe('audit.checkpoint_of_another_size')
    expect(await verdict(end(checkpointOf(log(3), signer, 'countersign.example/t/globex')))).toBe(
      'audit.checkpoint_of_another_log',
    )
    expect(await verdict(lines, { origin: 'countersign.example/t/globex' })).toBe(
      'audit.checkpoint_of_another_log',
    )
    expect(await verdict(end(checkpointOf(log(3)).replace('\n3\n', '\n4\n')))).toBe(
      'audit.note_bad_signature',
    )
  })
})

describe('an earlier checkpoint', () => {
  it('shows a log that was cut, or whose past was rewritten and signed again', async () => {
    const earlierCheckpoint = checkpointOf(log(6))
    expect(await verdict(exported(log(5)), { earlierCheckpoint })).toBe('audit.rolled_back')
    expect(await verdict(exported(log(9).with(5, leafOf(77))), { earlierCheckpoint })).toBe(
      'audit.opening_mismatch 5',
    )
    const quiet = exported(log(9).with(5, leafOf(5).replace('"v":1', '"v":2')))
    expect(await verdict(quiet), 'without it nothing shows').toBe('verified 9')
    expect(await verdict(quiet, { earlierCheckpoint })).toBe('audit.history_rewritten')
  })

  it('must itself be signed by the log', async () => {
    const forged = checkpointOf(log(6)).replace('\n6\n', '\n5\n')
    expect(await verdict(exported(log(9)), { earlierCheckpoint: forged })).toBe('audit.note_bad_signature')
    const other = checkpointOf(log(6), signer, 'countersign.example/t/globex')
    expect(await verdict(exported(log(9)), { earlierCheckpoint: other })).toBe(
      'audit.checkpoint_of_another_log',
    )
  })
})

describe('the events themselves', () => {
  it('are of the tenant that the export names', async () => {
    expect(await verdict(exported(log(5).with(3, leafOf(3, 'globex'))))).toBe(
      'audit.event_of_another_tenant 3',
    )
    expect(await verdict(exported(log(5).with(3, 'not json')))).toBe('audit.event_of_another_tenant 3')
  })

  it('may have openings erased, but not changed or added', async () => {
    const whole = exported(log(4))
    const openings = (value: ExportEvent['openings']) =>
      edited(whole, 2, ({ index, leaf, proof }) => ({
        index,
        leaf,
        ...(value ? { openings: value } : {}),
        ...(proof ? { proof } : {}),
      }))
    expect(await verdict(openings(undefined))).toBe('verified 4')
    expect(await verdict(openings({}))).toBe('verified 4')
    for (const bad of [
      { user: { ...opening(2), value: 'eve' } },
      { user: { ...opening(2), salt: salt(3) } },
      { input: opening(2) },
      { n: opening(2) },
      { constructor: opening(2) },
    ]) {
      expect(await verdict(openings(bad))).toBe('audit.opening_mismatch 2')
    }
  })
})

describe('a file', () => {
  it('is verified as its lines are, and refused when it is not UTF-8 or has no line ends', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'export-'))
    const path = join(folder, 'audit.jsonl')
    await writeFile(path, `${exported(log(50)).join('\n')}\n`)
    expect(await verifyExportFile(path, { logKey })).toMatchObject({ ok: true, value: { events: 50 } })
    for (const bad of [Buffer.from([0xff, 0x0a]), Buffer.alloc(3_000_000, 'a')]) {
      await writeFile(path, bad)
      expect(await verifyExportFile(path, { logKey })).toMatchObject({
        error: { reason: 'audit.export_malformed' },
      })
    }
    await rm(folder, { recursive: true })
  })

  it('is refused when its bytes only look like what was signed', async () => {
    const lines = exported(log(2).with(1, leafOf(1).replace('"v":1', '"v":"\ufffd"')))
    expect(await verdict(lines)).toBe('verified 2')
    const bytes = Buffer.from(`${lines.join('\n')}\n`)
    const at = bytes.indexOf('\ufffd')
    const other = Buffer.concat([bytes.subarray(0, at), Buffer.from([0xff]), bytes.subarray(at + 3)])
    const read = await verifyExport(readLines(ReadableStream.from([other])), { logKey })
    expect(read).toMatchObject({ error: { reason: 'audit.export_malformed' } })
  })
})
