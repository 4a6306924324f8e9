import type { Preset } from '../preset.ts'

/** The organization stands in the issuer. A job rerun with SSH has a person inside it. */
export const circleci: Preset = {
  name: 'circleci',
  prefix: 'circleci',
  issuer: /^https:\/\/oidc\.circleci\.com\/org\/(?<org_id>[0-9a-f-]{36})$/,
  claims: {
    'project-id': ['oidc.circleci.com/project-id'],
    'vcs-origin': ['oidc.circleci.com/vcs-origin'],
    'vcs-ref': ['oidc.circleci.com/vcs-ref'],
    'ssh-rerun': ['oidc.circleci.com/ssh-rerun'],
    'job-id': ['oidc.circleci.com/job-id'],
  },
  pins: [['org-id', 'project-id']],
  needs: ['project-id'],
  defaultAudience: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  rules: [
    {
      claim: 'ssh-rerun',
      only: [false],
      optional: true,
      reason: 'evidence.ssh_rerun',
      says: 'The job was rerun with SSH access, so a person may be inside it.',
    },
  ],
  instance: ['job-id'],
}
