import { join } from 'node:path'
import { Pool } from 'undici'
import { ROOT } from '../examples/demo/folders.ts'
import { evidenceOf, idTokenOf, proofFor } from './issuers.ts'
import { type Measured, measure, post, type Shot } from './load.ts'
import { type Started, startProcess } from './processes.ts'
import { requireDecided } from './recorded.ts'
import { beside, type Line, type Part, type Run } from './report.ts'
import { accessTokenIn, attest, bearer, exchangeForm, proven } from './tokens.ts'
import { inWorld, startGateway, userSub, type World } from './world.ts'

const RESOURCE = 2
const USER = 7
/**
 * A gateway is many times the code of the proxy beside it, and V8 goes on compiling it, on the same core, long after the proxy is done:
 * from call 10,000 to 20,000 a seventh of the gateway's processor time was still the compiler's (`perf`, by thread and symbol).
 */
const WARM_UP = 20_000
type Counts = { readonly warmUp: number; readonly count: number }

/** Tool calls through a gateway, beside the barest proxy to the same server behind. */
export const mcp: Part = {
  ids: ['mcp.call', 'mcp.call.dpop'],
  run: async (run) => {
    const upstream = await startProcess(join(ROOT, 'bench/upstream.ts'), [])
    try {
      const counts = run.short ? { warmUp: 1500, count: 3000 } : { warmUp: WARM_UP, count: 12_000 }
      const origin = String(upstream.facts['origin'])
      // Its calls are so short that the clock of processor time needs more of them.
      const baseline = await throughProxy(run, origin, { warmUp: counts.warmUp, count: 3 * counts.count })
      return await inWorld(run, { measured: false, upstream: origin }, (world) =>
        throughGateway(run, world, baseline, counts),
      )
    } finally {
      await upstream.stop()
    }
  },
}

async function throughProxy(run: Run, upstream: string, counts: Counts): Promise<Measured> {
  const proxy = await startProcess(join(ROOT, 'bench/baselines/node-proxy.ts'), [upstream], {
    measured: true,
  })
  run.progress(`baseline of mcp: ${counts.count} calls`)
  try {
    return await calls(String(proxy.facts['origin']), proxy, counts, (at) => call(at, '/mcp', {}))
  } finally {
    await proxy.stop()
  }
}

async function throughGateway(run: Run, world: World, baseline: Measured, counts: Counts): Promise<Line[]> {
  const lines: Line[] = []
  const gateway = await startGateway(run, world, { measured: true })
  try {
    for (const [id, target, prepare] of [
      ['mcp.call', '≥ 0.3', withBearer],
      ['mcp.call.dpop', '', withProofs],
    ] as const) {
      if (!run.wants(id)) continue
      const shotAt = await prepare(world, counts.warmUp + counts.count)
      const before = (await world.admin.checkpoint('acme')).size
      run.progress(`${id}: ${counts.count} calls`)
      const measured = await calls(world.gatewayOrigin, gateway, counts, shotAt)
      await requireDecided(world.admin, before, counts.warmUp + counts.count)
      lines.push(beside(id, measured, baseline, target))
    }
  } finally {
    await gateway.stop()
  }
  return lines
}

/** Each answer must be the one to its own call. */
async function calls(
  origin: string,
  { pid }: Started,
  { warmUp, count }: Counts,
  shotAt: (at: number) => Shot,
): Promise<Measured> {
  const fire = async (pool: Pool, at: number) => {
    const answer = await post(pool, shotAt(at))
    if (!answer.includes(`order o-${at}:`))
      throw new Error(`a call was answered with ${answer.slice(0, 200)}`)
    return answer
  }
  await measure(origin, pid, fire, { from: 0, to: warmUp })
  return measure(origin, pid, fire, { from: warmUp, to: warmUp + count })
}

function call(id: number, path: string, headers: Readonly<Record<string, string>>): Shot {
  const input = { customer_id: `c-${USER}`, order_id: `o-${id}` }
  const params = { name: 'get_order', arguments: input }
  const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params })
  const common = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
  return { path, headers: { ...common, 'mcp-protocol-version': '2025-11-25', ...headers }, body }
}

type Prepare = (world: World, total: number) => Promise<(at: number) => Shot>

/** A bearer's token: this agent's entry lets it be one. */
const withBearer: Prepare = async (world) => {
  const assertion = evidenceOf(world.cluster, 'support/desk', 'desk-1', world.issuer)
  const user = idTokenOf(world.idp, 'desk', userSub(USER))
  const uri = world.resource(RESOURCE)
  const shot = bearer(exchangeForm({ assertion, user }, { resource: uri }))
  const token = await asking(world, async (pool) => accessTokenIn(await post(pool, shot)))
  return (at) => call(at, new URL(uri).pathname, { authorization: `Bearer ${token}` })
}

/** A token bound to a key, with a proof for each call. */
const withProofs: Prepare = async (world, total) => {
  const evidence = evidenceOf(world.cluster, 'support/support', 'support-1', world.issuer)
  const user = idTokenOf(world.idp, 'support', userSub(USER))
  const uri = world.resource(RESOURCE)
  const token = await asking(world, async (pool) => {
    const assertion = await attest(pool, world, evidence, proofFor(world.tokenUrl))
    const form = exchangeForm({ assertion, user }, { resource: uri })
    return accessTokenIn(await post(pool, proven(form, proofFor(world.tokenUrl))))
  })
  const proofs = Array.from({ length: total }, () => proofFor(uri, token))
  return (at) => call(at, new URL(uri).pathname, { authorization: `DPoP ${token}`, dpop: proofs[at] ?? '' })
}

async function asking(world: World, ask: (pool: Pool) => Promise<string>): Promise<string> {
  const pool = new Pool(world.origin)
  try {
    return await ask(pool)
  } finally {
    await pool.destroy()
  }
}
