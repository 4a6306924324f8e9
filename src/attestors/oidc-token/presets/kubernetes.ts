import type { Preset } from '../preset.ts'

/** Projected service account tokens. Namespace and account names are reused after deletion: the account's uid is not. */
export const kubernetes: Preset = {
  name: 'kubernetes',
  prefix: 'k8s',
  issuer: /^https?:\/\/.+$/,
  claims: {
    ns: ['kubernetes.io', 'namespace'],
    sa: ['kubernetes.io', 'serviceaccount', 'name'],
    'sa-uid': ['kubernetes.io', 'serviceaccount', 'uid'],
    pod: ['kubernetes.io', 'pod', 'name'],
    'pod-uid': ['kubernetes.io', 'pod', 'uid'],
    node: ['kubernetes.io', 'node', 'name'],
  },
  pins: [['sa-uid']],
  needs: ['ns', 'sa', 'sa-uid'],
  // What a pod's default token carries: the API server's own names, and those of cloud token services.
  defaultAudience:
    /^(https:\/\/kubernetes\.default(\.svc.*)?|kubernetes|api|sts\.amazonaws\.com|pods\.eks\.amazonaws\.com)$/,
  rules: [],
  instance: ['pod-uid'],
  review: true,
}
