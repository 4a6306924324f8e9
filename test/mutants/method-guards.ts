import type { Guard } from './guard.ts'

const METHODS = 'src/protocols/mcp/methods.test.ts'
const LISTENING = 'src/protocols/mcp/listen.test.ts'
const CONTENT = 'src/core/policy/content.test.ts'
const TEMPLATE = 'src/core/policy/uri-template.test.ts'
const URIS = 'src/core/policy/uri-template.ts'

/** What an MCP server offers beside tools, and by which names it can be asked for. */
export const METHOD_GUARDS: readonly Guard[] = [
  {
    name: 'tool-named-like-a-prompt',
    file: 'src/core/policy/tool.ts',
    find: "return name.includes(':')",
    replace: 'return name.length > 1_000',
    why: 'a tool that nobody declared is called by the permit of a prompt',
    tests: [METHODS],
  },
  {
    name: 'dot-segments',
    file: URIS,
    find: "if (uri.split(/[:/?#]/).some((segment) => /^\\.\\.?(?:;|$)/.test(segment))) return 'has a `.` or `..` segment'",
    replace: '',
    why: 'a server behind reads another path out of a URI than policy did',
    tests: [TEMPLATE],
  },
  {
    name: 'encoded-slash',
    file: URIS,
    find: ' || ENCODED_WRONGLY.test(uri)',
    replace: '',
    why: 'one value has several spellings, of which policy compares one',
    tests: [TEMPLATE],
  },
  {
    name: 'normal-form',
    file: URIS,
    find: "if (!URL.canParse(uri) || new URL(uri).href !== uri) return 'is not in its normal form'",
    replace: '',
    why: "a server's URL parser makes another URI of what policy saw",
    tests: [TEMPLATE],
  },
  {
    name: 'empty-segment',
    file: URIS,
    find: "if (spelled !== raw || (reserved && (value.startsWith('/') || value.includes('//')))) return undefined",
    replace: 'if (spelled !== raw) return undefined',
    why: 'a path inside a value leads to the root of a disk',
    tests: [TEMPLATE, METHODS],
  },
  {
    name: 'ambiguous-template',
    file: URIS,
    find: 'const wrong = forms.map(problemOf).find((problem) => problem !== undefined)',
    replace: 'const wrong: string | undefined = undefined',
    why: 'policy and the server behind may take different values out of one URI',
    tests: [TEMPLATE],
  },
  {
    name: 'most-specific-content',
    file: 'src/core/policy/content.ts',
    find: 'ranked.sort((a, b) => b.within - a.within)',
    replace: 'ranked',
    why: 'a wider content, and its permits, stand for what was declared by itself',
    tests: [CONTENT],
  },
  {
    name: 'indistinct-contents',
    file: 'src/core/policy/content.ts',
    find: 'return [one.name, other.name]',
    replace: 'return undefined',
    why: 'which permits a URI is judged by depends on the order of a file',
    tests: [CONTENT],
  },
  {
    name: 'listed-uri',
    file: 'src/protocols/mcp/lists.ts',
    find: 'asked && (await isVisible(enforcement, decision, asked.tool, asked.input))',
    replace: 'asked',
    why: "a list shows the URIs, and so the names, of other people's contents",
    tests: [METHODS],
  },
  {
    name: 'listed-prompt',
    file: 'src/protocols/mcp/lists.ts',
    find: '.filter(({ name }) => visible.has(promptTool(String(name))))',
    replace: '',
    why: 'a list shows prompts that are hidden',
    tests: [METHODS],
  },
  {
    name: 'completed-value',
    file: 'src/protocols/mcp/complete.ts',
    find: 'asked && (await isVisible(exchange.enforcement, decision, asked.tool, asked.known))',
    replace: 'asked',
    why: "completing an argument tells the names of other people's contents",
    tests: [METHODS],
  },
  {
    name: 'completed-target',
    file: 'src/flows/list-tools.ts',
    find: "const decision = await decideAtGateway(enforcement, caller, { kind: 'list', tool })",
    replace: "const decision = await decideAtGateway(enforcement, caller, { kind: 'enter' })",
    why: 'a hidden prompt answers when its arguments are completed',
    tests: [METHODS],
  },
  {
    name: 'subscribed-uri',
    file: 'src/protocols/mcp/subscription-filter.ts',
    find: '.filter((uri) => mayRead(exchange, uri))',
    replace: '',
    why: "a caller hears when other people's contents change",
    tests: [LISTENING],
  },
  {
    name: 'told-uri',
    file: 'src/protocols/mcp/subscription-filter.ts',
    find: ' || !mayRead(exchange, uri)',
    replace: '',
    why: 'a stream goes on telling of what was taken away from its caller',
    tests: [LISTENING],
  },
  {
    name: 'told-unasked',
    file: 'src/protocols/mcp/listen.ts',
    find: "return narrowFilter(wanted, readFilter(params['notifications']) ?? NOTHING)",
    replace: "return readFilter(params['notifications']) ?? NOTHING",
    why: 'the server behind decides what a caller hears of',
    tests: [LISTENING],
  },
  {
    name: 'read-for-one-caller',
    file: 'src/protocols/mcp/for-this-caller.ts',
    find: "cacheScope: 'private'",
    replace: "cacheScope: String(result['cacheScope'])",
    why: 'what was read for one caller is kept for others on the way',
    tests: [METHODS],
  },
]
