import { refuse } from '../../core/refusal.ts'
import { type AuthorityPorts, type AuthorityView, viewOf } from '../../flows/authority.ts'
import { clientDocumentUrl, returnUri } from '../../flows/connect/account-place.ts'
import { answerConnect } from '../../flows/connect/answer-connect.ts'
import { answerListing } from '../../flows/connect/answer-listing.ts'
import { beginConnect, beginListing, isConnectState } from '../../flows/connect/begin-connect.ts'
import type { ConnectPorts } from '../../flows/connect/connect-ports.ts'
import { finishConnect } from '../../flows/connect/finish-connect.ts'
import { returnSignedIn } from '../../flows/connect/return-signed-in.ts'
import type { DoorRequest, DoorResponse, Route } from '../../lib/http/route.ts'
import { browserOf, FOREIGN_FORM, isOwnForm, stepTo } from './browser.ts'
import { connectedPage, connectionsPage, connectPage, notConnectedPage } from './pages/connect.ts'
import { companyOf } from './pages/consent.ts'
import { refusedPage } from './pages/refused.ts'
import { value } from './token-form.ts'
import { NOTHING_HERE } from './wire-errors.ts'

type Answer = (view: AuthorityView, request: DoorRequest) => Promise<DoorResponse>

/** Where people connect accounts of theirs at servers behind, see them and end them, per tenant. */
export function connectRoutes(ports: AuthorityPorts, connect: ConnectPorts): readonly Route[] {
  const at = (answer: Answer) => async (request: DoorRequest) => {
    const view = viewOf(ports, request.params['tenant'] ?? '')
    return view ? answer(view, request) : NOTHING_HERE
  }
  // Browsers: who somebody is is asked of the tenant's provider, and remembered by a cookie for the minutes of a page.
  const get = { method: 'GET', guard: 'public', takes: 'nothing', errors: 'oauth' } as const
  const post = { method: 'POST', guard: 'public', takes: 'form', errors: 'oauth' } as const
  return [
    { ...get, path: '/t/:tenant/connect/:ticket', run: at(open) },
    { ...post, path: '/t/:tenant/connect', run: at(answer) },
    { ...get, path: '/t/:tenant/connected', run: at((view, request) => finish(view, connect, request)) },
    { ...get, path: '/t/:tenant/connections', run: at(list) },
    { ...post, path: '/t/:tenant/connections', run: at((view, request) => end(view, connect, request)) },
    { ...get, path: '/t/:tenant/client.json', run: at(document) },
  ]
}

async function open(view: AuthorityView, request: DoorRequest): Promise<DoorResponse> {
  return stepTo(view, await beginConnect(view, request.params['ticket'] ?? '', browserOf(view, request)))
}

async function list(view: AuthorityView, request: DoorRequest): Promise<DoorResponse> {
  return stepTo(view, await beginListing(view, browserOf(view, request)))
}

/** The provider sends people back to one place: whose sign-in it was, its `state` says. Undefined when it is not one of these. */
export function returnToConnect(
  view: AuthorityView,
  connect: ConnectPorts,
  request: DoorRequest,
): Promise<DoorResponse> | undefined {
  return isConnectState(request.query.get('state')) ? showPage(view, connect, request) : undefined
}

async function showPage(
  view: AuthorityView,
  connect: ConnectPorts,
  request: DoorRequest,
): Promise<DoorResponse> {
  const browser = browserOf(view, request)
  const shown = await returnSignedIn(view, connect, request.query, browser, request.signal)
  if (!shown.ok) return refusedPage(shown.error)
  return shown.value.show === 'consent' ? connectPage(view, shown.value) : connectionsPage(view, shown.value)
}

const NO_ANSWER = refuse('malformed', 'consent.answer', 'The answer is allow or deny, with its ticket.')

async function answer(view: AuthorityView, request: DoorRequest): Promise<DoorResponse> {
  if (!isOwnForm(view, request)) return refusedPage(FOREIGN_FORM)
  const ticket = value(request.form, 'ticket')
  const said = value(request.form, 'answer')
  if (ticket === undefined || (said !== 'allow' && said !== 'deny')) return refusedPage(NO_ANSWER)
  const given = { ticket, allowed: said === 'allow' }
  const to = await answerConnect(view, given, browserOf(view, request))
  if (!to.ok) return refusedPage(to.error)
  return to.value === undefined ? notConnectedPage(view) : stepTo(view, { ok: true, value: { to: to.value } })
}

async function finish(
  view: AuthorityView,
  connect: ConnectPorts,
  request: DoorRequest,
): Promise<DoorResponse> {
  const browser = browserOf(view, request)
  const done = await finishConnect(view, connect, request.query, browser, request.signal)
  return done.ok ? connectedPage(view, done.value) : refusedPage(done.error)
}

async function end(view: AuthorityView, connect: ConnectPorts, request: DoorRequest): Promise<DoorResponse> {
  if (!isOwnForm(view, request)) return refusedPage(FOREIGN_FORM)
  const ticket = value(request.form, 'ticket')
  const resource = value(request.form, 'resource')
  if (ticket === undefined || resource === undefined) return refusedPage(NO_ANSWER)
  const asked = { ticket, resource }
  const done = await answerListing(view, connect, asked, browserOf(view, request), request.signal)
  if (!done.ok) return refusedPage(done.error)
  const { page, revoked } = done.value
  return connectionsPage(view, page, { resource, revoked })
}

/** Our own metadata document as a client (OAuth Client ID Metadata Document): its `client_id` is where it is. */
async function document(view: AuthorityView): Promise<DoorResponse> {
  const id = clientDocumentUrl(view)
  if (id === undefined) return NOTHING_HERE
  const json = {
    client_id: id,
    client_name: `${companyOf(view)} (Countersign)`,
    client_uri: view.ports.origin,
    redirect_uris: [returnUri(view)],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'web',
  }
  return { status: 200, headers: { 'cache-control': 'public, max-age=300' }, json }
}
