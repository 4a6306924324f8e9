import { dirname } from 'node:path/posix'
import type { z } from 'zod'
import { type AgentId, agentId, type TenantName } from '../core/ids.ts'
import type { Template, WrittenPolicy } from '../core/policy/policy.ts'
import type { PlacedCase } from '../core/policy/policy-case.ts'
import type { ChangeDraft } from '../core/registry.ts'
import { checkAttributes } from './configuration/attributes.ts'
import { checkAudiences } from './configuration/audiences.ts'
import { checkCases } from './configuration/case-references.ts'
import { isCases, type ReadCase, readCases } from './configuration/cases-file.ts'
import { type ConfigurationFile, didYouMean, type Problem } from './configuration/problem.ts'
import { checkGroups, checkProofs, checkReferences, type Declared } from './configuration/references.ts'
import { substitute } from './configuration/variables.ts'
import { type Declaration, type DeclaredKind, problemsOf, readYaml } from './configuration/yaml-documents.ts'

export type { ConfigurationFile, Problem } from './configuration/problem.ts'

/** The strict schemas of the plug-ins, by kind and name. */
export type PlugInSchemas = Readonly<
  Record<'trust' | 'credential' | 'condition', ReadonlyMap<string, z.ZodType>>
>

/**
 * Reads and strictly validates one tenant's `.cedar` files against the schema that its declarations make, and the policies among its
 * declarations, which are made of templates in those files.
 */
export type ReadPolicies = (
  declared: Declared,
  files: readonly ConfigurationFile[],
) => Promise<{
  readonly policies: readonly WrittenPolicy[]
  readonly templates: readonly Template[]
  readonly sources: readonly PolicySource[]
  readonly problems: readonly Problem[]
}>

/** Where a policy or a template is written: its text begins at `start` (UTF-16) in the file. */
export type PolicySource = {
  readonly policy: string
  readonly file: ConfigurationFile
  readonly start: number
  readonly text: string
}

export type ReadingPorts = {
  readonly schemas: PlugInSchemas
  readonly readPolicies: ReadPolicies
  /** Agents that are registered already, for admissions of agents whose home isn't in these files. */
  readonly agentExists: (id: AgentId) => boolean
  /** A tenant's issuer, the only audience that its workloads' evidence may have; undefined where no authority's origin is known. */
  readonly issuerOf: (tenant: TenantName) => string | undefined
}

/** What a folder declares of one tenant, with where it stands. */
export type ReadTenant = { readonly declared: Declared; readonly sources: readonly PolicySource[] }

export type Configuration = {
  readonly drafts: readonly ChangeDraft[]
  readonly problems: readonly Problem[]
  /** Cases beside the policies (`*.cases.yaml`); they are read and checked, and never written anywhere. */
  readonly cases: readonly PlacedCase[]
  readonly tenants: readonly ReadTenant[]
}

/**
 * Reads a folder's files as a whole: variables, YAML, schemas, plug-in settings, references, policies, cases. Nothing may be written
 * while there is a problem. A tenant is a folder that holds a `tenant:` document; everything below it belongs to it.
 */
export async function readConfiguration(
  files: readonly ConfigurationFile[],
  variables: ReadonlyMap<string, string>,
  ports: ReadingPorts,
): Promise<Configuration> {
  const problems: Problem[] = []
  const filled = files.map((file) => {
    const result = substitute(file, variables)
    problems.push(...result.problems)
    return result.file
  })
  // Each stage stops before the next: what is made of something broken would only be blamed for it.
  if (problems.length > 0) return unusable(problems)
  const declarations = filled.filter(isYaml).flatMap((file) => {
    const read = readYaml(file)
    problems.push(...read.problems)
    return read.declarations
  })
  const cases = filled.filter(isCases).flatMap((file) => {
    const read = readCases(file)
    problems.push(...read.problems)
    return read.cases
  })
  if (problems.length > 0) return unusable(problems)
  const tenants = groupByTenant(declarations, problems)
  const known: ReadingPorts = {
    ...ports,
    agentExists: (id) => agentsOf(tenants).has(id) || ports.agentExists(id),
  }
  for (const tenant of tenants) problems.push(...checkTenant(tenant.declared, known))
  const drafts = tenants.flatMap(({ declared }) => draftsOf(declared))
  if (problems.length > 0) return unusable(problems)
  const read: { tenants: ReadTenant[]; cases: PlacedCase[] } = { tenants: [], cases: [] }
  /** The names of those that are written out: a template decides nothing that a case could expect. */
  const decides = new Map<Declared, readonly string[]>()
  for (const { declared, root } of tenants) {
    const own = filled.filter((file) => isCedar(file) && rootOf(file.path, tenants) === root)
    const { policies, templates, sources, problems: wrong } = await ports.readPolicies(declared, own)
    const { tenant } = declared
    problems.push(...wrong)
    read.tenants.push({ declared, sources })
    decides.set(
      declared,
      policies.map(({ policy }) => policy),
    )
    drafts.push(
      ...policies.map((doc) => ({ tenant, kind: 'policy' as const, name: doc.policy, doc })),
      ...templates.map((doc) => ({ tenant, kind: 'template' as const, name: doc.template, doc })),
    )
  }
  problems.push(...strayCases(cases, tenants))
  for (const { declared } of read.tenants) {
    const own = casesOf(declared, cases, tenants)
    const linked = declared.by.get('policy')?.keys() ?? []
    const named = { declared, policies: [...(decides.get(declared) ?? []), ...linked] }
    // Of a policy that could not be read nothing more is to be said.
    if (problems.length === 0) problems.push(...checkCases(own, named))
    read.cases.push(...own.map((each) => placed(declared, each)))
  }
  return problems.length > 0 ? unusable(problems) : { drafts, problems: [], ...read }
}

