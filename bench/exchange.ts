import { join } from 'node:path'
import { ROOT } from '../examples/demo/folders.ts'
import { evidenceOf, idTokenOf, newJwtKey, proofFor } from './issuers.ts'
import { type Fire, type Measured, measure, post, type Shot } from './load.ts'
import { type Started, startProcess } from './processes.ts'
import { requireRecorded } from './recorded.ts'
import { beside, type Line, type Part, type Run } from './report.ts'
import { attest, bearer, exchangeForm, FORM, JWT_BEARER, proven, TOOLS } from './tokens.ts'
import { inWorld, resourceName, userSub, type World } from './world.ts'

/** Requests measured, and before them, not measured, until the code is compiled. */
type Counts = { readonly warmUp: number; readonly count: number }

/** Token exchange by an attested agent for its user, beside another server's client credentials. */
export const exchange: Part = {
  ids: ['exchange.warm', 'exchange.cold', 'exchange.warm.dpop', 'exchange.cold.dpop'],
  run: async (run) => {
    // Both servers are still being compiled for some 20,000 requests; a shorter start would measure that.
    const warm = run.short ? { warmUp: 4000, count: 3000 } : { warmUp: 24_000, count: 24_000 }
    const cold = run.short ? { warmUp: 2000, count: 1500 } : { warmUp: 12_000, count: 12_000 }
    const baseline = await clientCredentials(run, warm)
    return inWorld(run, { measured: true }, async (world) => {
      const lines: Line[] = []
      for (const [id, target, prepare, counts] of [
        ['exchange.warm', '≥ 2', repeated, warm],
        ['exchange.cold', '≥ 1', renewed, cold],
        ['exchange.warm.dpop', '', repeatedProven, warm],
        ['exchange.cold.dpop', '', renewedProven, cold],
      ] as const) {
        if (!run.wants(id)) continue
        run.progress(`${id}: making tokens for ${counts.warmUp + counts.count} exchanges`)
        const fire = await prepare(world, counts.warmUp + counts.count)
        lines.push(beside(id, await fired(run, world, id, fire, counts), baseline, target))
      }
      return lines
    })
  },
}

async function fired(run: Run, world: World, id: string, fire: Fire, counts: Counts): Promise<Measured> {
  const { warmUp, count } = counts
  const { pid } = world.authority
  await measure(world.origin, pid, fire, { from: 0, to: warmUp })
  const before = (await world.admin.checkpoint('acme')).size
  run.progress(`${id}: ${count} exchanges`)
  const measured = await measure(world.origin, pid, fire, { from: warmUp, to: warmUp + count })
  await requireRecorded(world.admin, before, measured.answers, count)
  return measured
}

/** What varies from one exchange to the next: the resource, and the tools that the token is narrowed to. */
function target(world: World, at: number): Record<string, string> {
  const tool = (shift: number) => `${resourceName(at)}/${TOOLS[(Math.floor(at / 8) + shift) % TOOLS.length]}`
  const scopes = [{}, { scope: tool(0) }, { scope: `${tool(0)} ${tool(1)}` }] as const
  return { resource: world.resource(at), ...scopes[at % scopes.length] }
}

/**
 * The same two tokens again: at its home an agent may show its evidence itself. This agent's entry lets it be a bearer, since each proof
 * costs a signature check, which is measured apart.
 */
async function repeated(world: World, total: number): Promise<Fire> {
  const assertion = evidenceOf(world.cluster, 'support/desk', 'desk-1', world.issuer)
  const user = idTokenOf(world.idp, 'desk', userSub(1))
  const shots = Array.from({ length: total }, (_, at) =>
    bearer(exchangeForm({ assertion, user }, target(world, at))),
  )
  return (pool, at) => post(pool, shots[at] ?? bearer(''))
}

/** The same with new evidence and a new sign-in each time. */
async function renewed(world: World, total: number): Promise<Fire> {
  const shots = Array.from({ length: total }, (_, at) => {
    const assertion = evidenceOf(world.cluster, 'support/desk', 'desk-1', world.issuer)
    return bearer(
      exchangeForm({ assertion, user: idTokenOf(world.idp, 'desk', userSub(at)) }, target(world, at)),
    )
  })
  return (pool, at) => post(pool, shots[at] ?? bearer(''))
}

/** As an agent works in any tenant: the same `agent+jwt` and ID token again, each request with a proof of its own. */
async function repeatedProven(world: World, total: number): Promise<Fire> {
  const evidence = evidenceOf(world.cluster, 'support/support', 'support-1', world.issuer)
  const user = idTokenOf(world.idp, 'support', userSub(0))
  const proofs = Array.from({ length: total }, () => proofFor(world.tokenUrl))
  let assertion: Promise<string> | undefined
  return async (pool, at) => {
    assertion ??= attest(pool, world, evidence, proofFor(world.tokenUrl))
    const body = exchangeForm({ assertion: await assertion, user }, target(world, at))
    return post(pool, proven(body, proofs[at] ?? ''))
  }
}

/** Two requests each time: new evidence to an `agent+jwt`, then that and the ID token of a new sign-in to an access token; a proof with each. */
async function renewedProven(world: World, total: number): Promise<Fire> {
  const made = Array.from({ length: total }, (_, at) => ({
    evidence: evidenceOf(world.cluster, 'support/support', 'support-1', world.issuer),
    user: idTokenOf(world.idp, 'support', userSub(at)),
    proofs: [proofFor(world.tokenUrl), proofFor(world.tokenUrl)],
  }))
  return async (pool, at) => {
    const { evidence = '', user = '', proofs: [first = '', second = ''] = [] } = made[at] ?? {}
    const assertion = await attest(pool, world, evidence, first)
    return post(pool, proven(exchangeForm({ assertion, user }, target(world, at)), second))
  }
}

/** The baseline, with the same load: each request with an assertion of its own, as its server demands. */
async function clientCredentials(run: Run, { warmUp, count }: Counts): Promise<Measured> {
  const [client, provider] = [newJwtKey('ES256'), newJwtKey('ES256')]
  const script = join(ROOT, 'bench/baselines/client-credentials.ts')
  const keys = [JSON.stringify(client.publicJwk), JSON.stringify(provider.privateJwk)]
  run.progress(`baseline of exchange: ${count} client credentials`)
  const server = await startProcess(script, keys, { measured: true })
  try {
    return await credentialsOf(server, client, { warmUp, count })
  } finally {
    await server.stop()
  }
}

async function credentialsOf(
  server: Started,
  client: ReturnType<typeof newJwtKey>,
  { warmUp, count }: Counts,
): Promise<Measured> {
  const issuer = String(server.facts['issuer'])
  const shots = Array.from({ length: warmUp + count }, (_, at): Shot => {
    const now = Math.floor(Date.now() / 1000)
    const claims = { iss: 'bench', sub: 'bench', aud: issuer, iat: now, exp: now + 300, jti: `jti-${at}` }
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: JWT_BEARER,
      client_assertion: client.sign({}, claims),
      resource: `https://api.example/orders-${at % 8}`,
      scope: TOOLS[at % TOOLS.length] ?? '',
    }).toString()
    return { path: '/token', headers: { 'content-type': FORM }, body }
  })
  const fire: Fire = (pool, at) => post(pool, shots[at] ?? bearer(''))
  await measure(issuer, server.pid, fire, { from: 0, to: warmUp })
  const measured = await measure(issuer, server.pid, fire, { from: warmUp, to: warmUp + count })
  if (new Set(measured.answers).size !== count) throw new Error('the baseline gave a token twice')
  return measured
}
