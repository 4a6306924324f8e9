import { describe, expect, it } from 'vitest'
import { alienKey, issued, issuerKeys, NOW, outcome } from '../../../test/fakes/workload-issuer.ts'
import { oidcTrustSchema } from './trust.ts'

const AUDIENCE = 'https://countersign.example/t/acme'
const ORG = '3f1c2d84-7a1e-4c5e-9d0a-1f2e3d4c5b6a'
const DIRECTORY = '72f988bf-86f1-41af-91ab-2d7cd011db47'

type Case = {
  readonly trust: Record<string, unknown>
  readonly claims: Record<string, unknown>
  readonly selector: string
}

const kubernetesClaims = {
  namespace: 'data',
  serviceaccount: { name: 'pipeline', uid: 'sa-1' },
  pod: { name: 'pipeline-7f', uid: 'pod-1' },
}

/** A good provider and a good token of each platform, as the platform documents it. */
const PLATFORMS: Record<string, Case> = {
  kubernetes: {
    trust: { issuer: 'https://kubernetes.default.svc', pin: { 'sa-uid': ['sa-1', 'sa-2'] } },
    claims: { sub: 'system:serviceaccount:data:pipeline', 'kubernetes.io': kubernetesClaims },
    selector: 'k8s:ns:data',
  },
  'github-actions': {
    trust: {
      issuer: 'https://token.actions.githubusercontent.com',
      pin: { 'repository-id': '74', 'owner-id': '65' },
    },
    claims: { repository_id: '74', repository_owner_id: '65', event_name: 'push', ref: 'refs/heads/main' },
    selector: 'github:ref:refs/heads/main',
  },
  gitlab: {
    trust: { issuer: 'https://gitlab.com', pin: { 'project-id': '20', 'namespace-id': '72' } },
    claims: { project_id: '20', namespace_id: '72', ref_protected: 'true', pipeline_source: 'push' },
    selector: 'gitlab:project-id:20',
  },
  gcp: {
    trust: { issuer: 'https://accounts.google.com', pin: { sub: '104' } },
    claims: { sub: '104', email: 'a@p.iam.gserviceaccount.com', email_verified: true },
    selector: 'gcp:sub:104',
  },
  azure: {
    trust: { issuer: `https://sts.windows.net/${DIRECTORY}/`, pin: { tid: DIRECTORY, oid: 'o-1' } },
    claims: { tid: DIRECTORY, oid: 'o-1', sub: 'o-1', idtyp: 'app' },
    selector: `azure:tid:${DIRECTORY}`,
  },
  'terraform-cloud': {
    trust: {
      issuer: 'https://app.terraform.io',
      pin: { 'organization-id': 'org-1', 'workspace-id': 'ws-1' },
    },
    claims: {
      terraform_organization_id: 'org-1',
      terraform_workspace_id: 'ws-1',
      terraform_run_phase: 'apply',
    },
    selector: 'terraform:run-phase:apply',
  },
  circleci: {
    trust: { issuer: `https://oidc.circleci.com/org/${ORG}`, pin: { 'org-id': ORG, 'project-id': 'p-1' } },
    claims: { 'oidc.circleci.com/project-id': 'p-1', 'oidc.circleci.com/ssh-rerun': false },
    selector: `circleci:org-id:${ORG}`,
  },
  buildkite: {
    trust: { issuer: 'https://agent.buildkite.com', pin: { 'organization-id': 'o-1', 'pipeline-id': 'p-1' } },
    claims: { organization_id: 'o-1', pipeline_id: 'p-1', build_number: 7 },
    selector: 'buildkite:pipeline-id:p-1',
  },
  vercel: {
    trust: {
      issuer: 'https://oidc.vercel.com/acme',
      pin: { 'owner-id': 't-1', 'project-id': 'p-1', environment: 'production' },
    },
    claims: { owner_id: 't-1', project_id: 'p-1', environment: 'production' },
    selector: 'vercel:environment:production',
  },
  fly: {
    trust: { issuer: 'https://oidc.fly.io/acme', pin: { 'org-id': 'o-1', 'app-id': 'a-1' } },
    claims: { org_id: 'o-1', app_id: 'a-1', machine_id: 'm-1' },
    selector: 'fly:machine-id:m-1',
  },
}

function settings(preset: string, change: object = {}): Record<string, unknown> {
  return { preset, audience: AUDIENCE, jwks: issuerKeys(), ...PLATFORMS[preset]?.trust, ...change }
}

function attest(preset: string, change: object = {}, over: object = {}, signing: object = {}) {
  const trust = settings(preset, over)
  const claims = { iss: trust.issuer, aud: AUDIENCE, ...PLATFORMS[preset]?.claims, ...change }
  return outcome(issued(claims, signing), { attestor: 'oidc-token', ...trust })
}

/** Where the settings are wrong; empty when they are taken. */
function wrongAt(preset: string, change: object): readonly string[] {
  const parsed = oidcTrustSchema.safeParse(settings(preset, change))
  return parsed.success ? [] : parsed.error.issues.map((issue) => issue.path.join('.') || issue.code)
}