function unusable(problems: readonly Problem[]): Configuration {
  return { drafts: [], problems: sorted(problems), cases: [], tenants: [] }
}

function casesOf(
  declared: Declared,
  cases: readonly ReadCase[],
  tenants: readonly Rooted[],
): readonly ReadCase[] {
  const root = tenants.find((each) => each.declared === declared)?.root
  return cases.filter(({ file }) => rootOf(file.path, tenants) === root)
}

function strayCases(cases: readonly ReadCase[], tenants: readonly Rooted[]): readonly Problem[] {
  return cases
    .filter(({ file }) => rootOf(file.path, tenants) === undefined)
    .map(({ placeOf }) => ({ ...placeOf([]), code: 'configuration.no_tenant', says: NO_TENANT }))
}

function placed({ tenant }: Declared, { what, placeOf }: ReadCase): PlacedCase {
  const { path, line, column } = placeOf([])
  return { tenant, path, line, column, what }
}

const isYaml = (file: ConfigurationFile): boolean => /\.ya?ml$/.test(file.path) && !isCases(file)
const isCedar = (file: ConfigurationFile): boolean => file.path.endsWith('.cedar')

function sorted(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line || a.column - b.column)
}

const NO_TENANT = 'no `tenant:` is declared in this folder or one above it'

type Rooted = { readonly root: string; readonly declared: Declared }

/** The tenant folder that a file is in: the deepest one above it. */
function rootOf(path: string, roots: readonly { readonly root: string }[]): string | undefined {
  const above = roots.filter(({ root }) => root === '.' || path === root || path.startsWith(`${root}/`))
  return above.sort((a, b) => b.root.length - a.root.length)[0]?.root
}

function groupByTenant(declarations: readonly Declaration[], problems: Problem[]): readonly Rooted[] {
  const rooted = declarations
    .filter(({ kind }) => kind === 'tenant')
    .map((each) => ({
      root: dirname(each.file.path),
      tenant: each.name as TenantName,
      by: new Map<DeclaredKind, Map<string, Declaration>>(),
    }))
  for (const each of declarations) {
    const root = rootOf(each.file.path, rooted)
    const home = rooted.find((tenant) => tenant.root === root)
    if (!home) {
      problems.push({
        ...each.placeOf([]),
        code: 'configuration.no_tenant',
        says: NO_TENANT,
      })
      continue
    }
    const named = home.by.get(each.kind) ?? new Map<string, Declaration>()
    if (named.has(each.name))
      problems.push({
        ...each.placeOf([each.kind]),
        code: 'configuration.duplicate',
        says: `${each.kind} \`${each.name}\` is declared twice`,
      })
    home.by.set(each.kind, named.set(each.name, each))
  }
  return rooted.map(({ root, tenant, by }) => ({ root, declared: { tenant, by } }))
}

function agentsOf(tenants: readonly Rooted[]): ReadonlySet<AgentId> {
  const names = ({ declared }: Rooted) =>
    [...(declared.by.get('agent')?.keys() ?? [])].map((name) => agentId(declared.tenant, name))
  return new Set(tenants.flatMap(names))
}

/** Plug-in settings, references and proofs of one tenant; its policies are read after. */
export function checkTenant(declared: Declared, ports: ReadingPorts): readonly Problem[] {
  return [
    ...checkPlugIns(declared, ports.schemas),
    ...checkReferences(declared, ports.agentExists),
    ...checkProofs(declared),
    ...checkGroups(declared),
    ...checkAttributes(declared),
    ...checkAudiences(declared, ports.issuerOf),
  ]
}

/** How each kind names its plug-in, and where that plug-in's own settings stand. */
const PLUG_INS = {
  trust: {
    key: 'attestor',
    settings: (value: Readonly<Record<string, unknown>>) => without(value, ['trust', 'attestor']),
  },
  credential: {
    key: 'provider',
    settings: (value: Readonly<Record<string, unknown>>) => without(value, ['credential', 'provider']),
  },
  condition: { key: 'type', settings: (value: Readonly<Record<string, unknown>>) => value['config'] },
} as const

function without(value: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)))
}

function checkPlugIns(declared: Declared, schemas: PlugInSchemas): readonly Problem[] {
  const problems: Problem[] = []
  for (const kind of ['trust', 'credential', 'condition'] as const) {
    for (const each of declared.by.get(kind)?.values() ?? []) {
      const { key, settings } = PLUG_INS[kind]
      const name = String(each.value[key])
      const schema = schemas[kind].get(name)
      if (!schema) {
        problems.push({
          ...each.placeOf([key]),
          code: 'configuration.plug_in',
          says: `there is no ${key} \`${name}\``,
          ...didYouMean(name, schemas[kind].keys()),
        })
        continue
      }
      const parsed = schema.safeParse(settings(each.value))
      const placeOf: Declaration['placeOf'] = (path) =>
        each.placeOf(kind === 'condition' ? [name, ...path] : path)
      if (!parsed.success)
        problems.push(
          ...parsed.error.issues.flatMap((issue) => problemsOf(issue, placeOf, settings(each.value))),
        )
    }
  }
  return problems
}

function draftsOf(declared: Declared): ChangeDraft[] {
  const drafts: ChangeDraft[] = []
  for (const [kind, all] of declared.by) {
    for (const each of all.values())
      drafts.push({ tenant: declared.tenant, kind, name: each.name, doc: each.value } as ChangeDraft)
  }
  return drafts
}
