import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readPidFile } from '../../src/stores/postgres/embedded/postmaster-pid.ts'
import { endServers, isAlive, type ServerProcess, startServer } from '../support/server-process.ts'
import { makeSmallWorld, type SmallWorld } from '../support/small-world.ts'

let folder: string
let world: SmallWorld
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cs-processes-'))
  await chmod(folder, 0o711)
  world = await makeSmallWorld(folder)
})
afterEach(async () => {
  await endServers()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
})

const postmaster = async () => (await readPidFile(join(folder, 'postgres', 'cluster')))?.pid ?? 0

/** Sends SIGTERM; answers how it ended, and after how many milliseconds. */
async function stop(server: ServerProcess) {
  const began = performance.now()
  server.kill('SIGTERM')
  const ended = await server.ended
  return { ended, ms: performance.now() - began }
}

describe('a start that can not be', () => {
  const refusals: readonly [string, () => Promise<object>, string, RegExp][] = [
    [
      'a missing setting',
      async () => ({ authority: { ...world.authority, origin: undefined } }),
      'config.invalid',
      /^authority\.origin: is missing$/,
    ],
    [
      'an unknown setting',
      async () => ({ authority: { ...world.authority, orign: 1 } }),
      'config.invalid',
      /did you mean `origin`/,
    ],
    ['nothing to run', async () => ({}), 'config.invalid', /nothing to run/],
    [
      'a taken port',
      async () => {
        const other = createServer().listen(Number(new URL(world.origin).port), '127.0.0.1')
        other.unref()
        await new Promise<void>((resolve) => other.once('listening', () => resolve()))
        return { authority: world.authority }
      },
      'config.listen',
      /can't be listened on: another program/,
    ],
    [
      'a folder that is a file',
      async () => {
        await writeFile(join(folder, 'authority'), '')
        return { authority: world.authority }
      },
      'config.folder',
      /is no folder/,
    ],
    [
      'data of another account',
      async () => {
        const cluster = join(folder, 'postgres', 'cluster')
        await mkdir(cluster, { recursive: true })
        await writeFile(join(cluster, 'PG_VERSION'), '18')
        await chown(cluster, 12_345, 12_345)
        return { authority: world.authority }
      },
      'store.embedded',
      /./,
    ],
    [
      'a certificate that is not there',
      async () => ({
        gateway: {
          ...(await world.gateway()),
          tls: { certificate: 'x', key: 'y' },
          origin: 'https://gateway.example',
        },
      }),
      'config.invalid',
      /^gateway\.tls\.certificate: /,
    ],
    [
      'a journal that is a file',
      async () => {
        const gateway = await world.gateway()
        await writeFile(String(gateway['journal']), '')
        return { gateway }
      },
      '',
      /journal|EEXIST|ENOTDIR/,
    ],
  ]

  it.each(refusals)('for %s ends at once with one clear line', async (_what, config, reason, says) => {
    const began = performance.now()
    const server = await startServer(folder, 'server', await config())
    expect(await server.ended).toBe(1)
    expect(performance.now() - began).toBeLessThan(3000)
    const said = JSON.parse(server.out[0] ?? '{}') as Record<string, unknown>
    expect(said).toMatchObject({
      ok: false,
      reason: expect.stringContaining(reason),
      says: expect.stringMatching(says),
    })
    expect([server.out.length, server.err.filter((line) => /^\s+at /.test(line))]).toEqual([1, []])
    expect(isAlive(await postmaster())).toBe(false)
  })

  it('because it was stopped half-way leaves no database behind', async () => {
    for (const after of [250, 600, 900, 1200]) {
      const server = await startServer(folder, 'server', { authority: world.authority })
      await new Promise((resolve) => setTimeout(resolve, after))
      server.kill('SIGTERM')
      await server.ended
      await vi.waitFor(async () => expect(isAlive(await postmaster())).toBe(false))
    }
  })
})

