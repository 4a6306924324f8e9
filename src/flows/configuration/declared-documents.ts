import type { TenantName } from '../../core/ids.ts'
import { type Change, DECLARED } from '../../core/registry.ts'
import type { ConfigurationFile } from './problem.ts'
import type { Declared } from './references.ts'
import type { Declaration, DeclaredKind } from './yaml-documents.ts'

/** One tenant as it is registered, in the form in which a folder's declarations are checked, and its policies as texts. */
export type Registered = { readonly declared: Declared; readonly policies: readonly ConfigurationFile[] }

type Document = Pick<Change, 'tenant' | 'kind' | 'name' | 'doc'>

type Gathered = {
  readonly by: Map<DeclaredKind, Map<string, Declaration>>
  readonly policies: ConfigurationFile[]
}

/** Registered documents by tenant. The place of each is its own name, since it stands in no file. */
export function registeredTenants(documents: Iterable<Document>): ReadonlyMap<TenantName, Registered> {
  const tenants = new Map<TenantName, Gathered>()
  for (const each of documents) {
    if (each.doc === null || !isDeclared(each.kind)) continue
    const tenant = tenants.get(each.tenant) ?? { by: new Map(), policies: [] }
    tenants.set(each.tenant, tenant)
    gather(tenant, each, each.kind)
  }
  return new Map(
    [...tenants].map(([tenant, { by, policies }]) => [tenant, { declared: { tenant, by }, policies }]),
  )
}

function gather(tenant: Gathered, document: Document, kind: DeclaredKind): void {
  const text = kind === 'policy' || kind === 'template' ? textOf(document.doc) : undefined
  if (text !== undefined) {
    tenant.policies.push({ path: pathOf(document), text })
    return
  }
  const named = tenant.by.get(kind) ?? new Map<string, Declaration>()
  tenant.by.set(kind, named.set(document.name, declarationOf(document, kind)))
}

/** What is written in Cedar; a policy that is made of a template is declared like other documents. */
function textOf(doc: Document['doc']): string | undefined {
  const text = doc !== null && 'text' in doc ? doc.text : undefined
  return typeof text === 'string' ? text : undefined
}

function isDeclared(kind: string): kind is DeclaredKind {
  return DECLARED.some((declared) => declared === kind)
}

function pathOf({ tenant, kind, name }: Document): string {
  return `${tenant}/${kind}/${name}`
}

function declarationOf(document: Document, kind: DeclaredKind): Declaration {
  const path = pathOf(document)
  return {
    kind,
    name: document.name,
    value: document.doc as Readonly<Record<string, unknown>>,
    file: { path, text: '' },
    placeOf: () => ({ path, line: 1, column: 1 }),
  }
}
