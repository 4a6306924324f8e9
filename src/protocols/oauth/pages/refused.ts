import type { Refusal } from '../../../core/refusal.ts'
import { html } from '../../../lib/html.ts'
import type { DoorResponse } from '../../../lib/http/route.ts'
import { page } from './layout.ts'

const STATUS: Readonly<Record<Refusal['refused'], number>> = {
  malformed: 400,
  unauthenticated: 400,
  stale: 400,
  denied: 403,
  ask: 403,
  unknown: 404,
  limited: 429,
}

/** A no for the person alone: nobody is sent on, since it is not known where that would lead. */
export function refusedPage(refusal: Refusal): DoorResponse {
  const body = html`
<p class="brand">Countersign</p>
<h1>That did not work</h1>
<p>${refusal.says.replaceAll('`', '')}</p>
<p class="soft">Nothing was given to anybody. Whoever looks after this can find it by <code>${refusal.reason}</code>.</p>`
  const headers = refusal.refused === 'limited' ? { 'retry-after': '1' } : {}
  return page({ status: STATUS[refusal.refused], title: 'That did not work', headers }, body)
}
