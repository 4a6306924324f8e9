import { z } from 'zod'
import { isName } from '../../core/ids.ts'
import { Unavailable } from '../../core/refusal.ts'
import { Secret } from '../../core/secret.ts'
import type { FeedMessage } from '../../flows/feed-gateway.ts'

const revision = z.int().nonnegative()
const name = z.string().refine(isName)
/** What a document holds, its own schema says when it is applied. */
const change = z.object({
  tenant: name,
  kind: z.string(),
  name: z.string(),
  doc: z.looseObject({}).nullable(),
  revision,
})
const told = {
  revision,
  changes: z.array(change),
  tenants: z.array(name),
  resources: z.array(name).optional(),
}
const ticketKey = z.object({
  id: z.string().regex(/^[a-z0-9]{1,16}$/),
  key: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/)
    .transform((key) => new Secret(key)),
  from: z.int().nonnegative(),
})
const messageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('documents'), ...told }),
  z.object({ type: z.literal('changes'), ...told }),
  z.object({ type: z.literal('ticket-keys'), tenants: z.record(name, z.array(ticketKey).max(8)) }),
  z.object({ type: z.literal('heartbeat'), revision }),
  z.object({ type: z.literal('end'), reason: z.string().max(200) }),
])

/** One line of the feed. Throws `Unavailable` when it is none: then nothing after it can be trusted to fit. */
export function readMessage(line: string): FeedMessage {
  const read = messageSchema.safeParse(parse(line))
  if (read.success) return read.data as unknown as FeedMessage
  throw new Unavailable('authority.unreadable', 'the feed holds something that is no message')
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** The lines of a body as they come. An unfinished one at the end is dropped: the connection broke. */
export async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  let begun: Uint8Array[] = []
  for await (const chunk of body) {
    let rest = chunk
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      yield Buffer.concat([...begun, rest.subarray(0, end)]).toString('utf8')
      begun = []
      rest = rest.subarray(end + 1)
    }
    if (rest.length > 0) begun.push(rest)
  }
}
