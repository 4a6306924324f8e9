import { describe, expect, test } from 'vitest'
import { ownAccount, parseAccounts, runAs, serverAccount } from './account.ts'
import { accessRules, identityMap } from './cluster.ts'
import { parsePidFile } from './postmaster-pid.ts'
import { launchFingerprint, reservedSetting, serverArguments } from './settings.ts'

describe('accounts', () => {
  test('are read from the form of /etc/passwd, and other lines are left out', () => {
    const accounts = parseAccounts('root:x:0:0:root:/root:/bin/sh\n+::::::\n\nnobody:x:65534:65533::/:/x\n')
    expect(accounts).toEqual([
      { name: 'root', uid: 0, gid: 0 },
      { name: 'nobody', uid: 65534, gid: 65533 },
    ])
  })

  test('whoever is not root runs the server itself', () => {
    const self = { name: 'ann', uid: 1000, gid: 1000 }
    expect(serverAccount(self, undefined)).toBe(self)
    expect(serverAccount(self, 65534)).toBe(self)
  })

  test('root never does', () => {
    const root = { name: 'root', uid: 0, gid: 0 }
    expect(serverAccount(root, undefined).uid).not.toBe(0)
    expect(serverAccount(root, 0).uid).not.toBe(0)
  })

  test('root runs it as the owner of the data, if that account has a name', () => {
    const root = { name: 'root', uid: 0, gid: 0 }
    const nobody = serverAccount(root, 65534)
    expect(nobody.uid).toBe(65534)
    expect(() => serverAccount(root, 3_999_999_999)).toThrow(/has no name here/)
  })

  test('nothing is changed to run as ourselves', () => {
    expect(runAs(ownAccount())).toEqual({})
    expect(runAs({ name: 'other', uid: 12_345, gid: 6 })).toEqual({ uid: 12_345, gid: 6 })
  })
})

describe('who may log in', () => {
  test('without TCP, only accounts of the map, over the socket', () => {
    expect(
      accessRules(false)
        .split('\n')
        .filter((line) => /^(local|host)/.test(line)),
    ).toEqual(['local all all peer map=countersign'])
  })

  test('over TCP the superuser is rejected before anybody is let in', () => {
    const hosts = accessRules(true)
      .split('\n')
      .filter((line) => line.startsWith('host'))
    expect(hosts).toEqual(['host all postgres all reject', 'host all all 127.0.0.1/32 scram-sha-256'])
  })

  test('an account name is quoted, so that it can be no pattern', () => {
    const odd = { name: '/^.*"$', uid: 1, gid: 1 }
    expect(identityMap([odd, odd])).toContain('countersign "/^.*""$" all\n')
  })
})

describe('settings', () => {
  test('those that we make and those that are no name are named', () => {
    expect(reservedSetting({ port: 1 })).toBe('port')
    expect(reservedSetting({ 'fsync=off -c x': 1 })).toBe('fsync=off -c x')
    expect(reservedSetting({ max_connections: 10, 'app.name': 'x' })).toBeUndefined()
  })

  test('durability is on unless a caller says otherwise', () => {
    const args = serverArguments('/d', '/s', false, {})
    for (const wanted of ['fsync=on', 'synchronous_commit=on', 'full_page_writes=on', 'listen_addresses=']) {
      expect(args).toContain(wanted)
    }
  })

  test('another setting, version or rule is another launch', () => {
    const prints = [
      launchFingerprint('18', ['a'], 'r'),
      launchFingerprint('19', ['a'], 'r'),
      launchFingerprint('18', ['b'], 'r'),
      launchFingerprint('18', ['a'], 's'),
    ]
    expect(new Set(prints).size).toBe(4)
  })
})

describe('postmaster.pid', () => {
  test('is read as PostgreSQL writes it', () => {
    const text = '41\n/d\n1763942400\n5432\n/d/sockets\n127.0.0.1\n  123 4\nready   \n'
    expect(parsePidFile(text)).toEqual({ pid: 41, port: 5432, socketDir: '/d/sockets', status: 'ready' })
  })

  test('without a pid it says nothing', () => {
    for (const text of ['', '\n', 'x\n', '-1\n', '0\n']) expect(parsePidFile(text)).toBeUndefined()
  })
})
