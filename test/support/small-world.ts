import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../examples/demo/folders.ts'
import { signJwt } from '../../src/lib/jose/jwt.ts'
import { createAdminClient } from '../../src/sdk/admin-client.ts'
import { type Agent, createAgent } from '../../src/sdk/agent.ts'

/** One tenant, one agent, one MCP resource, one gateway entry; configurations for processes of both roles in one folder. */
export type SmallWorld = {
  readonly origin: string
  readonly gatewayOrigin: string
  readonly socket: string
  readonly authority: Readonly<Record<string, unknown>>
  /** A gateway's part of a configuration; its Journal is named after it. */
  readonly gateway: (name?: string) => Promise<Readonly<Record<string, unknown>>>
  readonly apply: () => Promise<void>
  readonly agent: (tenant?: string) => Promise<Agent>
  /** A fresh token for the resource. Rejects with the authority's no. */
  readonly token: (agent: Agent, tenant?: string) => ReturnType<Agent['token']>
  /** A call of a tool at a gateway; answers the status and the text. */
  readonly call: (
    agent: Agent,
    port: number,
    token: Awaited<ReturnType<Agent['token']>>,
    tenant?: string,
  ) => Promise<string>
  /** Recorded events of the tenant: how many there are, and the last of them. */
  readonly recorded: () => Promise<{ readonly size: number; readonly reasons: readonly string[] }>
}

const key = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwks = { keys: [{ ...key.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }] }
const CLUSTER = 'https://cluster.example'

function evidence(origin: string, account: string, tenant = 'operator'): string {
  const now = Math.floor(Date.now() / 1000)
  const kubernetes = {
    namespace: 'prod',
    pod: { name: account, uid: randomUUID() },
    serviceaccount: { name: account, uid: `uid-${account}` },
  }
  const claims = {
    iss: CLUSTER,
    sub: `system:serviceaccount:prod:${account}`,
    aud: [`${origin}/t/${tenant}`],
    iat: now,
    exp: now + 3000,
    jti: randomUUID(),
    'kubernetes.io': kubernetes,
  }
  return signJwt(claims, { key: key.privateKey, kid: 'k1', alg: 'RS256', typ: 'JWT' })
}

type File = { readonly path: string; readonly text: string }

function folderOf(origin: string, others: readonly string[]): readonly File[] {
  const gateway = `
---
gateway: edge
is: { trust: prod, "k8s:sa": gateway }
tenants: ${JSON.stringify(['operator', ...others])}
`
  return [...tenantOf(origin, 'operator', gateway), ...others.flatMap((each) => tenantOf(origin, each, ''))]
}

function tenantOf(origin: string, tenant: string, more: string): readonly File[] {
  const yaml = `
tenant: ${tenant}
staleness: 3s
---
trust: prod
attestor: oidc-token
preset: kubernetes
issuer: ${CLUSTER}
audience: ${origin}/t/${tenant}
jwks: ${JSON.stringify(jwks)}
pin: { sa-uid: [uid-agent, uid-gateway] }
---
agent: agent
kind: workforce
owner: dana@operator.example
is: { trust: prod, "k8s:sa": agent }
---
resource: tools
type: mcp
at: http://127.0.0.1:9/mcp
alone: true
tools: { look: { hint: read, input: { type: object } } }
${more}`
  const cedar = '@id("agent") permit (principal is Agent, action, resource);\n'
  return [
    { path: `${tenant}/tenant.yaml`, text: yaml },
    { path: `${tenant}/all.cedar`, text: cedar },
  ]
}

/** `others`: tenants beside `operator`, each with an agent and a resource of the same names. */
export type SmallWorldOptions = {
  readonly scheme?: 'http' | 'https'
  readonly authority?: object
  readonly others?: readonly string[]
}

/** Makes what is needed in a folder that other accounts may pass; starts nothing. */
export async function makeSmallWorld(folder: string, options: SmallWorldOptions = {}): Promise<SmallWorld> {
  const [port, gatewayPort] = [await freePort(), await freePort()]
  const origin = `${options.scheme ?? 'http'}://127.0.0.1:${port}`
  const gatewayOrigin = `http://127.0.0.1:${gatewayPort}`
  const socket = join(folder, 'authority', 'admin.sock')
  const withAdmin = async <T>(work: (client: ReturnType<typeof createAdminClient>) => Promise<T>) => {
    const client = createAdminClient({ socket })
    return work(client).finally(client.close)
  }
  return {
    origin,
    gatewayOrigin,
    socket,
    authority: {
      listen: `127.0.0.1:${port}`,
      origin,
      gateway_origin: gatewayOrigin,
      folder: join(folder, 'authority'),
      log_name: 'test.example/log',
      staleness: '2s',
      ...options.authority,
    },
    gateway: async (name = 'gw-1') => {
      const file = join(folder, `${name}.token`)
      await writeFile(file, evidence(origin, 'gateway'), { mode: 0o600 })
      return {
        listen: `127.0.0.1:${name === 'gw-1' ? gatewayPort : 0}`,
        instance: name,
        origin: gatewayOrigin,
        authority: origin,
        evidence: file,
        journal: join(folder, `${name}-journal`),
      }
    },
    apply: () =>
      withAdmin(async (client) => {
        await client.configure('apply', [...folderOf(origin, options.others ?? [])], {})
      }),
    agent: (tenant = 'operator') =>
      createAgent({ home: `${origin}/t/${tenant}`, evidence: async () => evidence(origin, 'agent', tenant) }),
    token: (agent, tenant = 'operator') =>
      agent.token({ issuer: `${origin}/t/${tenant}`, resource: `${gatewayOrigin}/t/${tenant}/mcp/tools` }),
    call: async (agent, at, token, tenant = 'operator') => {
      const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'look', arguments: {} } }
      const response = await agent.fetchWith(token)(`http://127.0.0.1:${at}/t/${tenant}/mcp/tools`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2025-11-25',
        },
        body: JSON.stringify(message),
      })
      return `${response.status} ${await response.text()}`
    },
    recorded: () =>
      withAdmin(async (client) => {
        const { events, treeSize } = await client.audit('operator', { limit: '200' })
        return { size: treeSize, reasons: events.map(({ reason }) => reason) }
      }),
  }
}
