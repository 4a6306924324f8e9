import type { ClientTrust } from '../../core/identity/client-trust.ts'
import {
  type ClientMetadata,
  clientMetadataSchema,
  mayRedirectTo,
  type OAuthClient,
} from '../../core/identity/oauth-client.ts'
import { type Refusal, refuse } from '../../core/refusal.ts'
import { err, ok, type Result } from '../../core/result.ts'
import type { EpochSeconds } from '../../core/time.ts'
import type { Fetched } from '../../lib/guarded-fetch.ts'
import { isJsonObject, parseStrictJson } from '../../lib/strict-json.ts'
import type { AuthorityView } from '../authority.ts'
import { recall } from '../authority-memory.ts'
import { readClientKeys } from './read-client-keys.ts'

/** Bytes. The draft recommends 5 kB; some clients list many redirects. */
const MAX_DOCUMENT = 16_384
/** Seconds that a document is used at least and at most, whatever its own headers say. */
const KEEP = { least: 60, most: 86_400, silent: 300 }

/**
 * The client whose id is the URL of its metadata document (draft-ietf-oauth-client-id-metadata-document §4): fetched from listed hosts
 * alone, without redirects, from public addresses, and remembered as long as its headers say. What failed is not remembered (§4.4).
 * Undefined when this tenant takes no such document from there.
 */
export async function readClientDocument(
  view: AuthorityView,
  trust: string,
  settings: ClientTrust,
  id: string,
): Promise<Result<OAuthClient | undefined, Refusal>> {
  const { documents, schemes } = settings
  if (documents === undefined) return ok(undefined)
  const preloaded = Object.hasOwn(documents.preloaded, id) ? documents.preloaded[id] : undefined
  // Whoever wrote it here may name any place of keys.
  if (preloaded) return clientOf(id, preloaded, schemes, undefined)
  if (!documents.hosts.includes(new URL(id).host)) return ok(undefined)
  const key = JSON.stringify([view.name, trust, id])
  const { clientDocuments } = view.ports.memory
  const before = recall(clientDocuments, key, settings, view.now)
  if (before) return ok(before)
  const { ca, allow_private: allow } = documents
  const reach = { allow, maxBytes: MAX_DOCUMENT, ...(ca === undefined ? {} : { ca }) }
  const fetched = await view.ports.signIn.fetch(id, reach)
  const client = fetched.ok ? read(fetched.value, id, settings) : unusable(fetched.error.reason)
  if (client.ok && fetched.ok)
    clientDocuments.set(key, { value: client.value, by: settings, until: until(view, fetched.value) })
  return client
}

function read(
  { status, body }: Fetched,
  id: string,
  { documents, schemes }: ClientTrust,
): Result<OAuthClient, Refusal> {
  if (status !== 200) return unusable('status')
  const json = parseStrictJson(body)
  if (!isJsonObject(json)) return unusable('json')
  // §4: the document must name itself, or one place could speak for another.
  if (json['client_id'] !== id) return unusable('client_id')
  if (json['client_secret'] !== undefined || json['client_secret_expires_at'] !== undefined)
    return unusable('secret')
  const parsed = clientMetadataSchema.safeParse(json)
  return parsed.success ? clientOf(id, parsed.data, schemes, documents?.hosts ?? []) : unusable('metadata')
}

/** `hosts`: where the keys of a client may be fetched from; undefined: anywhere. */
function clientOf(
  id: string,
  metadata: ClientMetadata,
  schemes: readonly string[],
  hosts: readonly string[] | undefined,
): Result<OAuthClient, Refusal> {
  const keys = readClientKeys(metadata, hosts)
  if (!keys.ok) return unusable(keys.error)
  // One redirect that isn't taken here must not break those that are: clients list all of their platforms.
  const redirectUris = metadata.redirect_uris.filter((uri) => mayRedirectTo(uri, schemes))
  if (redirectUris.length === 0) return unusable('redirect_uris')
  const name = metadata.client_name ?? new URL(id).host
  return ok({ id, source: 'document', name, redirectUris, ...keys.value })
}

function until(view: AuthorityView, { headers }: Fetched): EpochSeconds {
  const control = headers['cache-control'] ?? ''
  const stated = /(?:^|[,\s])max-age=(\d{1,9})/i.exec(control)?.[1]
  const asked = /no-store|no-cache/i.test(control) ? 0 : Number(stated ?? KEEP.silent)
  return (view.now + Math.min(KEEP.most, Math.max(KEEP.least, asked))) as EpochSeconds
}

function unusable(why: string): Result<never, Refusal> {
  const says = "The client's metadata document can not be used; its publisher can say why."
  return err(refuse('unauthenticated', 'client.document', says, { why }))
}