const names = Object.keys(PLATFORMS)

describe.each(names)('every platform: %s', (preset) => {
  it('gives selectors, and the name of the provider', async () => {
    const selectors = await attest(preset)
    expect(selectors).toContain(PLATFORMS[preset]?.selector)
    expect(selectors).toContain('trust:here')
  })

  it('refuses a token for another audience, and one for us and for others', async () => {
    expect(await attest(preset, { aud: 'https://other.example' })).toBe('jwt.audience')
    expect(await attest(preset, { aud: [AUDIENCE, 'https://other.example'] })).toBe('jwt.audience')
  })

  it('refuses a token of another key, of another kind, expired, or from the future', async () => {
    expect(await attest(preset, {}, {}, { key: alienKey })).toBe('jwt.signature')
    expect(await attest(preset, {}, {}, { typ: 'at+jwt' })).toBe('jwt.typ')
    expect(await attest(preset, { exp: NOW - 60 })).toBe('jwt.expired')
    expect(await attest(preset, { iat: NOW + 60 })).toBe('jwt.future')
    expect(await attest(preset, { exp: NOW + 90_000 })).toBe('jwt.life')
  })

  it('never asks an issuer that is not listed', async () => {
    expect(await attest(preset, { iss: 'https://evil.example' })).toBe('evidence.untrusted')
  })

  it('refuses a token whose pinned ids are others, absent, or not text', async () => {
    const pin = Object.fromEntries(
      Object.keys((settings(preset).pin ?? {}) as object).map((name) => [name, 'x']),
    )
    expect(await attest(preset, {}, { pin })).toMatch(/^evidence\.(pin|untrusted)$/)
    const emptied = Object.fromEntries(
      Object.keys(PLATFORMS[preset]?.claims ?? {}).map((name) => [name, undefined]),
    )
    expect(await attest(preset, emptied)).toMatch(/^evidence\.(claim_missing|issuer_mismatch)$/)
  })

  it('can not be configured without issuer, audience and pinned ids, or with an unknown key', () => {
    expect(wrongAt(preset, {})).toEqual([])
    expect(wrongAt(preset, { issuer: undefined })).toContain('issuer')
    expect(wrongAt(preset, { audience: undefined })).toContain('audience')
    expect(wrongAt(preset, { pin: undefined })).toContain('pin')
    expect(wrongAt(preset, { pin: {} })).toContain('pin')
    expect(wrongAt(preset, { pin: { nonsense: 'x' } })).toContain('pin')
    expect(wrongAt(preset, { audience: settings(preset).issuer })).toContain('audience')
    expect(wrongAt(preset, { surprise: true })).toContain('unrecognized_keys')
  })
})

describe('Kubernetes', () => {
  it('refuses an account that was deleted and made again under the same name', async () => {
    const again = { ...kubernetesClaims, serviceaccount: { name: 'pipeline', uid: 'sa-9' } }
    expect(await attest('kubernetes', { 'kubernetes.io': again })).toBe('evidence.pin')
  })

  it.each(['https://kubernetes.default.svc.cluster.local', 'sts.amazonaws.com', 'api'])(
    "can not be configured with an audience that is the cluster's or a cloud's: %s",
    (audience) => {
      expect(wrongAt('kubernetes', { audience })).toEqual(['audience'])
    },
  )

  it('can not be an issuer over plain http unless its address is listed, or its keys are written down', () => {
    const plain = { issuer: 'http://127.0.0.1:8443', jwks: undefined }
    expect(wrongAt('kubernetes', plain)).toEqual(['issuer'])
    expect(wrongAt('kubernetes', { ...plain, allow_private: ['127.0.0.1:8443'] })).toEqual([])
    expect(wrongAt('kubernetes', { ...plain, jwks: issuerKeys() })).toEqual([])
  })

  it('can not pin names alone', () => {
    expect(wrongAt('kubernetes', { pin: { ns: 'data', sa: 'pipeline' } })).toEqual(['pin'])
  })
})

describe('GitHub Actions', () => {
  it.each([
    'pull_request',
    'pull_request_target',
    'issue_comment',
    'workflow_run',
    'merge_group',
    'future_event',
  ])('refuses a run started by %s', async (event) => {
    expect(await attest('github-actions', { event_name: event })).toBe('evidence.event_refused')
  })

  it('can not be configured with the audience that every repository of an owner gets', () => {
    expect(wrongAt('github-actions', { audience: 'https://github.com/acme' })).toEqual(['audience'])
  })

  it('does not read `sub`, which a repository can shape', async () => {
    const shaped = { sub: 'repo:acme/prod:ref:refs/heads/main', repository_id: '75' }
    expect(await attest('github-actions', shaped)).toBe('evidence.pin')
  })
})

