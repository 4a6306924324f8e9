import { type Refusal, refuse } from '../../core/refusal.ts'
import type { Result } from '../../core/result.ts'
import type { AuthorityView } from '../../flows/authority.ts'
import type { SignInStep } from '../../flows/sign-in/begin-sign-in.ts'
import type { DoorRequest, DoorResponse } from '../../lib/http/route.ts'
import { readBrowser, writeBrowser } from './browser-cookie.ts'
import { refusedPage } from './pages/refused.ts'

/** What a browser shows itself by. */
export function browserOf(view: AuthorityView, request: DoorRequest): string | undefined {
  return readBrowser(view.ports.origin, request.headers['cookie'] ?? [])
}

/** 303: whatever was sent here, the browser asks there with GET (RFC 9700 §4.12). */
export function stepTo(view: AuthorityView, step: Result<SignInStep, Refusal>): DoorResponse {
  if (!step.ok) return refusedPage(step.error)
  const { to, browser } = step.value
  const cookie = browser === undefined ? {} : { 'set-cookie': writeBrowser(view.ports.origin, browser) }
  return { status: 303, headers: { location: to, ...cookie }, empty: true }
}

/** Only our own pages may send our forms: a cookie comes along with anybody's. */
export function isOwnForm(view: AuthorityView, { headers }: DoorRequest): boolean {
  const [origin, second] = headers['origin'] ?? []
  return origin === view.ports.origin && second === undefined
}

export const FOREIGN_FORM = refuse(
  'unauthenticated',
  'consent.origin',
  'This answer was not given on our own page. Start again.',
)
