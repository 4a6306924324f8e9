import type { Preset } from '../preset.ts'

/** `sub` can be given another form by the repository's owner and names can be renamed: ids only. */
export const githubActions: Preset = {
  name: 'github-actions',
  prefix: 'github',
  issuer: /^https:\/\/(token\.actions\.githubusercontent\.com(\/[\w.-]+)?|[\w.-]+\/_services\/token)$/,
  claims: {
    'repository-id': ['repository_id'],
    'owner-id': ['repository_owner_id'],
    repository: ['repository'],
    ref: ['ref'],
    'ref-type': ['ref_type'],
    environment: ['environment'],
    workflow: ['job_workflow_ref'],
    'workflow-sha': ['job_workflow_sha'],
    event: ['event_name'],
    runner: ['runner_environment'],
    visibility: ['repository_visibility'],
    'actor-id': ['actor_id'],
    'run-id': ['run_id'],
    'run-attempt': ['run_attempt'],
  },
  pins: [['repository-id', 'owner-id']],
  needs: ['repository-id', 'owner-id', 'event'],
  defaultAudience: /^https:\/\/github\.com\/[^/]+\/?$/,
  rules: [
    {
      // A list of what is safe, not of what is not: pull_request, pull_request_target, issue_comment, workflow_run
      // and their kin run with content that a stranger wrote.
      claim: 'event',
      only: ['push', 'schedule', 'workflow_dispatch', 'repository_dispatch', 'release', 'deployment'],
      reason: 'evidence.event_refused',
      says: 'The workflow run was started by an event that can carry content from strangers.',
    },
  ],
  instance: ['run-id', 'run-attempt'],
}
