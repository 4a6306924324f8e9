import { spawn } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import { pino } from 'pino'
import { z } from 'zod'
import { freePort } from '../../examples/demo/folders.ts'
import type { Route } from '../../src/lib/http/route.ts'
import { signJwt } from '../../src/lib/jose/jwt.ts'
import { type AdminClient, createAdminClient } from '../../src/sdk/admin-client.ts'
import { type Running, startAuthority } from '../../src/server/authority.ts'
import { DEFAULT_LIMITS, GATEWAY_DEFAULTS } from '../../src/server/config.ts'
import { startGateway } from '../../src/server/gateway.ts'
import { startTestPostgres } from '../../src/stores/postgres/testing.ts'
import { ROOT } from '../source-files.ts'
import { startServer } from './server-process.ts'

/** An authority, a gateway, a real identity provider, an MCP server and a host of client documents, for people who sign in. */
export type SignInWorld = {
  readonly origin: string
  readonly issuer: string
  /** The MCP server, as clients reach it. */
  readonly resource: string
  /** The same server at another gateway. */
  readonly resourceAtOther: string
  /** Where a second authority listens, in a process of its own, over the same database and keys. */
  readonly startPeer: () => Promise<string>
  readonly admin: AdminClient
  /** The authority's own database, as its owner reaches it. */
  readonly database: string
  /** A client metadata document that is published at the answered URL; the members are added to or put in the place of the usual. */
  readonly publish: (members: Readonly<Record<string, unknown>>) => string
  /** Any other JSON at that site, such as a set of keys. */
  readonly publishJson: (json: object) => string
  /** Signs as the company's identity provider does, with the key that it publishes. */
  readonly signAsProvider: (claims: JWTPayload, typ: string) => Promise<string>
  /** How many requests the site has had. */
  readonly fetches: () => number
  /** Applies the tenant again, with a text of it replaced. */
  readonly change: (from: string, to: string) => Promise<void>
  readonly events: () => Promise<readonly WorldEvent[]>
  readonly faults: readonly string[]
  /** The tables of what is served. */
  readonly routes: Readonly<Record<'authority' | 'socket' | 'gateway', readonly Route[]>>
  readonly close: () => Promise<void>
}

export type WorldEvent = {
  readonly reason: string
  readonly kind: string
  readonly outcome: string
  readonly facts?: Readonly<Record<string, unknown>>
}

/** A client whose document stands in the tenant's own configuration. */
export const PRELOADED = 'https://program.example/client.json'

/** A site whose scripts may call MCP servers. */
export const CHAT = 'https://chat.acme.example'

type Closers = (() => Promise<unknown> | unknown)[]

const key = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwks = { keys: [{ ...key.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }] }
const CLUSTER = 'https://cluster.example'

function gatewayEvidence(origin: string): string {
  const now = Math.floor(Date.now() / 1000)
  const account = { name: 'gateway', uid: 'uid-gateway' }
  const claims = {
    iss: CLUSTER,
    sub: 'system:serviceaccount:prod:gateway',
    aud: [`${origin}/t/operator`],
    iat: now,
    exp: now + 3000,
    'kubernetes.io': { namespace: 'prod', pod: { name: 'gw', uid: randomUUID() }, serviceaccount: account },
  }
  return signJwt(claims, { key: key.privateKey, kid: 'k1', alg: 'RS256', typ: 'JWT' })
}

type Places = { origin: string; idp: string; documents: string; notes: string }

