import { setTimeout as wait } from 'node:timers/promises'
import type { EngineLine } from '../../src/sdk/admin-contract.ts'
import type { World } from './world.ts'

/** How the two engines fared over all processes. `ok`: some calls were asked again, and the engines differed on none. */
export type EnginesReport = {
  readonly ok: boolean
  readonly again: number
  readonly differed: number
  readonly dropped: number
  readonly engines: readonly EngineLine[]
}

/** Gateways say each second how far they are; whoever waits to be asked again has had its turn by then. */
const TRIES = 10
const BETWEEN_MS = 1200

/** Waits until nothing more comes: the last calls are asked again after they were answered. */
export async function askEngines(world: World): Promise<EnginesReport> {
  let before = ''
  for (let tries = 0; ; tries++) {
    const engines = await look(world)
    const now = JSON.stringify(engines)
    if (now === before || tries >= TRIES) return reportOf(engines)
    before = now
    await wait(BETWEEN_MS)
  }
}

async function look(world: World): Promise<readonly EngineLine[]> {
  const { code, json, stderr } = await world.cli('engines')
  if (code !== 0) throw new Error(`the engines can't be asked about: ${stderr}`)
  return (json as { readonly engines: readonly EngineLine[] }).engines
}

function reportOf(engines: readonly EngineLine[]): EnginesReport {
  const sum = (key: 'again' | 'differed' | 'dropped') => engines.reduce((all, each) => all + each[key], 0)
  const [again, differed, dropped] = [sum('again'), sum('differed'), sum('dropped')]
  return { ok: again > 0 && differed === 0, again, differed, dropped, engines }
}

export function enginesText({ again, differed, dropped }: EnginesReport): string {
  const left = dropped === 0 ? '' : `, ${dropped} left out`
  const differing = differed === 0 ? 'none differed' : `${differed} DIFFERED`
  return `${again} decisions asked again and ${differing}${left}`
}
