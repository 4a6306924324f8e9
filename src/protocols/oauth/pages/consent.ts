import { sessionLife } from '../../../core/identity/agent.ts'
import { isLoopback } from '../../../core/identity/oauth-client.ts'
import { isDeclared } from '../../../core/policy/built-in-resources.ts'
import { describeTool } from '../../../core/policy/resource.ts'
import type { Tool } from '../../../core/policy/tool.ts'
import type { KnownResource } from '../../../core/snapshot.ts'
import type { AuthorityView } from '../../../flows/authority.ts'
import type { AgreementQuestion } from '../../../flows/sign-in/finish-sign-in.ts'
import { type Html, html } from '../../../lib/html.ts'
import type { DoorResponse } from '../../../lib/http/route.ts'
import { page } from './layout.ts'

/**
 * What a person is asked: who wants what, in whose name, for how long, and where the answer goes. What the client proves, which is often
 * nothing, the page says in plain words (MCP 2026-07-28, authorization: client impersonation).
 */
export function consentPage(view: AuthorityView, question: AgreementQuestion): DoorResponse {
  const { found, request, ticket, user, known } = question
  const { client } = found
  const { redirectUri } = request
  const body = html`
<p class="brand">${companyOf(view)} · signed in as ${user}</p>
<h1>Let “${client.name}” use ${titleOf(known.resource)} for you?</h1>
<p class="soft">It will act in your name, within what ${companyOf(view)} permits you and it.</p>
${proofOf(question)}
${isLoopback(redirectUri) ? LOCAL : undefined}
<dl>
${row('Calls itself', client.name)}
${row(client.source === 'document' ? 'Published at' : 'Known as', html`<code>${client.id}</code>`)}
${row('Works as', `agent ${found.workload.agent.agent}, answered for by ${found.workload.agent.owner}`)}
${row('You return to', html`<code>${placeOf(redirectUri)}</code>`)}
${row('Until', `${lastsOf(question)} from now, or until you or ${companyOf(view)} end it`)}
</dl>
<h2>What it could do</h2>
<ul>${question.tools.map((tool) => toolOf(tool, describe(known, tool.name)))}</ul>
<form method="post" action="${view.issuer}/consent">
<input type="hidden" name="ticket" value="${ticket}">
<button class="go" name="answer" value="allow">Allow</button>
<button name="answer" value="deny">Don’t allow</button>
</form>`
  return page({ status: 200, title: `Allow ${client.name}?`, formTo: [formSource(redirectUri)] }, body)
}

/** What the program has to prove before it is given anything, in the word that policies and the audit use for it. */
function proofOf({ found: { client, proof } }: AgreementQuestion): Html {
  const host = client.source === 'document' ? new URL(client.id).host : 'it'
  if (proof === 'enrolled') {
    const whose = client.source === 'document' ? `that ${host} publishes` : 'that an administrator entered'
    return html`<p class="soft note"><strong>enrolled:</strong> It gets nothing until it proves itself by a key ${whose}.</p>`
  }
  const how = {
    listed: 'Its name was entered by an administrator, but nothing proves who runs this program.',
    document: `Its name is what ${host} says of it. Nothing proves who runs this program.`,
    registered: 'It registered itself, and could call itself anything. Nothing proves who runs this program.',
  } as const
  return html`<p class="warn"><strong>claimed:</strong> ${how[client.source]} Allow it only if you have just started it yourself.</p>`
}

const LOCAL = html`<p class="warn">The answer goes to a program on your own computer. Any program there could be waiting for it.</p>`

/** A line of a list of facts. */
export function row(term: string, value: string | Html): Html {
  return html`<div><dt>${term}</dt><dd>${value}</dd></div>`
}

function describe({ resource }: KnownResource, tool: string): string | undefined {
  return isDeclared(resource) ? describeTool(resource, tool) : undefined
}

function toolOf({ name, hint }: Tool, description: string | undefined): Html {
  const kind =
    hint === 'write' ? html`<span class="write">can change things</span>` : html`<span>reads</span>`
  const said = description === undefined ? undefined : html`<br><span>${description}</span>`
  return html`<li><div><code>${name}</code>${said}</div>${kind}</li>`
}

/** The part of a redirect that says whom it leads to. */
function placeOf(uri: string): string {
  const url = new URL(uri)
  return url.host === '' ? `${url.protocol} (another program)` : `${url.protocol}//${url.host}`
}

/** A redirect as a source of `form-action`, which browsers hold against redirects too. Such a source can't spell an IPv6 address. */
export function formSource(uri: string): string {
  const url = new URL(uri)
  return url.host === '' || url.hostname.startsWith('[') ? url.protocol : `${url.protocol}//${url.host}`
}

function lastsOf({ found }: AgreementQuestion): string {
  const life = sessionLife(found.workload.agent)
  const [count, unit] =
    life >= 3600 ? [Math.round(life / 3600), 'hour'] : [Math.max(1, Math.round(life / 60)), 'minute']
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

function titleOf(resource: { readonly resource: string }): string {
  return resource.resource
}

export function companyOf(view: AuthorityView): string {
  return view.tenant.tenant.display ?? view.name
}
