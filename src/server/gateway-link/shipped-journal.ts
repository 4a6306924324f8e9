import { z } from 'zod'
import type { AuditDraft } from '../../core/audit/audit-event.ts'
import { type RecordedEvent, shippedText } from '../../core/audit/record-event.ts'
import type { NewId, RecorderId } from '../../core/ids.ts'
import { Unavailable } from '../../core/refusal.ts'
import { type Journal, openJournal } from '../../lib/journal.ts'
import { readMark } from '../../lib/journal-mark.ts'
import type { AuthorityClient } from './authority-client.ts'
import { createPause } from './pause.ts'

export type ShippedJournalPorts = {
  readonly client: Pick<AuthorityClient, 'ask' | 'askBytes'>
  readonly newId: NewId
  /** Base64url of 16 random bytes. */
  readonly newSalt: () => string
  readonly report: (fault: unknown) => void
}

/** This instance's durable record, and its way into the tenants' logs. */
export type ShippedJournal = {
  readonly recorder: RecorderId
  /** Resolves once it is on the disk. Throws `Unavailable` when it can't be, or when records wait too long for the authority. */
  readonly record: (draft: AuditDraft) => Promise<void>
  readonly unshipped: () => { readonly records: number; readonly ms: number }
  /** Ships what is left if the authority takes it at once, then closes. */
  readonly close: () => Promise<void>
}

const BATCH = { records: 500, bytes: 4 * 1024 * 1024 }
const BODY_BYTES = 262_144

/** Opens the Journal in `folder` under its own recorder's name, and ships it in order for as long as it is open. */
export async function openShippedJournal(
  folder: string,
  unshippedLimitMs: number,
  ports: ShippedJournalPorts,
): Promise<ShippedJournal> {
  const mark = await readMark(folder)
  const recorder = (mark?.name ?? ports.newId('recorder')) as RecorderId
  const journal = await openJournal<RecordedEvent>({
    folder,
    name: recorder,
    limits: { bodyBytes: BODY_BYTES },
  })
  const shipping = ship(journal, recorder, ports)
  return {
    recorder,
    record: async (draft) => {
      if (journal.unshippedMs() > unshippedLimitMs) {
        throw new Unavailable('journal.unshipped', 'records wait too long for the authority to take them')
      }
      const text = textOf(draft, recorder, ports)
      try {
        await journal.appendText(text)
      } catch (cause) {
        throw new Unavailable('journal.unwritable', 'the record could not be written', { cause })
      }
      shipping.wake()
    },
    unshipped: () => ({ records: journal.unshipped(), ms: journal.unshippedMs() }),
    close: async () => {
      await shipping.stop()
      await journal.close()
    },
  }
}

/** What the authority would not take must not be written: it would stand before everything that follows. */
function textOf(draft: AuditDraft, recorder: RecorderId, { newId, newSalt }: ShippedJournalPorts): string {
  return shippedText(draft, { id: newId('event'), recorder, newSalt })
}

type Shipping = { readonly wake: () => void; readonly stop: () => Promise<void> }

/** One batch at a time, always from the number that the authority asks for. */
function ship(journal: Journal<RecordedEvent>, recorder: RecorderId, ports: ShippedJournalPorts): Shipping {
  const stopping = new AbortController()
  const pause = createPause(stopping.signal)
  let wake = Promise.withResolvers<void>()
  let next: number | undefined
  const run = async (): Promise<void> => {
    for (;;) {
      const ending = stopping.signal.aborted
      try {
        next ??= await askNext(ports, recorder)
        await journal.shipped(next - 1)
        if (journal.head().n >= next) {
          next = await shipFrom(journal, recorder, next, ports)
          pause.reset()
          continue
        }
        if (ending) return
        await wake.promise
        wake = Promise.withResolvers()
      } catch (fault) {
        ports.report(fault)
        next = undefined
        if (ending) return
        await pause.wait()
      }
    }
  }
  const running = run()
  return {
    wake: () => wake.resolve(),
    stop: () => {
      stopping.abort()
      wake.resolve()
      return running
    },
  }
}

const nextSchema = z.object({ next: z.int().positive() })
const breakSchema = z.object({ reason: z.string().max(100) })

async function askNext({ client }: ShippedJournalPorts, recorder: RecorderId): Promise<number> {
  return readNext(await client.ask('GET', `/gateway/v1/journal?recorder=${recorder}`))
}

async function shipFrom(
  journal: Journal<RecordedEvent>,
  recorder: RecorderId,
  next: number,
  { client }: ShippedJournalPorts,
): Promise<number> {
  const records = await journal.readShipped(next, BATCH)
  const before = Buffer.from(`{"recorder":${JSON.stringify(recorder)},"records":[`)
  const json = Buffer.concat([before, records, AFTER])
  return readNext(await client.askBytes('POST', '/gateway/v1/journal', json))
}

const AFTER = Buffer.from(']}')

function readNext({ status, json }: { readonly status: number; readonly json: unknown }): number {
  if (status === 409) {
    const said = breakSchema.safeParse(json)
    const why = said.success ? said.data.reason : 'no reason'
    throw new Unavailable('journal.refused', `the authority does not take this journal: ${why}`)
  }
  const read = nextSchema.safeParse(json)
  if (read.success) return read.data.next
  throw new Unavailable('authority.unreadable', 'the authority did not say which record it wants next')
}
