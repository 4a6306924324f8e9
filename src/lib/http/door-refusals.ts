import type { DoorRefusal } from './door-refusal.ts'

const refusal = (status: number, reason: string, says: string): DoorRefusal => ({ status, reason, says })

/** Every no that the door gives by itself, before or instead of a route. */
export const DOOR_REFUSALS = {
  nothing: refusal(404, 'http.not_found', 'There is nothing at this path.'),
  method: refusal(405, 'http.method', 'This path does not take that method; see Allow.'),
  path: refusal(400, 'http.path', 'The path is not well formed, or is spelled with needless escapes.'),
  query: refusal(400, 'http.query', 'The query is malformed, or repeats a parameter.'),
  form: refusal(400, 'http.form', 'The form is malformed, or repeats a parameter.'),
  json: refusal(
    400,
    'http.json',
    'The body is not one JSON text in UTF-8 with unique members, at most 32 deep.',
  ),
  headers: refusal(431, 'http.headers', 'The request has too many header fields.'),
  mediaType: refusal(
    415,
    'http.media_type',
    'The body is not of the media type and charset that is taken here.',
  ),
  tooLarge: refusal(413, 'http.too_large', 'The body is larger than is taken here.'),
  requestId: refusal(400, 'http.request_id', 'X-Request-ID has 1 to 200 printable ASCII characters.'),
  unexpected: refusal(400, 'http.body_unexpected', 'This request takes no body.'),
  gone: refusal(400, 'http.incomplete', 'The body ended before its length.'),
  limited: refusal(429, 'http.limited', 'Too many requests of this tenant wait already; see Retry-After.'),
  unavailable: {
    ...refusal(503, 'http.unavailable', 'Not possible right now; nothing was done. Try again.'),
    headers: { 'retry-after': '1' },
  },
  bug: refusal(500, 'http.bug', 'Something is broken here; it was recorded.'),
} as const satisfies Record<string, DoorRefusal>
