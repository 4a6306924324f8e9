import type { Preset } from '../preset.ts'

/** One directory (`tid`) for each provider: the issuer names it, and a token from any other is refused. */
export const azure: Preset = {
  name: 'azure',
  prefix: 'azure',
  issuer:
    /^https:\/\/(sts\.windows\.net\/(?<tid>[0-9a-f-]{36})\/|login\.microsoftonline\.com\/(?<tid>[0-9a-f-]{36})\/v2\.0)$/,
  claims: {
    tid: ['tid'],
    oid: ['oid'],
    sub: ['sub'],
    appid: ['appid'],
    azp: ['azp'],
    resource: ['xms_mirid'],
    type: ['idtyp'],
    scope: ['scp'],
  },
  pins: [
    ['tid', 'oid'],
    ['tid', 'sub'],
  ],
  needs: ['tid', 'sub'],
  rules: [
    {
      claim: 'type',
      only: ['app'],
      optional: true,
      reason: 'evidence.not_workload',
      says: 'The token is one of a person, not of a workload.',
    },
    {
      // Delegated tokens carry `scp`; those of a workload on its own carry none.
      claim: 'scope',
      only: [],
      optional: true,
      reason: 'evidence.not_workload',
      says: 'The token is one of a person, not of a workload.',
    },
  ],
  instance: [],
}
