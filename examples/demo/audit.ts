import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { World } from './world.ts'

export type AuditReport = {
  readonly events: number
  readonly verified: boolean
  readonly tenants: readonly { readonly tenant: string; readonly events: number; readonly says: string }[]
}

export const TENANTS = ['operator', 'a', 'b'] as const

/** A checkpoint of each tenant's log, saved as an outside party would, before anything of the stories happens. */
export async function saveCheckpoints(world: World): Promise<void> {
  for (const tenant of TENANTS) {
    const { code, json, stderr } = await world.cli('audit', 'checkpoint', '--tenant', tenant)
    if (code !== 0) throw new Error(`no checkpoint of ${tenant}: ${JSON.stringify(json)} ${stderr}`)
    await writeFile(checkpointFile(world, tenant), (json as { note: string }).note)
  }
}

function checkpointFile(world: World, tenant: string): string {
  return join(world.folder, `${tenant}.checkpoint`)
}

/**
 * Exports each tenant's log to a file and lets another process, which knows only the public log key and the checkpoint saved before,
 * verify it. The gateways' last records are taken in first: a log is complete once every recorder's are.
 */
export async function verifyAudit(world: World, program: string): Promise<AuditReport> {
  const key = String(world.part('authority').facts['log_key'])
  const tenants: AuditReport['tenants'][number][] = []
  let verified = true
  for (const tenant of TENANTS) {
    const file = join(world.folder, `${tenant}.audit.jsonl`)
    const exported = await world.cli('audit', 'export', '--tenant', tenant, '--out', file)
    if (exported.code !== 0)
      throw new Error(`no export of ${tenant}: ${JSON.stringify(exported.json)} ${exported.stderr}`)
    const { code, out } = await verify(program, [
      file,
      '--log-key',
      key,
      '--checkpoint',
      checkpointFile(world, tenant),
    ])
    verified &&= code === 0
    const report =
      code === 0 ? (JSON.parse(out) as { events: number; treeSize: number }) : { events: 0, treeSize: 0 }
    tenants.push({
      tenant,
      events: report.events,
      says: code === 0 ? `whole, continues the checkpoint saved before` : out.trim(),
    })
  }
  return { events: tenants.reduce((sum, each) => sum + each.events, 0), verified, tenants }
}

/** The verifier as its own process, without the authority's socket or any of its keys. */
function verify(
  program: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly out: string }> {
  return new Promise((resolve, reject) => {
    const argv = [join(program, 'bin/countersign.mjs'), 'audit', 'verify', ...args, '--json']
    const child = spawn(process.execPath, argv, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '' },
    })
    let out = ''
    child.stdout.on('data', (chunk) => (out += chunk))
    child.stderr.on('data', (chunk) => (out += chunk))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, out }))
  })
}
