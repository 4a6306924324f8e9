import { describe, expect, it } from 'vitest'
import { checkExportLine, startExportCheck } from './export-check.ts'
import { finishExportCheck } from './export-verdict.ts'

describe('the check of an export', () => {
  it('stays with its first failure, whatever lines follow', () => {
    const check = ['not a line', 'nor this', '{}'].reduce(checkExportLine, startExportCheck({ keys: [] }))
    expect(finishExportCheck(check)).toMatchObject({
      ok: false,
      error: { reason: 'audit.export_malformed', facts: { line: 1 } },
    })
  })
})