describe('GitLab', () => {
  it('refuses an unprotected ref, unless the provider accepts it', async () => {
    const loose = { ref_protected: 'false' }
    expect(await attest('gitlab', loose)).toBe('evidence.ref_unprotected')
    expect(await attest('gitlab', loose, { accepts: { 'ref-protected': ['false'] } })).toContain('trust:here')
  })

  it('takes "true" as the text that GitLab writes, and nothing like it', async () => {
    expect(await attest('gitlab', { ref_protected: true })).toBe('evidence.ref_unprotected')
  })

  it('refuses a merge request', async () => {
    expect(await attest('gitlab', { pipeline_source: 'merge_request_event' })).toBe('evidence.event_refused')
  })
})

describe('GCP', () => {
  it('can not pin an e-mail address, and makes no selector of it', async () => {
    expect(wrongAt('gcp', { pin: { email: 'a@p.iam.gserviceaccount.com' } })).toEqual(['pin'])
    expect((await attest('gcp')).toString()).not.toContain('gserviceaccount')
  })

  it('refuses an unverified account', async () => {
    expect(await attest('gcp', { email_verified: false })).toBe('evidence.not_workload')
  })

  it('can pin an instance by its ids', async () => {
    const engine = { google: { compute_engine: { project_number: 12, instance_id: '99' } } }
    const pin = { 'project-number': '12', 'instance-id': '99' }
    expect(await attest('gcp', engine, { pin })).toBe('evidence.pin')
    engine.google.compute_engine.project_number = '12' as never
    expect(await attest('gcp', engine, { pin })).toContain('gcp:instance-id:99')
  })
})

describe('Azure', () => {
  it('refuses a directory that is not listed', async () => {
    expect(await attest('azure', { tid: ORG })).toBe('evidence.issuer_mismatch')
    expect(await attest('azure', { iss: `https://sts.windows.net/${ORG}/`, tid: ORG })).toBe(
      'evidence.untrusted',
    )
    expect(wrongAt('azure', { issuer: 'https://login.microsoftonline.com/common/v2.0' })).toEqual(['issuer'])
    expect(wrongAt('azure', { pin: { tid: ORG, oid: 'o-1' } })).toEqual(['pin'])
  })

  it('refuses another object of the same directory', async () => {
    expect(await attest('azure', { oid: 'o-2' })).toBe('evidence.pin')
  })

  it("refuses a person's token", async () => {
    expect(await attest('azure', { idtyp: 'user' })).toBe('evidence.not_workload')
    expect(await attest('azure', { scp: 'read' })).toBe('evidence.not_workload')
  })

  it('can not pin an application id alone', () => {
    expect(wrongAt('azure', { pin: { tid: DIRECTORY, appid: 'a-1' } })).toEqual(['pin'])
  })
})

describe('Terraform Cloud', () => {
  it('refuses a plan, unless the provider accepts plans', async () => {
    const plan = { terraform_run_phase: 'plan' }
    expect(await attest('terraform-cloud', plan)).toBe('evidence.run_phase')
    expect(await attest('terraform-cloud', plan, { accepts: { 'run-phase': ['plan'] } })).toContain(
      'trust:here',
    )
    expect(wrongAt('terraform-cloud', { accepts: { 'run-phase': ['destroy'] } })).toEqual(['accepts'])
  })
})

describe('CircleCI', () => {
  it('refuses another project of the same organization', async () => {
    expect(await attest('circleci', { 'oidc.circleci.com/project-id': 'p-2' })).toBe('evidence.pin')
  })

  it('refuses a job rerun with SSH, however the flag is written', async () => {
    expect(await attest('circleci', { 'oidc.circleci.com/ssh-rerun': true })).toBe('evidence.ssh_rerun')
    expect(await attest('circleci', { 'oidc.circleci.com/ssh-rerun': 'true' })).toBe('evidence.ssh_rerun')
  })

  it('can not be configured with the default audience, the organization', () => {
    expect(wrongAt('circleci', { audience: ORG })).toEqual(['audience'])
  })
})

describe('Buildkite', () => {
  it('can not be configured with the default audience, and pins no slug', () => {
    expect(wrongAt('buildkite', { audience: 'https://buildkite.com/acme' })).toEqual(['audience'])
    expect(wrongAt('buildkite', { pin: { organization: 'acme', pipeline: 'deploy' } })).toEqual(['pin'])
  })
})

describe('Vercel', () => {
  it('refuses a preview where production is pinned', async () => {
    expect(await attest('vercel', { environment: 'preview' })).toBe('evidence.pin')
    expect(wrongAt('vercel', { pin: { 'owner-id': 't-1', 'project-id': 'p-1' } })).toEqual(['pin'])
  })

  it('can not be configured with the default audience', () => {
    expect(wrongAt('vercel', { audience: 'https://vercel.com/acme' })).toEqual(['audience'])
  })
})

describe('Fly', () => {
  it('can not pin names, which are free again after deletion', () => {
    expect(wrongAt('fly', { pin: { org: 'acme', app: 'agent' } })).toEqual(['pin'])
  })
})
