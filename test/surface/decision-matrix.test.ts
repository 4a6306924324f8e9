import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AdminRefused } from '../../src/sdk/admin-client.ts'
import type { AccessAsk } from '../../src/sdk/admin-contract.ts'
import { type Surface, startSurface, TENANTS } from '../support/authority.ts'
import { goodTokens } from '../support/kinds.ts'
import { objectIn } from '../support/knock.ts'

const FILE = join(import.meta.dirname, 'decision-matrix.txt')

let surface: Surface
beforeAll(async () => {
  surface = await startSurface()
  // The scanner says on the way that the pipeline is clean.
  await goodTokens(surface)
})
afterAll(() => surface?.close())

const HEADER = `# Who may do what in the demo's configuration, inside business hours, from this machine, with a clean pipeline: every agent, for nobody
# and for each user, at every tool (and entering each resource). Made by decision-matrix.test.ts; \`UPDATE_MATRIX=1 npx vitest run
# test/surface/decision-matrix.test.ts\` writes it anew. \`own\` and \`other\`: with the user's own customer_id in the arguments, or another's.
`

type Document = { readonly name: string; readonly doc: Readonly<Record<string, unknown>> }

async function documents(tenant: string, kind: string): Promise<readonly Document[]> {
  const response = await fetch(`${surface.origin}/admin/v1/t/${tenant}/${kind}`, {
    headers: { authorization: `Bearer ${surface.adminToken}` },
  })
  const { documents: found } = objectIn(await response.text()) as { readonly documents: readonly Document[] }
  return found
}

/** Every agent that could be named here: the tenant's own, its guests, and those of other homes that nobody admitted. */
async function agentsOf(tenant: string): Promise<readonly string[]> {
  const homes = await Promise.all(
    [...TENANTS]
      .sort()
      .map(async (home) => (await documents(home, 'agent')).map(({ name }) => `${home}/${name}`)),
  )
  const guests = (await documents(tenant, 'admission')).map(({ name }) => name)
  return [...new Set([...homes.flat(), ...guests])]
}

type Column = { readonly name: string; readonly user?: string; readonly input: object }

async function columnsOf(tenant: string): Promise<readonly Column[]> {
  const users = await documents(tenant, 'user')
  const order = { order_id: 'o-1' }
  return [
    { name: 'nobody', input: { customer_id: 'c-42', ...order, ...REPORTED } },
    ...users.flatMap(({ name, doc }): Column[] => {
      const { customer_id } = doc['attributes'] as { readonly customer_id: string }
      return [
        { name: `${name} own`, user: name, input: { customer_id, ...order } },
        { name: `${name} other`, user: name, input: { customer_id: `${customer_id}0`, ...order } },
      ]
    }),
  ]
}

/** What is declared of the arguments; others would be refused before any policy is asked. */
function fitting(input: object, declared: unknown): object {
  const { properties = {} } = (declared ?? {}) as { readonly properties?: object }
  return Object.fromEntries(Object.entries(input).filter(([name]) => name in properties))
}

type Action = { readonly name: string; readonly input?: unknown }

/** Entering, every tool, and one that isn't there. */
async function actionsOf(tenant: string): Promise<readonly Action[]> {
  const found: Action[] = []
  for (const { name, doc } of await documents(tenant, 'resource')) {
    found.push({ name })
    const tools = doc['tools'] as Readonly<Record<string, unknown>>
    if (doc['type'] === 'postgres') {
      for (const [hint, tables] of Object.entries(tools))
        for (const table of tables as readonly string[]) found.push({ name: `${name}/${hint}:${table}` })
    } else {
      for (const [tool, declared] of Object.entries(tools))
        found.push({ name: `${name}/${tool}`, input: (declared as { readonly input?: unknown }).input })
    }
    found.push({ name: `${name}/nothing` })
  }
  // The one resource that every tenant has without declaring it.
  return [...found, { name: 'facts' }, { name: 'facts/report', input: FACT }, { name: 'facts/nothing' }]
}

/** The posture fact that the warehouse asks for. */
const FACT = { properties: { subject: {}, says: {} } }
const REPORTED = { subject: 'agent:operator/pipeline', says: 'clean' }

async function answerTo(tenant: string, ask: AccessAsk): Promise<string> {
  const refused = (error: unknown) => {
    if (error instanceof AdminRefused) return { outcome: 'unknown', reason: error.reason }
    throw error
  }
  const asked = surface.admin.explain(tenant, { ...ask, address: '127.0.0.1' })
  const { outcome, reason } = await asked.catch(refused)
  return `${outcome} ${reason}`
}

async function matrix(): Promise<string> {
  const lines: string[] = []
  for (const tenant of [...TENANTS].sort()) {
    const columns = await columnsOf(tenant)
    for (const agent of await agentsOf(tenant)) {
      for (const { name: tool, input: declared } of await actionsOf(tenant)) {
        for (const { name, user, input } of columns) {
          const ask = {
            agent,
            tool,
            input: fitting(input, declared),
            ...(user === undefined ? {} : { user }),
          }
          const said = await answerTo(tenant, ask)
          lines.push([tenant.padEnd(8), agent.padEnd(18), name.padEnd(20), tool.padEnd(32), said].join(' '))
        }
      }
    }
  }
  return `${HEADER}${lines.join('\n')}\n`
}

test("the demo's decisions are the ones in the file", async () => {
  const now = await matrix()
  if (process.env['UPDATE_MATRIX'] === '1') await writeFile(FILE, now)
  expect(now).toBe(await readFile(FILE, 'utf8'))
})
