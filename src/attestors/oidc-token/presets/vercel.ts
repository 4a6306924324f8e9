import type { Preset } from '../preset.ts'

/** Pinning the environment keeps out previews, which anybody who may open a pull request can start. */
export const vercel: Preset = {
  name: 'vercel',
  prefix: 'vercel',
  issuer: /^https:\/\/oidc\.vercel\.com(\/[\w-]+)?$/,
  claims: {
    'owner-id': ['owner_id'],
    'project-id': ['project_id'],
    environment: ['environment'],
    owner: ['owner'],
    project: ['project'],
  },
  pins: [['owner-id', 'project-id', 'environment']],
  needs: ['owner-id', 'project-id', 'environment'],
  defaultAudience: /^https:\/\/vercel\.com(\/.*)?$/,
  rules: [],
  instance: [],
}
