import type { Route } from '../../lib/http/route.ts'
import { issueAdminToken } from './admin-token.ts'
import { answer } from './answers.ts'
import { AUDIT_LINES } from './audit-lines.ts'
import { CONFIGURATION_LINES } from './configuration-lines.ts'
import { DEFINITION_LINES } from './definition-lines.ts'
import { DOCUMENT_LINES } from './document-lines.ts'
import { type AdminLine, line, routesOf } from './line.ts'
import { openApiOf } from './openapi.ts'
import type { AdminPorts } from './ports.ts'
import { QUARANTINE_LINES } from './quarantine-lines.ts'
import { REVOCATION_LINES } from './revocation-lines.ts'
import { STATUS_LINES } from './status-lines.ts'

const LINES: readonly AdminLine[] = [
  ...CONFIGURATION_LINES,
  ...DOCUMENT_LINES,
  ...REVOCATION_LINES,
  ...QUARANTINE_LINES,
  ...DEFINITION_LINES,
  ...AUDIT_LINES,
  ...STATUS_LINES,
]

const OPENAPI_LINE: AdminLine = line({
  method: 'GET',
  path: '/admin/v1/openapi.json',
  says: 'This API as an OpenAPI document',
  run: async ({ ports }) => answer(openApiOf([...LINES, OPENAPI_LINE], ports.origin)),
})

/** The admin API. Every route refuses whoever doesn't prove to be an administrator. */
export function adminRoutes(ports: AdminPorts): readonly Route[] {
  return routesOf([...LINES, OPENAPI_LINE], ports)
}

/**
 * The same, and `login`, which gives an administrator's token to whoever asks: only for the unix socket in the 0700 folder, where opening
 * it is the proof. Never to be served on an address.
 */
export function adminSocketRoutes(ports: AdminPorts): readonly Route[] {
  const login: Route = {
    method: 'POST',
    path: '/admin/v1/login',
    guard: 'public',
    takes: 'nothing',
    errors: 'problem',
    run: async () => {
      const { token, expires } = issueAdminToken(ports)
      return answer({ token, token_type: 'Bearer', expires, origin: ports.origin })
    },
  }
  return [...adminRoutes(ports), login]
}
