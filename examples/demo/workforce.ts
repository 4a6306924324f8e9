import { join } from 'node:path'
import { type Part, PartRefused } from './part.ts'
import { type Audience, allowed, ended, type Outcome, type Story, startStory } from './story.ts'
import { hoursAround, type World } from './world.ts'

type Login = {
  readonly lease: string
  readonly user: string
  readonly tables: readonly string[]
  readonly expires_at: string
}
type End = { readonly how: string; readonly afterMs: number }

async function agents(
  world: World,
): Promise<{ readonly pipeline: Part; readonly impostor: Part; readonly scanner: Part }> {
  const home = `${world.authority}/t/operator`
  const warehouse = `${world.gateway}/t/operator/postgres/warehouse`
  const facts = `${world.gateway}/t/operator/facts/facts`
  const script = (name: string) => join(world.program, 'examples/workforce', name)
  const [pipeline, impostor, scanner] = await Promise.all([
    world.start('pipeline', script('pipeline.ts'), [home, world.tokenFile('pipeline'), warehouse]),
    world.start('impostor', script('pipeline.ts'), [home, world.tokenFile('impostor'), warehouse]),
    world.start('scanner', script('scanner.ts'), [home, world.tokenFile('scanner'), facts]),
  ])
  return { pipeline, impostor, scanner }
}

const SUBJECT = 'agent:operator/pipeline'

/** What a database says when it refuses by itself is the outcome we look for, not an error of the demo. */
async function query(part: Part, as: string, sql: string): Promise<Outcome> {
  const rows = (await part.ask('query', { as, sql })) as readonly Record<string, unknown>[]
  return allowed(`${rows.length} row${rows.length === 1 ? '' : 's'}: ${JSON.stringify(rows[0])}`, 'postgres')
}

async function logIn(part: Part, as: string): Promise<Outcome> {
  const login = (await part.ask('log in', { as })) as Login
  return allowed(
    `login ${login.user} for ${login.tables.join(', ')} until ${login.expires_at.slice(11, 19)} UTC`,
  )
}

/** An agent that holds no secret reads two tables of a real PostgreSQL, and is refused the third. */
export async function workforceStory(world: World, audience: Audience): Promise<Story> {
  const { step, steps } = startStory(audience)
  const { pipeline, impostor, scanner } = await agents(world)
  const report = async (says: string): Promise<Outcome> => {
    await scanner.ask('report', { subject: SUBJECT, says })
    return allowed(`scanner says pipeline is ${says}`)
  }
  await step(
    'nothing is known of its posture yet: refused',
    'refused',
    () => logIn(pipeline, 'too early'),
    /condition\.missing|healthy/,
  )
  await step(
    'the scanner, an attested workload that policy lets report, reports the pipeline clean',
    'allowed',
    () => report('clean'),
  )
  await step('the pipeline proves itself by its runtime and gets a login that lives seconds', 'allowed', () =>
    logIn(pipeline, 'main'),
  )
  await step(
    'another service account of the same cluster is no agent',
    'refused',
    () => logIn(impostor, 'x'),
    /evidence|no_agent|invalid_/,
  )
  await step('it reads the first table', 'allowed', () =>
    query(pipeline, 'main', 'SELECT day, orders, revenue_cents FROM orders_daily ORDER BY day DESC LIMIT 3'),
  )
  await step('it reads the second table', 'allowed', () =>
    query(pipeline, 'main', 'SELECT count(*)::int AS customers FROM customers_masked'),
  )
  await step(
    'PostgreSQL itself refuses the third',
    'refused',
    () => query(pipeline, 'main', 'SELECT * FROM payroll'),
    /permission denied/,
  )
  await step(
    'outside business hours the same agent is refused, and told why',
    'refused',
    async () => {
      await world.apply(hoursAround(new Date()).closed)
      return logIn(pipeline, 'night')
    },
    /business-hours/,
  )
  await world.apply()
  await step(
    'its posture turns bad: refused, with the fact',
    'refused',
    async () => {
      await report('compromised')
      return logIn(pipeline, 'sick')
    },
    /healthy/,
  )
  await report('clean')
  await step('the connection held open dies at the end of its lease', 'ended', async () => {
    const end = (await pipeline.ask('wait for end', { as: 'main' })) as End
    return ended('lease.ended', end.how)
  })
  await step('a second connection, in mid-query when a person stops the agent, dies', 'ended', () =>
    revokeInMidQuery(world, pipeline),
  )
  await step(
    'the stopped agent gets nothing more',
    'refused',
    () => logIn(pipeline, 'after'),
    /revoked|ended|client|grant/,
  )
  return { name: 'workforce', title: 'Workforce: a pipeline reads the warehouse', steps }
}

/** The revocation reaches the database while the query runs: the session is terminated, not just the next login. */
async function revokeInMidQuery(world: World, pipeline: Part): Promise<Outcome> {
  await logIn(pipeline, 'second')
  const running = pipeline.ask('query', { as: 'second', sql: 'SELECT pg_sleep(20)' }).then(
    () => 'the query ended by itself',
    (error: unknown) => (error instanceof PartRefused ? error.failure.says : String(error)),
  )
  await new Promise((resolve) => setTimeout(resolve, 300))
  const began = performance.now()
  const revoked = await world.cli(
    'revoke',
    'agent',
    'pipeline',
    '--tenant',
    'operator',
    '--reason',
    'prompt injection, INC-219',
  )
  const how = await running
  const ms = Math.round(performance.now() - began)
  if (revoked.code !== 0) throw new Error(`revoke failed: ${JSON.stringify(revoked.json)} ${revoked.stderr}`)
  if (!/terminat/.test(how)) throw new Error(how)
  return ended('revoked', `${how} (${ms} ms after the command was typed)`)
}
