import type { Preset } from '../preset.ts'

/** An e-mail address can be given to a new service account after the old one is deleted: it is not even a selector. */
export const gcp: Preset = {
  name: 'gcp',
  prefix: 'gcp',
  issuer: /^https:\/\/accounts\.google\.com$/,
  claims: {
    sub: ['sub'],
    'project-number': ['google', 'compute_engine', 'project_number'],
    project: ['google', 'compute_engine', 'project_id'],
    zone: ['google', 'compute_engine', 'zone'],
    'instance-id': ['google', 'compute_engine', 'instance_id'],
    instance: ['google', 'compute_engine', 'instance_name'],
    verified: ['email_verified'],
  },
  pins: [['sub'], ['project-number', 'instance-id']],
  needs: ['sub'],
  rules: [
    {
      claim: 'verified',
      only: [true],
      optional: true,
      reason: 'evidence.not_workload',
      says: 'The service account of the token is not a verified one.',
    },
  ],
  instance: ['instance-id'],
}