describe('both roles in one process', () => {
  it('start side by side: the authority is ready, and the gateway once its entry was applied', async () => {
    const config = { authority: world.authority, gateway: await world.gateway() }
    const server = await startServer(folder, 'both', config)
    await server.ready('authority')
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(server.isReady('gateway')).toBe(false)
    await world.apply()
    const { port } = await server.ready('gateway')
    const agent = await world.agent()
    expect(await world.call(agent, Number(port), await world.token(agent))).toMatch(/upstream\./)
    const logged = server.faults().length
    const { ended, ms } = await stop(server)
    expect([ended, ms < 2000, server.faults().slice(logged)]).toEqual([0, true, []])
    expect(isAlive(await postmaster())).toBe(false)
  }, 40_000)

  it('end in time while the gateway still waits', async () => {
    const config = { authority: world.authority, gateway: await world.gateway() }
    const server = await startServer(folder, 'both', config)
    await server.ready('authority')
    const { ended, ms } = await stop(server)
    expect([ended, ms < 2000]).toEqual([0, true])
    expect(isAlive(await postmaster())).toBe(false)
  }, 40_000)
})

describe('a killed process', () => {
  it('an authority: the next start takes its database over, and has every record that was answered for', async () => {
    const first = await startServer(folder, 'authority', { authority: world.authority })
    await first.ready('authority')
    await world.apply()
    const agent = await world.agent()
    let answered = 0
    const asking = Array.from({ length: 4 }, async () => {
      for (;;) {
        const done = await world.token(agent).then(
          () => true,
          () => false,
        )
        if (!done) return
        answered += 1
      }
    })
    await vi.waitFor(() => expect(answered).toBeGreaterThan(20), { timeout: 10_000 })
    first.kill('SIGKILL')
    await first.ended
    await Promise.all(asking)
    const pid = await postmaster()
    expect(isAlive(pid)).toBe(true)
    const second = await startServer(folder, 'authority', { authority: world.authority })
    await second.ready('authority')
    expect(await postmaster()).toBe(pid)
    const { size } = await world.recorded()
    expect(size).toBeGreaterThanOrEqual(answered)
    await world.token(await world.agent())
    const { ended, ms } = await stop(second)
    expect([ended, ms < 2000, isAlive(pid), second.faults()]).toEqual([0, true, false, []])
  }, 60_000)

  it('a gateway: what it had not shipped is shipped by the next start with the same journal', async () => {
    const authority = await startServer(folder, 'authority', { authority: world.authority })
    await authority.ready('authority')
    await world.apply()
    const gateway = await startServer(folder, 'gateway', { gateway: await world.gateway() })
    const { port } = await gateway.ready('gateway')
    const agent = await world.agent()
    const token = await world.token(agent)
    await world.call(agent, Number(port), token)
    await vi.waitFor(async () =>
      expect((await world.recorded()).reasons.filter((reason) => reason.startsWith('upstream.')).length).toBe(
        1,
      ),
    )
    // The authority is held still: records reach the journal's disk and no further.
    process.kill(authority.pid, 'SIGSTOP')
    const held = await Promise.all(Array.from({ length: 5 }, () => world.call(agent, Number(port), token)))
    gateway.kill('SIGKILL')
    await gateway.ended
    process.kill(authority.pid, 'SIGCONT')
    expect(held.every((text) => text.includes('upstream.'))).toBe(true)
    const again = await startServer(folder, 'gateway', { gateway: await world.gateway() })
    await again.ready('gateway')
    await vi.waitFor(
      async () =>
        expect(
          (await world.recorded()).reasons.filter((reason) => reason.startsWith('upstream.')).length,
        ).toBe(6),
      { timeout: 5000 },
    )
    expect(dirname(world.socket)).toBe(join(folder, 'authority'))
  }, 60_000)

  it('a gateway ends in time while its authority does not answer', async () => {
    const authority = await startServer(folder, 'authority', { authority: world.authority })
    await authority.ready('authority')
    await world.apply()
    const gateway = await startServer(folder, 'gateway', { gateway: await world.gateway() })
    const { port } = await gateway.ready('gateway')
    const agent = await world.agent()
    const token = await world.token(agent)
    process.kill(authority.pid, 'SIGSTOP')
    await world.call(agent, Number(port), token)
    const { ended, ms } = await stop(gateway)
    process.kill(authority.pid, 'SIGCONT')
    expect([ended, ms < 2000]).toEqual([0, true])
  }, 40_000)
})
