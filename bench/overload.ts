import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Pool } from 'undici'
import { ROOT, writeJson } from '../examples/demo/folders.ts'
import { DEFAULT_LIMITS } from '../src/server/config.ts'
import type { Flooded } from './flooding.ts'
import { evidenceOf, idTokenOf } from './issuers.ts'
import { post } from './load.ts'
import { readLog } from './logged.ts'
import { startProcess } from './processes.ts'
import { type Line, type Part, type Run, round } from './report.ts'
import { exchangeForm, FORM } from './tokens.ts'
import { inWorld, resourceName, userSub, type World } from './world.ts'

const [FLOODED, QUIET] = ['acme', 'globex']
/** Ten times as many connections as the authority works on at once for one tenant, each asking again as soon as it is answered. */
const CONNECTIONS = 10 * DEFAULT_LIMITS.concurrent
/** What the other tenant asks, whatever happens: one request each so many ms. */
const EVERY_MS = 20

/** One tenant at ten times what it is given, beside another that goes on as before. */
export const overload: Part = {
  ids: ['overload', 'overload.limited', 'overload.lost'],
  run: (run) =>
    inWorld(run, { measured: true, others: [QUIET ?? ''] }, async (world) => {
      const lines = await flooded(run, world, run.short ? 5_000 : 15_000)
      return lines.filter(({ id }) => run.wants(id))
    }),
}

async function flooded(run: Run, world: World, ms: number): Promise<readonly Line[]> {
  const bodies = await writeJson(join(world.folder, 'flood.json'), await exchanges(world, FLOODED ?? '', 500))
  const calm = await exchanges(world, QUIET ?? '', 500)
  await asked(world, calm, ms / 2)
  run.progress(`overload: ${QUIET} alone`)
  const quiet = await asked(world, calm, ms)
  run.progress(`overload: ${FLOODED} asks from ${CONNECTIONS} connections`)
  const result = join(world.folder, 'flooded.json')
  const args = [world.origin, `/t/${FLOODED}/token`, bodies, String(CONNECTIONS), result]
  const flood = await startProcess(join(ROOT, 'bench/flooding.ts'), args)
  await pause(1_000)
  const under = await asked(world, calm, ms)
  await flood.stop()
  const came = JSON.parse(await readFile(result, 'utf8')) as Flooded
  if (came.others.length > 0)
    throw new Error(`the flood was answered ${came.others.length} times with ${came.others[0]}`)
  if (came.withoutRetryAfter > 0)
    throw new Error(`${came.withoutRetryAfter} refusals do not say when to try again`)
  const lost = await lostOf(run, world, came, [...quiet.answers, ...under.answers])
  run.progress(`overload: ${came.tokens.length} tokens and ${came.limited} refusals of ${FLOODED}`)
  return [
    {
      id: 'overload',
      value: round(under.p99),
      unit: 'ms, p99 of the other',
      baseline: round(quiet.p99),
      ratio: round(under.p99 / quiet.p99),
      target: 'ratio ≤ 2',
      p50: round(under.p50),
      p99: round(under.p99),
      max: round(under.max),
    },
    { id: 'overload.limited', value: came.limited, unit: '429s', target: '> 0' },
    { id: 'overload.lost', value: lost, unit: 'records', target: '0' },
  ]
}

/** The same evidence and sign-in with varying resources. */
async function exchanges(
  { cluster, idp, origin, gatewayOrigin }: World,
  tenant: string,
  count: number,
): Promise<readonly string[]> {
  const assertion = evidenceOf(cluster, 'support/desk', 'desk-1', `${origin}/t/${tenant}`)
  const user = idTokenOf(idp, 'desk', userSub(1))
  return Array.from({ length: count }, (_, at) =>
    exchangeForm({ assertion, user }, { resource: `${gatewayOrigin}/t/${tenant}/mcp/${resourceName(at)}` }),
  )
}

/** One request each moment, whether the one before was answered or not; anything but a token ends the run. */
async function asked({ origin }: World, bodies: readonly string[], ms: number) {
  const pool = new Pool(origin, { connections: 32, pipelining: 1 })
  const times: number[] = []
  const answers: string[] = []
  const ask = async (body: string) => {
    const began = performance.now()
    answers.push(await post(pool, { path: `/t/${QUIET}/token`, headers: { 'content-type': FORM }, body }))
    times.push(performance.now() - began)
  }
  const asking: Promise<void>[] = []
  for (let at = 0; at < ms / EVERY_MS; at++) {
    asking.push(ask(bodies[at % bodies.length] ?? ''))
    await pause(EVERY_MS)
  }
  await Promise.all(asking)
  await pool.close()
  times.sort((a, b) => a - b)
  const quantile = (share: number) => times[Math.ceil(times.length * share) - 1] ?? 0
  return { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1), answers }
}

/** Refusals are recorded in sums, so often. */
const RECORDED_WITHIN_MS = 11_000

/** How many tokens were given without a record, and how many refusals are in no sum. */
async function lostOf(run: Run, world: World, came: Flooded, others: readonly string[]): Promise<number> {
  run.progress('overload: looking for every record')
  await pause(RECORDED_WITHIN_MS)
  const issued = new Set<string>()
  let counted = 0
  for (const tenant of [FLOODED ?? '', QUIET ?? '']) {
    await readLog(
      world.admin,
      String(world.authority.facts['log_key']),
      tenant,
      ({ kind, token, reason, facts }) => {
        if (kind === 'issue' && token !== undefined) issued.add(token)
        if (reason === 'http.limited') counted += Number(facts?.['refused'])
      },
    )
  }
  const given = [...came.tokens, ...others].map(jtiOf)
  return given.filter((jti) => !issued.has(jti)).length + Math.abs(came.limited - counted)
}

function jtiOf(answer: string): string {
  const { access_token: token } = JSON.parse(answer) as { readonly access_token: string }
  return (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }).jti
}
