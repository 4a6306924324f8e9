import { describe, expect, it } from 'vitest'
import { matchAgent } from './attestation.ts'

const pipeline = { name: 'pipeline', is: { trust: 'prod', 'k8s:ns': 'data', 'k8s:sa': 'pipeline' } }
const reports = { name: 'reports', is: { trust: 'prod', 'k8s:ns': 'data', 'k8s:sa': 'reports' } }
const twin = { name: 'twin', is: { trust: 'prod', 'k8s:ns': 'data' } }
const proven = (...selectors: string[]) => ({ selectors })

describe('matching an attestation to an agent', () => {
  it('finds the one whose every selector was proven', () => {
    const attestation = proven('trust:prod', 'k8s:ns:data', 'k8s:sa:pipeline', 'k8s:pod-uid:1')
    expect(matchAgent(attestation, [reports, pipeline])).toEqual({ ok: true, value: pipeline })
  })

  it.each([
    ['another service account', proven('trust:prod', 'k8s:ns:data', 'k8s:sa:other')],
    ['the same names from another trust provider', proven('trust:test', 'k8s:ns:data', 'k8s:sa:pipeline')],
    ['nothing proven', proven()],
  ])('refuses %s', (_name, attestation) => {
    const result = matchAgent(attestation, [reports, pipeline])
    expect(!result.ok && result.error.reason).toBe('evidence.no_agent')
  })

  it('refuses to choose between two', () => {
    const result = matchAgent(proven('trust:prod', 'k8s:ns:data', 'k8s:sa:pipeline'), [pipeline, twin])
    expect(!result.ok && result.error.reason).toBe('evidence.ambiguous')
  })

  it('never matches an agent that demands nothing', () => {
    const result = matchAgent(proven('trust:prod'), [{ is: {} as { trust: string } }])
    expect(!result.ok && result.error.reason).toBe('evidence.no_agent')
  })
})
