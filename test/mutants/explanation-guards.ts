import type { Guard } from './guard.ts'

const EXPLAIN = 'src/core/policy/explain.ts'
const PROPERTY = 'test/properties/explain.test.ts'
const UNIT = 'src/core/policy/explain.test.ts'

/** What an explanation may tell, and what a comparison may claim. */
export const EXPLANATION_GUARDS: readonly Guard[] = [
  {
    name: 'explained-home',
    file: EXPLAIN,
    find: `if (frame === undefined || side.principal === 'home') return { ...side, ...NOTHING_MORE }`,
    replace: `if (frame === undefined) return { ...side, ...NOTHING_MORE }
    if (side.principal === 'home')
      return { ...side, ...NOTHING_MORE, errors: missesOf(frame, holding, () => true) }`,
    why: "the policies of a guest's home are shown to the tenant that admitted it",
    tests: [PROPERTY, UNIT],
  },
  {
    name: 'explained-home-policies',
    file: 'src/core/policy/judge.ts',
    find: `const told = side.principal === 'home' ? { ...found.side, policies: [], erring: [] } : found.side`,
    replace: 'const told = found.side',
    why: "the policies of a guest's home are named to the tenant that admitted it, and in its audit",
    tests: [PROPERTY, UNIT],
  },
  {
    name: 'explained-owner',
    file: EXPLAIN,
    find: 'if (!caller.guest) return side',
    replace: 'if (caller.id !== undefined) return side',
    why: 'who owns a guest is shown to the tenant that admitted it',
    tests: [UNIT],
  },
  {
    name: 'explained-resource',
    file: EXPLAIN,
    find: '({ clause }) => !namesAnother(clause, request.resource),',
    replace: '({ clause }) => !namesAnother(clause, request.resource) || clause !== undefined,',
    why: 'an explanation quotes permits about other resources than the one that is asked for',
    tests: [UNIT],
  },
  {
    name: 'replayed-exactly',
    file: 'src/flows/replay-recorded.ts',
    find: 'if (lacking !== undefined) return { why: lacking }',
    replace: '',
    why: 'a comparison claims what a recorded request would come to though it does not know by what it was decided',
    tests: ['test/properties/replay.test.ts'],
  },
  {
    name: 'replayed-as-recorded',
    file: 'src/flows/replay-recorded.ts',
    find: 'const consistent = proofs.filter(({ before }) => !hasChanged(before, { ...recorded, policies: [] }))',
    replace: 'const consistent = proofs',
    why: 'a comparison takes what stands in a folder for what decided, though it answers otherwise than was recorded',
    tests: ['test/properties/replay.test.ts'],
  },
]
