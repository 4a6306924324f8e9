import type { Guard } from './guard.ts'

const JUDGED = 'src/flows/judge-evaluation.test.ts'

/** What an enforcement point outside may ask, and what its word counts for (decision 0014). */
export const ASKING_GUARDS: readonly Guard[] = [
  {
    name: 'asking-right',
    file: 'src/flows/judge-evaluation.ts',
    find: "if (right.outcome !== 'allow') {",
    replace: "if (right.outcome === 'ask') {",
    why: 'whoever may enter `authzen` learns who may do what everywhere in the tenant',
    tests: [JUDGED],
  },
  {
    name: 'searching-right',
    file: 'src/flows/search-access.ts',
    find: "if (own.outcome === 'allow') open.push(group)",
    replace: 'open.push(group)',
    why: 'a search lists what its asker may not ask about',
    tests: ['src/flows/search-access.test.ts'],
  },
  {
    name: 'vouching',
    file: 'src/flows/judge-evaluation.ts',
    find: "proof: vouched ? 'enrolled' : 'claimed',",
    replace: "proof: 'enrolled',",
    why: 'whoever may ask is believed about every agent',
    tests: [JUDGED],
  },
  {
    name: 'vouched-is-not-attested',
    file: 'src/flows/judge-evaluation.ts',
    find: "proof: vouched ? 'enrolled' : 'claimed',",
    replace: "proof: vouched ? 'attested' : 'claimed',",
    why: 'the word of an enforcement point passes for an attestation',
    tests: [JUDGED],
  },
  {
    name: 'vouched-address',
    file: 'src/flows/judge-evaluation.ts',
    find: '...(own ? { address: asker.address } : {}),',
    replace: 'address: asker.address,',
    why: 'an agent is where the enforcement point is that asks about it',
    tests: [JUDGED],
  },
  {
    name: 'asked-labels',
    file: 'src/flows/judge-evaluation.ts',
    find: 'if (unjudged) return { refusal: unjudged }',
    replace: '',
    why: 'a question without a session is answered as if that session had read nothing',
    tests: [JUDGED],
  },
  {
    name: 'asked-declared',
    file: 'src/flows/asked-resource.ts',
    find: '{ ...resource.properties, ...declaredOf(known, resource.id), id: resource.id }',
    replace: '{ ...declaredOf(known, resource.id), ...resource.properties, id: resource.id }',
    why: "what is said of an object by who asks wins over the tenant's own configuration",
    tests: [JUDGED],
  },
  {
    name: 'asked-user',
    file: 'src/flows/asked-subject.ts',
    find: 'return found.size === 1 ? only : undefined',
    replace: 'return only',
    why: "of two people with one name at two providers one gets the other's answer",
    tests: [JUDGED],
  },
  {
    name: 'asked-record',
    file: 'src/flows/evaluate-access.ts',
    find: 'const written = await view.ports.store.commit({ events, ...spendOf(view, asker) })',
    replace: 'const written = { done: true }',
    why: 'a question is answered that nobody can look up',
    tests: ['src/flows/evaluate-access.test.ts'],
  },
  {
    name: 'metadata-type',
    file: 'src/protocols/authzen/metadata.ts',
    find: "const TYP = 'authzen-configuration+jwt'",
    replace: "const TYP = 'at+jwt'",
    why: 'what the tenant says of its endpoints is signed in the type of an access token',
    tests: ['test/conformance/authzen-1.0.test.ts'],
  },
]
