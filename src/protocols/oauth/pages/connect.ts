import { splitAgentId } from '../../../core/ids.ts'
import type { AuthorityView } from '../../../flows/authority.ts'
import type { ConnectedAccount } from '../../../flows/connect/list-accounts.ts'
import type { ConnectPage } from '../../../flows/connect/return-signed-in.ts'
import { type Html, html } from '../../../lib/html.ts'
import type { DoorResponse } from '../../../lib/http/route.ts'
import { companyOf, formSource, row } from './consent.ts'
import { page } from './layout.ts'

type Consent = Extract<ConnectPage, { readonly show: 'consent' }>
type List = Extract<ConnectPage, { readonly show: 'list' }>

/**
 * What a person is asked before they are sent to another company's authorization server: for which agent, at which server, for what, and
 * who keeps what comes back (MCP, confused deputy).
 */
export function connectPage(view: AuthorityView, { ticket, question, host }: Consent): DoorResponse {
  const { offer, user, place, scopes } = question
  const company = companyOf(view)
  const endpoint = place.server.authorization_endpoint ?? place.server.issuer
  const body = html`
<p class="brand">${company} · signed in as ${user.name}</p>
<h1>Connect your account at ${host}?</h1>
<p class="soft">The agent “${agentName(offer.agent)}” wants to use ${offer.resource} for you. There it needs an account of yours.</p>
<dl>
${row('For the agent', `${agentName(offer.agent)}${ownerOf(view, offer.agent)}`)}
${row('At the server', html`${offer.resource}, <code>${host}</code>`)}
${row('You agree at', html`<code>${new URL(endpoint).host}</code>`)}
${row('Kept by', `${company}, sealed; no agent ever sees it`)}
</dl>
<h2>What it is asked to allow</h2>
${scopes.length === 0 ? NO_SCOPES : html`<ul>${scopes.map((scope) => html`<li><code>${scope}</code></li>`)}</ul>`}
<p class="warn">Every agent that ${company} lets act for you at ${offer.resource} uses this account. Go on only if you have just asked an agent for something there.</p>
<form method="post" action="${view.issuer}/connect">
<input type="hidden" name="ticket" value="${ticket}">
<button class="go" name="answer" value="allow">Go on to ${new URL(endpoint).host}</button>
<button name="answer" value="deny">Don’t connect</button>
</form>`
  return page({ status: 200, title: `Connect ${host}?`, formTo: [formSource(endpoint)] }, body)
}

const NO_SCOPES = html`<p class="soft">The server names nothing in particular: what it gives is what its own page will say.</p>`

/** As people of the agent's home know it. */
function agentName(id: string): string {
  return splitAgentId(id as Parameters<typeof splitAgentId>[0]).agent
}

function ownerOf({ snapshot }: AuthorityView, id: string): string {
  const agentId = id as Parameters<typeof splitAgentId>[0]
  const agent = snapshot.tenants.get(splitAgentId(agentId).home)?.agents.get(agentId)
  return agent ? `, answered for by ${agent.owner}` : ''
}

/** Said once the tokens are kept. */
export function connectedPage(
  view: AuthorityView,
  { host, agent }: { readonly host: string; readonly agent: string },
): DoorResponse {
  const body = html`
<p class="brand">${companyOf(view)}</p>
<h1>Connected</h1>
<p>Your account at <code>${host}</code> is connected. Go back to “${agentName(agent)}”, and let it go on.</p>
<p class="soft">You may close this page. <a href="${view.issuer}/connections">Your connections</a> are where you can end it at any time.</p>`
  return page({ status: 200, title: 'Connected' }, body)
}

/** Said when the person did not want to. */
export function notConnectedPage(view: AuthorityView): DoorResponse {
  const body = html`
<p class="brand">${companyOf(view)}</p>
<h1>Not connected</h1>
<p>Nothing was connected, and nobody was told. You may close this page.</p>`
  return page({ status: 200, title: 'Not connected' }, body)
}

/** A person's connections, each with a way to end it. `ended` is the one that was just ended. */
export function connectionsPage(
  view: AuthorityView,
  { ticket, user, accounts }: List,
  ended?: { readonly resource: string; readonly revoked: boolean },
): DoorResponse {
  const body = html`
<p class="brand">${companyOf(view)} · signed in as ${user.name}</p>
<h1>Your connections</h1>
<p class="soft">Accounts of yours at other servers that agents may use when they act for you.</p>
${ended && saysEnded(ended)}
${accounts.length === 0 ? html`<p>There are none.</p>` : accounts.map((account) => accountOf(view, ticket, account))}`
  return page({ status: 200, title: 'Your connections' }, body)
}

function saysEnded({ resource, revoked }: { readonly resource: string; readonly revoked: boolean }): Html {
  const there = revoked
    ? 'and its server took the tokens back'
    : 'but its server did not say that it took the tokens back: look at your account there too'
  return html`<p class="warn" role="status">${resource} is disconnected, ${there}.</p>`
}

function accountOf(view: AuthorityView, ticket: string, account: ConnectedAccount): Html {
  const { resource, host, issuer, scopes, agent, connected } = account
  return html`<section>
<h2>${resource}</h2>
<dl>
${row('Server', html`<code>${host}</code>`)}
${row('Connected at', html`<code>${URL.parse(issuer)?.host ?? issuer}</code>`)}
${row('Since', `${day(connected)}, for ${agent === '' ? 'an agent' : agentName(agent)}`)}
${row('Allows', scopes.length === 0 ? 'what the server gave' : scopes.join(', '))}
</dl>
<form method="post" action="${view.issuer}/connections">
<input type="hidden" name="ticket" value="${ticket}">
<button name="resource" value="${resource}">Disconnect ${resource}</button>
</form>
</section>`
}

/** The same everywhere: no page of ours knows where its reader is. */
function day(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10)
}