function configuration(places: Places): Map<string, string> {
  const { origin, idp, documents, notes } = places
  return new Map([
    [
      'operator/tenant.yaml',
      `
tenant: operator
---
trust: prod
attestor: oidc-token
preset: kubernetes
issuer: ${CLUSTER}
audience: ${origin}/t/operator
jwks: ${JSON.stringify(jwks)}
pin: { sa-uid: [uid-gateway] }
---
gateway: edge
is: { trust: prod, "k8s:sa": gateway }
tenants: [acme]
`,
    ],
    [
      'acme/tenant.yaml',
      `
tenant: acme
display: Acme Ltd
---
idp: company
issuer: ${idp}
allow_private: ["${new URL(idp).host}"]
users: any
sign_in: { client: countersign }
id_jag: { life: 5m }
---
trust: mcp-clients
attestor: oauth-client
schemes: [cursor]
listed:
  desk: { name: Acme Desk, redirect_uris: ["https://desk.acme.example/callback"] }
  conformance: { name: Conformance suite, redirect_uris: ["http://127.0.0.1/callback"] }
documents:
  hosts: ["${new URL(documents).host}"]
  allow_private: ["${new URL(documents).host}"]
  preloaded:
    ${PRELOADED}: { client_name: A program of the site, redirect_uris: ["http://127.0.0.1/callback"] }
    https://claude.ai/oauth/claude-code-client-metadata:
      client_name: Claude Code
      redirect_uris: ["http://localhost/callback", "http://127.0.0.1/callback"]
    https://chatgpt.com/oauth/codex/client.json:
      client_name: Codex
      redirect_uris: ["http://localhost/callback", "http://127.0.0.1/callback"]
registration: { life: 1h, most: 20 }
---
agent: coder
kind: workforce
owner: dana@acme.example
is: { trust: mcp-clients }
---
delegation: coder-for-everybody
agent: coder
user: "*"
tools: ["notes/*"]
---
resource: notes
type: mcp
at: ${notes}/mcp
tools:
  read_note: { hint: read, description: Reads one note by its name., input: { type: object, properties: { name: { type: string } } } }
  write_note: { hint: write, description: Writes a note., input: { type: object } }
  burn_notes: { hint: write, input: { type: object } }
`,
    ],
    [
      'acme/policies.cedar',
      `@id("claimed-coder") @claimed("yes")
permit (principal == Agent::"coder", action, resource == Resource::"notes");
@id("people") permit (principal is User, action in [Action::"notes/read_note", Action::"notes/write_note"], resource);
`,
    ],
  ])
}

