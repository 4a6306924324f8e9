import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { expect, test } from 'vitest'
import type { Route } from '../../src/lib/http/route.ts'
import { compileRoutes } from '../../src/lib/http/router.ts'
import { serveRoutes } from '../../src/lib/http/server.ts'
import { filesUnder, ROOT } from '../source-files.ts'

const sources = filesUnder('src')
  .filter((file) => file.endsWith('.ts') && !/\.(test|fixture)\.ts$/.test(file))
  .map((file) => ({ file: relative(ROOT, file), text: readFileSync(file, 'utf8') }))
const using = (what: RegExp) => sources.filter(({ text }) => what.test(text)).map(({ file }) => file)

const route = (method: Route['method'], path: string): Route => ({
  method,
  path,
  guard: 'public',
  takes: 'nothing',
  errors: 'problem',
  run: async () => ({ status: 200, json: {} }),
})

const opening = (from: string) =>
  using(new RegExp(`import \\{[^}]*\\bcreate\\w*Server\\b[^}]*\\} from 'node:(?:${from})'`))

test('one place opens an HTTP server, and it serves a table of routes', () => {
  expect(opening('http|https|http2')).toEqual(['src/lib/http/server.ts'])
})

test('nothing else listens but to see whether a port is free, and answers nobody', () => {
  const probes = ['src/server/listen.ts', 'src/stores/postgres/embedded/sockets.ts']
  expect(opening('net|tls').filter((file) => !probes.includes(file))).toEqual([])
})

test('only the starts of an authority and a gateway serve one', () => {
  const callers = using(/\bserveRoutes\(/).filter((file) => file !== 'src/lib/http/server.ts')
  expect(callers.filter((file) => !/^src\/server\/(authority|gateway|listen)\.ts$/.test(file))).toEqual([])
})

test.each([
  ['the same', '/t/:tenant/token', '/t/:tenant/token'],
  ['that differ in the name of a parameter', '/t/:tenant/token', '/t/:name/token'],
])('two routes %s refuse the start', async (_name, one, two) => {
  const serving = serveRoutes([route('POST', one), route('POST', two)], { host: '127.0.0.1', port: 0 })
  await expect(serving).rejects.toThrow('two routes are POST')
})

test.each(['t/:tenant', '/t//x', '', '/', '/t/*', '/t/%61', '/t/a?b'])('%j is no path of a table', (path) => {
  expect(() => compileRoutes([route('GET', path)])).toThrow('not a route path')
})
