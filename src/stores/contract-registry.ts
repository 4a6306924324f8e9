import { expect, test } from 'vitest'
import { revision } from '../core/ids.ts'
import { link } from '../core/lifecycle/revocation.ts'
import type { Store } from '../core/ports.ts'
import { draftOf, factOf, LATER, leaseOf, type StoresUnderTest, sessionOf } from './contract-drafts.ts'

export function documentContract(stores: () => Promise<StoresUnderTest>): void {
  test('changes of one write share a revision, and each write has its own', async () => {
    const { one, two, tenant } = await stores()
    const before = await one.head()
    const first = await one.commit({
      events: [],
      changes: [factOf(tenant, 'a', '1'), factOf(tenant, 'b', '1')],
    })
    const second = await two.commit({ events: [], changes: [factOf(tenant, 'a', '2')] })
    expect([first, second]).toEqual([
      { done: true, revision: before + 1 },
      { done: true, revision: before + 2 },
    ])
    expect(await one.head()).toBe(before + 2)
    // The newest document of each object only, oldest revision first.
    expect((await two.changes(before)).map((each) => [each.name, each.doc, each.revision])).toEqual([
      ['b', factOf(tenant, 'b', '1').doc, before + 1],
      ['a', factOf(tenant, 'a', '2').doc, before + 2],
    ])
    expect(await two.changes(revision(before + 2))).toEqual([])
  })

  test('a removed object is a change without a document', async () => {
    const { one, tenant } = await stores()
    await one.commit({ events: [], changes: [factOf(tenant, 'a', '1')] })
    const before = await one.head()
    await one.commit({ events: [], changes: [factOf(tenant, 'a', null)] })
    expect(await one.changes(before)).toEqual([
      { tenant, kind: 'fact', name: 'a', doc: null, revision: before + 1 },
    ])
  })

  test('a document comes back with the numbers and the text it was written with', async () => {
    const { one, tenant } = await stores()
    const before = await one.head()
    const config = { a: 9_007_199_254_740_991, b: 1e300, c: 0.1, d: 1e20, e: 'é\u0000"\\', f: [null, -0.5] }
    const doc = { condition: 'exact', type: 'time', config }
    await one.commit({ events: [], changes: [{ tenant, kind: 'condition', name: 'exact', doc }] })
    expect((await one.changes(before))[0]?.doc).toEqual(doc)
  })

  test('a write for a revision that is over does nothing at all', async () => {
    const { one, two, tenant } = await stores()
    const seen = await one.head()
    await two.commit({ events: [], changes: [factOf(tenant, 'a', '1')] })
    const written = await one.commit({
      ifRevision: seen,
      changes: [factOf(tenant, 'a', '2')],
      events: [draftOf(tenant)],
      spend: { tenant, key: 'k', expires: LATER },
      session: sessionOf(tenant, 'late', { links: [link('agent', 'late')] }),
      lease: { open: leaseOf(tenant, 'late') },
    })
    expect(written).toEqual({ done: false, why: 'moved_on' })
    expect(await one.head()).toBe(seen + 1)
    expect((await one.tree(tenant)).size).toBe(0)
    expect(await one.openLeases({ tenant })).toEqual([])
    expect(await one.sessions({ tenant, link: link('agent', 'late') })).toEqual([])
    const spend = { tenant, key: 'k', expires: LATER }
    expect(await one.commit({ events: [], spend })).toMatchObject({ done: true })
  })
}

export function revisionContract(stores: () => Promise<StoresUnderTest>): void {
  test('of writes for one revision at the same moment, one is done', async () => {
    const { one, two, tenant } = await stores()
    const ifRevision = await one.head()
    const writes = Array.from({ length: 10 }, (_, at) =>
      (at % 2 ? one : two).commit({ events: [], ifRevision, changes: [factOf(tenant, 'a', String(at))] }),
    )
    const done = (await Promise.all(writes)).filter((written) => written.done)
    expect(done).toEqual([{ done: true, revision: ifRevision + 1 }])
  })

  test('a reader that sees a revision sees all before it, whoever writes meanwhile', async () => {
    const { one, two, tenant } = await stores()
    const start = await one.head()
    let writing = true
    const write = async (store: Store, who: string) => {
      for (let at = 0; at < 40; at++)
        await store.commit({ events: [], changes: [factOf(tenant, `${who}${at}`, 'x')] })
    }
    const writers = Promise.all([write(one, 'one'), write(two, 'two')]).finally(() => {
      writing = false
    })
    const seen = new Set<number>()
    let after = start
    while (writing || after < start + 80) {
      for (const each of await two.changes(after)) {
        expect(each.revision).toBe(seen.size + start + 1)
        seen.add(each.revision)
        after = each.revision
      }
    }
    await writers
    expect(seen.size).toBe(80)
  })

  test('a commit with changes is heard at every authority; one without is not news', async () => {
    const { one, two, tenant } = await stores()
    const heard: string[] = []
    const stops = [await one.onCommit(() => heard.push('one')), await two.onCommit(() => heard.push('two'))]
    await one.commit({ events: [draftOf(tenant)] })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(heard).toEqual([])
    await one.commit({ events: [], changes: [factOf(tenant, 'a', '1')] })
    await expect.poll(() => new Set(heard).size).toBe(2)
    await Promise.all(stops.map((stop) => stop()))
  })
}
