import { expect, test } from 'vitest'
import { readDatabaseUrl } from './database-url.ts'

function reasonOf(url: string): string | undefined {
  const read = readDatabaseUrl(url)
  return read.ok ? undefined : read.error.reason
}

test('a URL with TLS is read, and the certificate is always verified', () => {
  expect(readDatabaseUrl('postgres://ann:p%40ss@db.example:6432/countersign?sslmode=verify-full')).toEqual({
    ok: true,
    value: {
      host: 'db.example',
      port: 6432,
      user: 'ann',
      password: 'p@ss',
      database: 'countersign',
      ssl: { rejectUnauthorized: true },
    },
  })
})

test('this machine needs no TLS, over its sockets or its loopback addresses', () => {
  expect(readDatabaseUrl('postgresql://ann@%2Frun%2Fpostgresql/db')).toMatchObject({
    value: { host: '/run/postgresql', ssl: false, port: 5432 },
  })
  expect(readDatabaseUrl('postgres://ann:x@[::1]/db')).toMatchObject({ value: { host: '::1', ssl: false } })
  expect(readDatabaseUrl('postgres://ann:x@localhost/db')).toMatchObject({ value: { ssl: false } })
})

test('another machine must be reached by verified TLS, or be said to be trusted', () => {
  for (const mode of [
    '',
    '?sslmode=prefer',
    '?sslmode=require',
    '?sslmode=no-verify',
    '?sslmode=verify-ca',
  ]) {
    expect(reasonOf(`postgres://ann:x@db.example/db${mode}`)).toBe('config.database_url_tls')
  }
  expect(readDatabaseUrl('postgres://ann:x@db.example/db?sslmode=disable')).toMatchObject({
    value: { ssl: false },
  })
})

test('what is incomplete or unknown is refused', () => {
  for (const url of [
    '',
    'mysql://ann@localhost/db',
    'postgres://localhost/db',
    'postgres://ann@localhost/',
    'postgres://ann@localhost:99999/db',
    'postgres://ann:100%@localhost/db',
    'postgres://ann@localhost/db?uselibpqcompat=true',
    'postgres://ann@localhost/db?host=elsewhere.example',
    'postgres://ann@db.example/db?sslmode=verify-full&sslrootcert=/none/here.pem',
  ]) {
    expect(reasonOf(url), url).toBe('config.database_url')
  }
})

test('no message holds the password', () => {
  for (const url of [
    'postgres://ann:hunter2%@db.example/db',
    'postgres://ann:hunter2@db.example/db',
    'x://a:hunter2@b/c',
  ]) {
    expect(JSON.stringify(readDatabaseUrl(url))).not.toContain('hunter2')
  }
})
