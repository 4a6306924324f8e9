import type { Preset } from '../preset.ts'

/** Slugs can be renamed; the job must ask for the ids with `--claim organization_id,pipeline_id`. */
export const buildkite: Preset = {
  name: 'buildkite',
  prefix: 'buildkite',
  issuer: /^https:\/\/agent\.buildkite\.com$/,
  claims: {
    'organization-id': ['organization_id'],
    'pipeline-id': ['pipeline_id'],
    organization: ['organization_slug'],
    pipeline: ['pipeline_slug'],
    branch: ['build_branch'],
    tag: ['build_tag'],
    commit: ['build_commit'],
    step: ['step_key'],
    'job-id': ['job_id'],
    'agent-id': ['agent_id'],
  },
  pins: [['organization-id', 'pipeline-id']],
  needs: ['organization-id', 'pipeline-id'],
  defaultAudience: /^https:\/\/buildkite\.com(\/.*)?$/,
  rules: [],
  instance: ['job-id'],
}
