import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parse } from 'yaml'
import { conditionMaker } from '../../src/conditions/registry.ts'
import { credentialProviders } from '../../src/credentials/registry.ts'
import { declaredSnapshot } from '../../src/flows/configuration/declared-snapshot.ts'
import { readConfiguration } from '../../src/flows/read-configuration.ts'
import { createReadPolicies } from '../../src/flows/read-policies.ts'
import { openCedar } from '../../src/lib/cedar/cedar.ts'
import type { ConfigurationFile } from '../../src/sdk/admin-contract.ts'
import { plugInSchemas } from '../../src/server/registry-ports.ts'
import { ROOT } from '../source-files.ts'

const DEMO = join(ROOT, 'examples/demo/config')

/** The demo's configuration folder, as the command line would read it. */
export const DEMO_FILES: readonly ConfigurationFile[] = readdirSync(DEMO, {
  recursive: true,
  withFileTypes: true,
})
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .map((path) => ({ path: relative(DEMO, path), text: readFileSync(path, 'utf8') }))

export const DEMO_VARIABLES: Readonly<Record<string, string>> = parse(
  readFileSync(join(ROOT, 'examples/demo/variables.yaml'), 'utf8'),
)

/** The demo's folder with some files written otherwise: `find` is replaced where it stands. */
export function demoWith(
  changes: Readonly<Record<string, readonly [find: string, replace: string]>>,
): readonly ConfigurationFile[] {
  const files = DEMO_FILES.map(({ path, text }) => {
    const [find, replace] = changes[path] ?? ['', '']
    if (find !== '' && !text.includes(find)) throw new Error(`${path} does not have ${find}`)
    return { path, text: find === '' ? text + replace : text.replace(find, replace) }
  })
  const missing = Object.keys(changes).find((path) => !files.some((file) => file.path === path))
  if (missing !== undefined) throw new Error(`the demo has no ${missing}`)
  return files
}

/** A company with every kind of thing that a policy can be about; policies, cases and more documents are the test's own. */
export function small(
  policies: string,
  more: { readonly documents?: string; readonly cases?: string } = {},
): readonly ConfigurationFile[] {
  const files = [
    {
      path: 'acme/tenant.yaml',
      text: `${SMALL}${more.documents === undefined ? '' : `---\n${more.documents}`}`,
    },
    { path: 'acme/p.cedar', text: policies },
  ]
  return more.cases === undefined ? files : [...files, { path: 'acme/p.cases.yaml', text: more.cases }]
}

const SMALL = `tenant: acme
user_attributes: { customer_id: String, level: Long }
---
idp: company
issuer: https://idp.example
---
trust: prod
attestor: oidc-token
preset: kubernetes
issuer: https://cluster.example
audience: https://authority.example/t/acme
pin: { sa-uid: ["1", "2"] }
---
agent: bot
kind: workforce
owner: dana@acme.example
is: { trust: prod, "k8s:sa": bot }
---
agent: scanner
kind: workforce
owner: sam@acme.example
is: { trust: prod, "k8s:sa": scanner }
---
agent: old
kind: workforce
owner: sam@acme.example
is: { trust: prod, "k8s:sa": old }
state: retired
---
user: ana
idp: company
sub: ana
attributes: { customer_id: c-42, level: 3 }
---
delegation: all
agent: bot
user: "*"
tools: ["orders/*", "notes/*"]
---
resource: orders
type: mcp
at: https://orders.example/mcp
data: argument
tools:
  get:
    hint: read
    input:
      type: object
      properties: { id: { type: string }, amount: { type: integer } }
      required: [id]
  find: { hint: read }
---
resource: notes
type: mcp
at: https://notes.example/mcp
alone: true
tools: { write: { hint: write } }
`

const cedar = openCedar()
export const closeCedar = () => cedar.close()
const providers = credentialProviders()

/** A folder read as the commands read it, with a parser that goes on for the next. */
export function readFolder(
  files: readonly ConfigurationFile[],
  variables: Readonly<Record<string, string>> = {},
) {
  return readConfiguration(files, new Map(Object.entries(variables)), {
    schemas: plugInSchemas(providers),
    readPolicies: createReadPolicies(cedar),
    agentExists: () => false,
    issuerOf: () => undefined,
  })
}

/** The same with what would be decided from it. Throws its problems. */
export async function readFiles(
  files: readonly ConfigurationFile[],
  variables: Readonly<Record<string, string>> = {},
) {
  const read = await readFolder(files, variables)
  if (read.problems.length > 0) throw new Error(JSON.stringify(read.problems, null, 2))
  return { read, snapshot: declaredSnapshot(read.drafts, APPLY), ports: APPLY }
}

const APPLY = { conditionTest: conditionMaker({ country: () => undefined }) }
