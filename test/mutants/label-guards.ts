import type { Guard } from './guard.ts'

const RULE = ['src/core/policy/session-label.test.ts']
const FLOW = ['src/flows/raise-label.test.ts']
const DOOR = ['src/protocols/mcp/labels.test.ts']
const CONFIGURED = ['src/flows/read-configuration.test.ts']
const REFERENCES = 'src/flows/configuration/references.ts'
const UPSTREAM = 'src/flows/upstream-credential.ts'

/** The guards of labels (ARCHITECTURE §4, decision 0009): each one keeps what a session has read from flowing to a lower place. */
export const LABEL_GUARDS: readonly Guard[] = [
  {
    name: 'label-flow',
    why: 'what a session has read flows anywhere',
    file: 'src/core/policy/standing.ts',
    find: '  labelsMayFlow,\n',
    replace: '',
    tests: [...RULE, 'test/properties/labels.test.ts'],
  },
  {
    name: 'label-chain',
    why: 'a session hands what it has read to another agent, which carries no label',
    file: 'src/core/policy/session-label.ts',
    find: 'if (each.startsWith(SESSION))',
    replace: 'if (each === SESSION)',
    tests: [...RULE, ...FLOW],
  },
  {
    name: 'label-highest',
    why: 'a label that is written later lowers a higher one',
    file: 'src/core/policy/session-label.ts',
    find: 'if (isAbove(label, most) && labels.has',
    replace: "if (most === 'public' && labels.has",
    tests: RULE,
  },
  {
    name: 'label-raised',
    why: 'a lease leaves no label with its session',
    file: 'src/flows/open-lease.ts',
    find: 'raised.changes.length > 0',
    replace: 'raised.changes.length < 0',
    tests: FLOW,
  },
  {
    name: 'label-fresh-view',
    why: 'an authority judges a sink by a view without the label that another has just committed',
    file: 'src/flows/authority.ts',
    find: '  await view.ports.refresh()\n  const fresh',
    replace: '  const fresh',
    tests: FLOW,
  },
  {
    name: 'label-fresh-call',
    why: "a gateway's call of a sink is judged by whatever view the authority has",
    file: 'src/flows/judge-again.ts',
    find: 'target ? await viewToJudge(known, target) : known',
    replace: 'target && ask === undefined ? await viewToJudge(known, target) : known',
    tests: FLOW,
  },
  {
    name: 'label-fresh-login',
    why: 'a login at a sink is judged by whatever view the authority has',
    file: 'src/flows/lease-login.ts',
    find: 'await viewToJudge(asked, caller.value.known)',
    replace: 'asked',
    tests: FLOW,
  },
  {
    name: 'label-asks-anew',
    why: 'a gateway uses a credential of a sink again, and never learns that the label rose elsewhere',
    file: UPSTREAM,
    find: 'if (isSink(caller.target.resource)) return',
    replace: 'if (allow === undefined) return',
    tests: DOOR,
  },
  {
    name: 'label-unguarded',
    why: 'a labelled resource without a credential is reached past the authority',
    file: UPSTREAM,
    find: 'return raises(resource) || isSink(resource)',
    replace: 'return false && isSink(resource) && raises(resource)',
    tests: DOOR,
  },
  {
    name: 'label-staleness',
    why: 'a sink is judged by a view as old as reading allows elsewhere',
    file: 'src/flows/authenticate-at-gateway.ts',
    find: ' || isSink(resource)',
    replace: '',
    tests: ['src/flows/authenticate-at-gateway.test.ts', ...DOOR],
  },
  {
    name: 'label-open-login',
    why: 'a login that is open at a sink goes on after its session has reached more',
    file: 'src/flows/lease-over.ts',
    find: ' ?? labelAbove(tenant, lease)',
    replace: '',
    tests: FLOW,
  },
  {
    name: 'label-kept',
    why: 'a label is forgotten while tokens of its session are good',
    file: 'src/flows/forget-labels.ts',
    find: 'until < before',
    replace: 'until > before',
    tests: FLOW,
  },
  {
    name: 'label-configured',
    why: 'a label that the authority never sees reached is applied',
    file: REFERENCES,
    find: ' labelPassesAuthority,',
    replace: '',
    tests: CONFIGURED,
  },
  {
    name: 'clearance-configured',
    why: 'a clearance that nobody enforces is applied',
    file: REFERENCES,
    find: ' clearancePassesAuthority,',
    replace: '',
    tests: CONFIGURED,
  },
  {
    name: 'clearance-own-label',
    why: 'a resource that no session can come back to is applied',
    file: REFERENCES,
    find: '    clearanceTakesOwnLabel,\n',
    replace: '',
    tests: CONFIGURED,
  },
]
