import type { Preset } from '../preset.ts'

/** App names are free again once the app is deleted; ids are not. */
export const fly: Preset = {
  name: 'fly',
  prefix: 'fly',
  issuer: /^https:\/\/oidc\.fly\.io\/[\w-]+$/,
  claims: {
    'org-id': ['org_id'],
    'app-id': ['app_id'],
    org: ['org_name'],
    app: ['app_name'],
    'machine-id': ['machine_id'],
    image: ['image_digest'],
    region: ['region'],
  },
  pins: [['org-id', 'app-id']],
  needs: ['org-id', 'app-id'],
  defaultAudience: /^https:\/\/(oidc\.)?fly\.io(\/.*)?$/,
  rules: [],
  instance: ['machine-id'],
}
