import type { Guard } from './guard.ts'

const DOOR = ['src/protocols/mcp/definitions.test.ts']
const TAKEN = ['src/flows/take-definitions.test.ts']
const PINS = 'src/flows/pin-definitions.ts'
const TAKE = 'src/flows/take-definitions.ts'

/** The guards of pinned definitions (decision 0022): each keeps models from being told what nobody has accepted. */
export const DEFINITION_GUARDS: readonly Guard[] = [
  {
    name: 'definition-decided',
    file: 'src/core/policy/decide.ts',
    find: "if (judgement.refusal !== undefined || resource.type !== 'mcp') return judgement",
    replace: "if (judgement.refusal !== undefined || resource.type !== 'x') return judgement",
    why: 'a tool that was changed since it was accepted is called',
    tests: DOOR,
  },
  {
    name: 'definition-first-look',
    file: 'src/flows/call-resource.ts',
    find: '  if (unpinned) return refused(enforcement, decision, unpinned, began)\n',
    replace: '',
    why: 'a tool of which nobody knows anything is called',
    tests: DOOR,
  },
  {
    name: 'definition-listed',
    file: 'src/protocols/mcp/narrow.ts',
    find: 'await pinnedTools(enforcement, caller.target, tools.filter(isJsonObject))',
    replace: 'tools.filter(isJsonObject)',
    why: 'a model is shown a definition in the very list that changes it',
    tests: DOOR,
  },
  {
    name: 'definition-untold',
    file: PINS,
    find: 'for (const { tool } of fresh) counts.set(tool, UNTOLD)',
    replace: 'for (const { tool, sha256 } of fresh) counts.set(tool, sha256)',
    why: 'what the authority was not told of is shown and called',
    tests: DOOR,
  },
  {
    name: 'definition-raced',
    file: TAKE,
    find: '      ifRevision: snapshot.revision,\n',
    replace: '',
    why: 'what one authority accepts first is written over by another',
    tests: TAKEN,
  },
  {
    name: 'definition-reporter',
    file: TAKE,
    find: 'if (serves(gateway, tenant, resource) && known',
    replace: 'if (known',
    why: 'a gateway speaks for servers that it does not serve',
    tests: TAKEN,
  },
  {
    name: 'definition-looked-at',
    file: 'src/flows/accept-definition.ts',
    find: '[waiting, accepted].find((each) => each?.sha256 === sha256)',
    replace: '[waiting, accepted].find((each) => each && sha256.length > 0)',
    why: 'a person accepts what came after they looked',
    tests: TAKEN,
  },
]
