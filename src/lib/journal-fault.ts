/**
 * Why a journal can't be opened or can't take or give a record. `journal.locked`: another process has it open. `journal.broken_chain`:
 * a record in the middle is altered, missing or unreadable. `journal.missing`: files that must be there are not. `journal.rolled_back`:
 * it ends before what it already shipped. `journal.full`: the limit of unshipped bytes. `journal.body_refused`: too large, or not JSON.
 * `journal.dropped`: asked for a record that was dropped after shipping. `journal.shipped_ahead`: told that a record was shipped that
 * doesn't exist. `journal.foreign`: the folder is another recorder's.
 */
export type JournalReason =
  | 'journal.locked'
  | 'journal.foreign'
  | 'journal.broken_chain'
  | 'journal.missing'
  | 'journal.rolled_back'
  | 'journal.full'
  | 'journal.body_refused'
  | 'journal.dropped'
  | 'journal.shipped_ahead'

export class JournalFault extends Error {
  override readonly name = 'JournalFault'
  readonly reason: JournalReason
  constructor(reason: JournalReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}
