const TENANT = `
tenant: records
user_attributes: { role: String }
---
trust: cluster
attestor: oidc-token
preset: kubernetes
issuer: \${cluster}
audience: \${authority}/t/records
allow_private: ["\${cluster_host}"]
pin: { sa-uid: ["\${uid_backend}"] }
---
idp: company
issuer: https://login.records.example
---
agent: archive
kind: workforce
owner: keeper@records.example
is: { trust: cluster, "k8s:ns": records, "k8s:sa": archive }
---
delegation: everybody
agent: archive
user: "*"
tools: [record/*]
---
user: alice
idp: company
sub: alice
attributes: { role: member }
---
user: bob
idp: company
sub: bob
attributes: { role: admin }
---
resource: record
type: objects
data: argument
objects: { record-1: { status: active }, record-2: { status: archived } }
tools:
  read: { hint: read }
  write:
    hint: write
    input:
      type: object
      properties: { resource: { type: object, properties: { status: { type: string } } } }
  delete:
    hint: write
    input:
      type: object
      properties: { action: { type: object, properties: { soft: { type: boolean } }, required: [soft] } }
      required: [action]
`

const POLICIES = `
@id("archive-asks")
permit (principal == Agent::"archive", action in Action::"authzen/*any", resource == Resource::"authzen");

@id("archive-keeps-records")
permit (principal == Agent::"archive", action in Action::"record/*any", resource == Resource::"record");

@id("everybody-reads")
permit (principal is User, action == Action::"record/read", resource == Resource::"record");

@id("members-write-what-is-not-archived")
permit (principal is User, action == Action::"record/write", resource == Resource::"record")
when { principal.role == "member" }
unless { context.input has resource && context.input.resource has status && context.input.resource.status == "archived" };

@id("admins-write-what-is-archived")
permit (principal is User, action == Action::"record/write", resource == Resource::"record")
when { principal.role == "admin" && context.input has resource && context.input.resource has status && context.input.resource.status == "archived" };

@id("members-delete-softly")
permit (principal is User, action == Action::"record/delete", resource == Resource::"record")
when { principal.role == "member" && context.input.action.soft };
`

/** The fixture that the AuthZEN certification scenario requires (its §4): its subjects, resources, actions and eight rules. */
export const CERTIFICATION: ReadonlyMap<string, string> = new Map([
  ['tenant.yaml', TENANT],
  ['policies/records.cedar', POLICIES],
])
