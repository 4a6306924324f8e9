import type { GatewayAcknowledgement, RevocationReport } from '../../sdk/admin-contract.ts'
import type { Paint } from '../io.ts'
import { duration, many } from './table.ts'

const VERB: Readonly<Record<string, string>> = {
  agent: 'stopped',
  session: 'ended',
  lease: 'ended',
  login: 'ended',
}

/** What a revocation did, and what is still to be done. */
export function renderRevocation(report: RevocationReport, name: string, paint: Paint): readonly string[] {
  const { link, revision, ms, gateways, sessions, leases } = report
  const verb = VERB[link.slice(0, link.indexOf(':'))] ?? 'revoked'
  const lines = [
    paint.bold(`${name} ${verb} at revision ${revision}, in ${duration(ms)}`),
    `  gateways   ${acknowledged(gateways)}`,
    `  ended      ${many(sessions, 'session')} · ${many(leases.ended.length, 'lease')}`,
  ]
  for (const { lease, resource, reason } of leases.failed)
    lines.push(paint.yellow(`  retrying   lease ${lease} at ${resource}: ${reason}`))
  return lines
}

function acknowledged(gateways: readonly GatewayAcknowledgement[]): string {
  if (gateways.length === 0) return 'none is connected here'
  const done = gateways.filter(({ ms }) => ms !== undefined)
  const each = gateways.map(({ instance, ms }) =>
    ms === undefined ? `${instance} not yet` : `${instance} ${duration(ms)}`,
  )
  return `${done.length} of ${gateways.length} acknowledged   (${each.join(', ')})`
}
