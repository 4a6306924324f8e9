import type { Guard } from './guard.ts'

const DOOR = 'src/protocols/mcp/door.test.ts'
const CALL = 'src/protocols/mcp/call.test.ts'
const EXPORT = 'src/sdk/verify-export.test.ts'

/** What is written down before it counts, and how old what is known may be. */
export const RECORD_GUARDS: readonly Guard[] = [
  {
    name: 'journal-order',
    file: 'src/flows/decide-at-gateway.ts',
    find: '  await point.record(eventOf(enforcement, caller, decision, asked))\n  return decision',
    replace:
      '  void point.record(eventOf(enforcement, caller, decision, asked)).catch(() => undefined)\n  return decision',
    why: 'a call is answered whose record never came to be',
    tests: [DOOR, CALL],
  },
  {
    name: 'issue-order',
    file: 'src/flows/issue-access-token.ts',
    find: '  await view.ports.store.commit({\n    events: [issueEvent(view, minting, jti)],\n    ...(row && subject.session === undefined ? { session: row } : {}),\n  })',
    replace:
      '  void view.ports.store\n    .commit({ events: [issueEvent(view, minting, jti)], ...(row && subject.session === undefined ? { session: row } : {}) })\n    .catch(() => undefined)',
    why: 'a token exists that nobody wrote down',
    tests: ['test/conformance/rfc8693.test.ts'],
  },
  {
    name: 'staleness',
    file: 'src/flows/authenticate-at-gateway.ts',
    find: 'if (point.staleMs() <= stalenessMs(target, hint)) return',
    replace: 'if (point.staleMs() >= 0 || stalenessMs(target, hint)) return',
    why: 'a gateway that is cut off serves who was revoked meanwhile',
    tests: [DOOR, CALL],
  },
  {
    name: 'staleness-authority',
    file: 'src/flows/authority.ts',
    find: 'if (ports.ageMs() <= ports.maxAgeMs) return',
    replace: 'if (ports.ageMs() >= 0) return',
    why: 'an authority that is cut off from its database mints for who was revoked meanwhile',
    tests: ['test/conformance/rfc8693.test.ts'],
  },
  {
    name: 'before-forward',
    file: 'src/flows/call-resource.ts',
    find: 'if (ended) return refused(enforcement, decision, ended, began)',
    replace: '',
    why: 'what ended while the credential was fetched is forwarded all the same',
    tests: [CALL],
  },
  {
    name: 'open-streams',
    file: 'src/flows/chain-watch.ts',
    find: '  const stop = point.onChange(judge)\n',
    replace: '  const stop = point.onChange(() => undefined)\n  if (SWEEP_MS < 0) judge()\n',
    why: 'an open stream goes on after its chain was revoked',
    tests: ['src/protocols/mcp/stream.test.ts', CALL],
  },
  {
    name: 'durable-commit',
    file: 'src/stores/postgres/embedded/settings.ts',
    find: "synchronous_commit: 'on'",
    replace: "synchronous_commit: 'off'",
    why: 'a token was given whose record is gone when the database is killed',
    tests: ['test/e2e/killed-under-load.test.ts'],
  },
  {
    name: 'journal-fork',
    file: 'src/stores/postgres/store/take-journal.ts',
    find: "for (const { leaf, n } of repeated) if (leaves.get(n) !== leaf) throw new Refused('fork')",
    replace:
      "for (const { leaf, n } of repeated) if (leaves.get(n) === '' && leaf === '') throw new Refused('fork')",
    why: 'a stolen gateway ships other records under numbers that were taken, and nobody hears of it',
    tests: ['test/e2e/stolen-gateway.test.ts'],
  },
  {
    name: 'journal-tenant',
    file: 'src/stores/postgres/store/take-journal.ts',
    find: `if (!tenants.includes(read.event.tenant)) throw new Refused('tenant')`,
    replace: '',
    why: "a stolen gateway writes into the logs of tenants that it doesn't serve",
    tests: ['test/e2e/stolen-gateway.test.ts'],
  },
  {
    name: 'journal-gap',
    file: 'src/lib/record-chain.ts',
    find: `if (record.n !== head.n + 1) return 'gap'`,
    replace: `if (record.n < 0) return 'gap'`,
    why: 'a gateway ships a history with holes',
    tests: ['src/lib/record-chain.test.ts'],
  },
  {
    name: 'journal-altered',
    file: 'src/lib/record-chain.ts',
    find: `if (!isHashOf(record)) return 'altered'`,
    replace: '',
    why: 'a record that was changed on its way is taken',
    tests: ['src/lib/record-chain.test.ts'],
  },
  {
    name: 'checkpoint',
    file: 'src/core/audit/signed-note.ts',
    find: 'if (!verify(null, Buffer.from(parsed.text), key.publicKey, signature)) return badSignature(name)',
    replace: 'if (signature.length === 0) return badSignature(name)',
    why: 'a checkpoint that anybody wrote is believed',
    tests: ['src/core/audit/signed-note.test.ts', EXPORT],
  },
  {
    name: 'export-tenant',
    file: 'src/core/audit/export-check.ts',
    find: `const refusal = misplaced(check, header, event) ?? notOfTenant(header, event) ?? badOpening(event)`,
    replace: 'const refusal = misplaced(check, header, event) ?? badOpening(event)',
    why: "another tenant's events pass for this one's",
    tests: [EXPORT],
  },
  {
    name: 'export-opening',
    file: 'src/core/audit/export-check.ts',
    find: `const refusal = misplaced(check, header, event) ?? notOfTenant(header, event) ?? badOpening(event)`,
    replace: 'const refusal = misplaced(check, header, event) ?? notOfTenant(header, event)',
    why: 'an export shows another user than the one that was recorded',
    tests: [EXPORT],
  },
]