/** `more`: files of configuration beside the usual; `allow`: private places that the operator lists besides. */
export async function startSignInWorld(
  more: ReadonlyMap<string, string> = new Map(),
  allow: readonly string[] = [],
): Promise<SignInWorld> {
  const closers: Closers = []
  const close = async () => {
    for (const end of closers.splice(0).reverse()) await end()
  }
  try {
    return { ...(await open(closers, more, allow)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function open(
  closers: Closers,
  more: ReadonlyMap<string, string>,
  allow: readonly string[],
): Promise<Omit<SignInWorld, 'close'>> {
  const faults: string[] = []
  const log = pino({ level: 'error' }, { write: (line: string) => void faults.push(line) })
  const folder = await mkdtemp(join(tmpdir(), 'countersign-sign-in-'))
  await chmod(folder, 0o711)
  closers.push(() => rm(folder, { recursive: true, force: true }))
  const [port, gatewayPort] = [await freePort(), await freePort()]
  const [origin, gatewayOrigin] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${gatewayPort}`]
  const issuer = `${origin}/t/acme`
  const { privateKey: providerKey } = await generateKeyPair('RS256', { extractable: true })
  const [idp, documents, notes, postgres] = await Promise.all([
    startIdentityProvider(folder, { issuer, key: await exportJWK(providerKey) }, closers),
    startDocuments(closers),
    startNotes(closers),
    startTestPostgres(),
  ])
  closers.push(() => postgres.stop())
  const { host, port: at, user } = await postgres.server.createDatabase('countersign')
  const config = {
    listen: `127.0.0.1:${port}`,
    origin,
    gateway_origin: gatewayOrigin,
    folder: join(folder, 'authority'),
    database_url: `postgres://${user}@${encodeURIComponent(host)}:${at}/countersign`,
    log_name: 'sign-in.example/log',
    staleness: '5s',
    allow_private: [new URL(idp).host, new URL(documents.origin).host, ...allow],
    secrets: {},
    ask_again: 1,
  }
  const authority = await startAuthority({ ...config, limits: DEFAULT_LIMITS }, log)
  closers.push(authority.close)
  const admin = createAdminClient({ socket: String(authority.facts['socket']) })
  closers.push(admin.close)
  const files = new Map([...configuration({ origin, idp, documents: documents.origin, notes }), ...more])
  const apply = async () => {
    const all = [...files].map(([path, text]) => ({ path, text }))
    await admin.configure('apply', all, {})
  }
  await apply()
  const gateway = await openGateway({ folder, origin, gatewayOrigin }, 'gw-1', gatewayOrigin, log, closers)
  const other = `http://127.0.0.1:${await freePort()}`
  await openGateway({ folder, origin, gatewayOrigin }, 'gw-2', other, log, closers)
  return {
    origin,
    issuer,
    resource: `${gatewayOrigin}/t/acme/mcp/notes`,
    resourceAtOther: `${other}/t/acme/mcp/notes`,
    startPeer: () => startPeer(folder, config, closers),
    admin,
    database: config.database_url,
    signAsProvider: (claims, typ) =>
      new SignJWT({ iss: idp, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'idp-1', typ })
        .sign(providerKey),
    publish: documents.publish,
    publishJson: documents.publishJson,
    fetches: documents.fetches,
    change: async (from, to) => {
      for (const [path, text] of files) files.set(path, text.replace(from, to))
      await apply()
    },
    events: async () => (await admin.audit('acme', { limit: '500' })).events,
    faults,
    routes: {
      authority: authority.routes.address,
      socket: authority.routes.socket,
      gateway: gateway.routes.address,
    },
  }
}

async function openGateway(
  { folder, origin, gatewayOrigin }: Readonly<Record<'folder' | 'origin' | 'gatewayOrigin', string>>,
  instance: string,
  at: string,
  log: Parameters<typeof startGateway>[1],
  closers: Closers,
): Promise<Running> {
  const evidence = join(folder, `${instance}-token`)
  await writeFile(evidence, gatewayEvidence(origin), { mode: 0o600 })
  const journal = join(folder, `${instance}-journal`)
  await mkdir(journal, { mode: 0o700 })
  const place = { listen: new URL(at).host, instance, origin: gatewayOrigin, journal }
  const gateway = await startGateway(
    {
      ...place,
      authority: origin,
      evidence,
      unshipped: '30s',
      ask_again: 1,
      ...GATEWAY_DEFAULTS,
      origins: [CHAT],
    },
    log,
  )
  closers.push(gateway.close)
  return gateway
}

let peers = 0

async function startPeer(folder: string, config: object, closers: Closers): Promise<string> {
  peers += 1
  const name = `peer-${peers}`
  const at = `127.0.0.1:${await freePort()}`
  const own = join(folder, name)
  await mkdir(own, { mode: 0o700 })
  // Authorities share their keys' folder; everything else is their own.
  await symlink(join(folder, 'authority', 'keys'), join(own, 'keys'))
  const server = await startServer(folder, name, {
    authority: { ...config, listen: at, folder: own },
  })
  closers.push(async () => {
    server.kill('SIGTERM')
    await server.ended
  })
  await server.ready('authority')
  return `http://${at}`
}

/** `oidc-provider` in a process of its own, with the one client that the authority is there. */
async function startIdentityProvider(
  folder: string,
  { issuer, key }: { readonly issuer: string; readonly key: JWK },
  closers: Closers,
): Promise<string> {
  const users = ['ana', 'ben'].map((sub) => ({ sub, email: `${sub}@acme.example` }))
  const client = { id: 'countersign', redirect: `${issuer}/sign-in`, logout: `${issuer}/logout/company` }
  const settings = join(folder, 'idp.json')
  await writeFile(settings, JSON.stringify({ users, clients: [client], key }))
  const script = join(ROOT, 'examples/parts/identity-provider.ts')
  const child = spawn(process.execPath, [script, settings], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  })
  closers.push(() => child.kill('SIGTERM'))
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{')) return (JSON.parse(line) as { issuer: string }).issuer
  }
  throw new Error('the identity provider ended before it was ready')
}

async function listening(server: ReturnType<typeof createServer>, closers: Closers): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A site that publishes client metadata documents. */
async function startDocuments(closers: Closers) {
  const published = new Map<string, string>()
  let fetches = 0
  const server = createServer((request, response) => {
    fetches += 1
    const found = published.get(request.url ?? '')
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' }).end(found ?? '{}')
  })
  const origin = await listening(server, closers)
  const publish = (members: Readonly<Record<string, unknown>>): string => {
    const path = `/${randomUUID()}.json`
    const usual = {
      client_id: origin + path,
      client_name: 'Pocket Coder',
      redirect_uris: ['http://127.0.0.1/callback'],
      token_endpoint_auth_method: 'none',
    }
    published.set(path, JSON.stringify({ ...usual, ...members }))
    return origin + path
  }
  const publishJson = (json: object): string => {
    const path = `/${randomUUID()}.json`
    published.set(path, JSON.stringify(json))
    return origin + path
  }
  return { origin, publish, publishJson, fetches: () => fetches }
}

/** An MCP server that knows nothing of Countersign. */
async function startNotes(closers: Closers): Promise<string> {
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'notes', version: '1.0.0' })
    const said = (text: string) => ({ content: [{ type: 'text' as const, text }] })
    const named = z.object({ name: z.string() })
    server.registerTool('read_note', { inputSchema: named }, ({ name }) => said(`the note ${name}`))
    server.registerTool('write_note', { inputSchema: z.object({}) }, () => said('written'))
    server.registerTool('burn_notes', { inputSchema: z.object({}) }, () => said('burnt'))
    return server
  })
  const served = toNodeHandler(handler)
  const server = createServer((request, response) => {
    void (served as unknown as (req: typeof request, res: typeof response) => Promise<void>)(
      request,
      response,
    )
  })
  closers.push(() => handler.close())
  return listening(server, closers)
}
