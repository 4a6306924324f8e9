import { join } from 'node:path'
import { readFolder } from '../../examples/demo/folders.ts'
import { uidOf } from '../../examples/parts/cluster.ts'
import { ROOT } from '../source-files.ts'
import type { Surface } from './authority.ts'
import { type Caller, callerOf } from './caller.ts'
import { type Knocked, knock } from './knock.ts'

/** An application's backend that asks by the AuthZEN API before it lets its users do anything. */
export type AskingPoint = {
  readonly caller: Caller
  readonly token: string
  /** Posts to an endpoint under `/t/<tenant>/access/v1/`, with the token and a fresh proof. */
  readonly ask: (
    endpoint: string,
    body: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Knocked>
}

/** Applies the example's own folder: tenant `todo`, its users, objects and policies. */
export async function applyTodo(surface: Surface): Promise<void> {
  const folder = await readFolder(join(ROOT, 'examples/authzen-todo/config'))
  await applyFiles(surface, folder, 'todo/backend')
}

/** Applies files of one tenant whose enforcement point runs as this service account. */
export async function applyFiles(
  surface: Surface,
  files: ReadonlyMap<string, string>,
  account: string,
): Promise<void> {
  const { company, origin } = surface
  const variables = {
    authority: origin,
    cluster: company.cluster.issuer,
    cluster_host: company.cluster.host,
    uid_backend: uidOf('sa', account),
  }
  await surface.admin.configure(
    'apply',
    [...files].map(([path, text]) => ({ path, text })),
    variables,
  )
}

/** The workload, attested at its tenant, with an access token for the tenant's `authzen`. */
export async function pointOf(surface: Surface, tenant: string, account: string): Promise<AskingPoint> {
  const caller = callerOf(surface, account, tenant)
  const token = await caller.token(tenant, 'authzen', { type: 'authzen' })
  const ask: AskingPoint['ask'] = (endpoint, body, headers = {}) => {
    const path = `/t/${tenant}/access/v1/${endpoint}`
    const dpop = caller.prove('POST', surface.origin + path, token)
    const shown = { authorization: `DPoP ${token}`, dpop, 'content-type': 'application/json', ...headers }
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return knock(surface, 'authority', { method: 'POST', path, headers: shown, body: text })
  }
  return { caller, token, ask }
}
