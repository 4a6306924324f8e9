import type { Preset } from '../preset.ts'

/** Booleans are written as strings: `ref_protected` is "true" or "false". */
export const gitlab: Preset = {
  name: 'gitlab',
  prefix: 'gitlab',
  issuer: /^https?:\/\/.+$/,
  claims: {
    'project-id': ['project_id'],
    'namespace-id': ['namespace_id'],
    project: ['project_path'],
    ref: ['ref'],
    'ref-type': ['ref_type'],
    'ref-protected': ['ref_protected'],
    environment: ['environment'],
    'environment-protected': ['environment_protected'],
    source: ['pipeline_source'],
    'runner-id': ['runner_id'],
    runner: ['runner_environment'],
    'user-id': ['user_id'],
    config: ['ci_config_ref_uri'],
    'pipeline-id': ['pipeline_id'],
    'job-id': ['job_id'],
  },
  pins: [['project-id', 'namespace-id']],
  needs: ['project-id', 'namespace-id', 'ref-protected'],
  rules: [
    {
      claim: 'ref-protected',
      only: ['true'],
      onRequest: ['false'],
      reason: 'evidence.ref_unprotected',
      says: 'The pipeline ran for a branch or tag that is not protected.',
    },
    {
      claim: 'source',
      only: [
        'push',
        'web',
        'schedule',
        'api',
        'trigger',
        'pipeline',
        'parent_pipeline',
        'ondemand_dast_scan',
      ],
      optional: true,
      reason: 'evidence.event_refused',
      says: 'The pipeline was started by a merge request, which can carry content from strangers.',
    },
  ],
  instance: ['job-id'],
}
