/**
 * Our side of an upstream's authorization, driven without a person: the suite's authorization server agrees by itself. What a browser
 * would do between our pages is done here; finding, registering, asking and redeeming are the program's own code.
 */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { createGuardedFetch } from '../../../src/lib/guarded-fetch.ts'
import { authorizationUrl, scopesToAsk } from '../../../src/lib/oauth-client/authorize.ts'
import { bearerChallenge, type Challenge } from '../../../src/lib/oauth-client/challenge.ts'
import { discover, type Protected } from '../../../src/lib/oauth-client/discover.ts'
import type { Reach } from '../../../src/lib/oauth-client/reach.ts'
import { knownClient, type OurClient, register } from '../../../src/lib/oauth-client/register.ts'
import { redeemCode } from '../../../src/lib/oauth-client/tokens.ts'
import type { Outcome } from '../../../src/lib/outcome.ts'
import { newKey } from '../../../src/lib/random-key.ts'

const REDIRECT = 'http://127.0.0.1:47123/t/acme/connected'
/** Where the suite pretends that our document is. */
const DOCUMENT = `https://${['conformance-test', 'local'].join('.')}/client-metadata.json`
/** How often one request may lead to an authorization. */
const MOST_TRIES = 2

const [server = ''] = process.argv.slice(-1)
const scenario = process.env['MCP_CONFORMANCE_SCENARIO'] ?? ''
const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as Readonly<Record<string, string>>
const wire = process.env['MCP_CONFORMANCE_PROTOCOL_VERSION']

/** The suite listens wherever it likes on this machine: both lists have each place that is asked for. */
function reachOf(url: string): Reach {
  const allow = [new URL(url).host]
  return { fetch: createGuardedFetch({ allow }), allow }
}

function anyReach(): Reach {
  return {
    fetch: (url, options) => reachOf(url).fetch(url, { ...options, allow: [new URL(url).host] }),
    allow: { includes: (host: string) => /^(localhost|127\.0\.0\.1):\d+$/.test(host) } as unknown as string[],
  }
}

function must<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value
  throw new Error(`${outcome.error.reason} ${JSON.stringify(outcome.error.facts)}`)
}

const clients = new Map<string, OurClient>()

/** One client for each issuer, whoever else knows us. */
async function clientFor(reach: Reach, place: Protected): Promise<OurClient> {
  const { issuer } = place.server
  const id = context['client_id']
  const secret = context['client_secret']
  const byHand: OurClient | undefined =
    id === undefined
      ? undefined
      : {
          id,
          auth: secret === undefined ? 'none' : 'client_secret_basic',
          ...(secret === undefined ? {} : { secret }),
        }
  const listed = byHand === undefined ? {} : { listed: { [context['issuer'] ?? issuer]: byHand } }
  const ours = { ...listed, document: DOCUMENT, name: 'Countersign', redirectUri: REDIRECT }
  const known =
    clients.get(issuer) ?? knownClient(place.server, ours) ?? must(await register(reach, place.server, ours))
  clients.set(issuer, known)
  return known
}

let token: string | undefined
let asked: readonly string[] = []

async function connect(challenge: Challenge | undefined): Promise<void> {
  const reach = anyReach()
  const place = must(await discover(reach, server, challenge))
  const client = await clientFor(reach, place)
  const scopes = scopesToAsk(place, challenge?.scope, asked)
  asked = scopes
  const keys = { state: newKey(), verifier: newKey() }
  const url = must(
    await authorizationUrl({ place, clientId: client.id, redirectUri: REDIRECT, scopes, keys }),
  )
  const answer = await fetch(url, { redirect: 'manual' })
  const back = new URL(answer.headers.get('location') ?? '')
  const about = { keys, redirectUri: REDIRECT, resource: place.resource }
  const tokens = must(
    await redeemCode({ reach, server: place.server, client }, new Map(back.searchParams), about),
  )
  token = tokens.access
}

/** Adds our credential; a challenge leads to a connection, a few times at most. */
async function withCredential(url: string | URL, init: RequestInit = {}): Promise<Response> {
  for (let tries = 0; ; tries += 1) {
    const headers = new Headers(init.headers)
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    const response = await fetch(url, { ...init, headers })
    if ((response.status !== 401 && response.status !== 403) || tries === MOST_TRIES) return response
    const challenge = await bearerChallenge(response.headers.get('www-authenticate') ?? undefined)
    if (response.status === 403 && challenge?.error !== 'insufficient_scope') return response
    await response.body?.cancel()
    await connect(challenge)
  }
}

type Call = { readonly name: string; readonly arguments: Record<string, unknown> }

/** What the scenario wants called: what its context says, else each tool it has, and where it is about credentials the first. */
function callsFor(tools: readonly { readonly name: string }[]): readonly Call[] {
  const said: unknown = context['toolCalls']
  if (Array.isArray(said)) return said as readonly Call[]
  const all = tools.map(({ name }) => ({ name, arguments: name === 'add_numbers' ? { a: 5, b: 3 } : {} }))
  return scenario.startsWith('auth/') ? all.slice(0, 1) : all
}

/** What a call of no credential comes to is the suite's to judge: some of its servers answer what a client must not take. */
async function callTool(client: Client, call: Call): Promise<void> {
  const called = client.callTool(call)
  if (scenario.startsWith('auth/')) await called
  else await called.catch((error: unknown) => process.stderr.write(`${call.name}: ${String(error)}\n`))
}

async function main(): Promise<void> {
  const pinned = wire === '2026-07-28' ? { versionNegotiation: { mode: { pin: wire } } } : {}
  const capabilities = { elicitation: { form: { applyDefaults: true } } }
  const client = new Client(
    { name: 'countersign-upstream-leg', version: '1.0.0' },
    { capabilities, ...pinned },
  )
  client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: {} }))
  await client.connect(new StreamableHTTPClientTransport(new URL(server), { fetch: withCredential }))
  const { tools } = await client.listTools()
  for (const call of callsFor(tools)) await callTool(client, call)
  await client.close()
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
