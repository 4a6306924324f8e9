import type { Preset } from '../preset.ts'

/** A plan runs configuration from a pull request before anybody has read it. */
export const terraformCloud: Preset = {
  name: 'terraform-cloud',
  prefix: 'terraform',
  issuer: /^https:\/\/.+$/,
  claims: {
    'organization-id': ['terraform_organization_id'],
    'workspace-id': ['terraform_workspace_id'],
    'project-id': ['terraform_project_id'],
    organization: ['terraform_organization_name'],
    workspace: ['terraform_workspace_name'],
    'run-phase': ['terraform_run_phase'],
    'run-id': ['terraform_run_id'],
  },
  pins: [['organization-id', 'workspace-id']],
  needs: ['organization-id', 'workspace-id', 'run-phase'],
  rules: [
    {
      claim: 'run-phase',
      only: ['apply'],
      onRequest: ['plan'],
      reason: 'evidence.run_phase',
      says: 'The run is a plan; only applies are accepted unless the trust provider accepts plans.',
    },
  ],
  instance: ['run-id', 'run-phase'],
}
