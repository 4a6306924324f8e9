import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type HttpServer, serveRoutes } from '../../src/lib/http/server.ts'
import { vectorFile } from '../vectors.ts'

let server: HttpServer
beforeAll(async () => {
  const run = async ({ json }: { readonly json: unknown }) => ({ status: 200, json: { json } })
  const route = { method: 'POST', path: '/', guard: 'public', takes: 'json', errors: 'problem', run } as const
  server = await serveRoutes([{ ...route, path: '/json' }], { host: '127.0.0.1', port: 0 })
})
afterAll(() => server.close())

const post = (body: Uint8Array) =>
  fetch(`http://127.0.0.1:${server.port}/json`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { 'content-type': 'application/json' },
  })

describe('RFC 8259: JSON bodies (JSONTestSuite)', () => {
  const folder = vectorFile('json', 'test_parsing')
  const files = (prefix: string) => readdirSync(folder).filter((file) => file.startsWith(prefix))
  /** Valid by RFC 8259, and refused here: a member twice (§4 calls the outcome unpredictable), NUL (no database takes it). */
  const stricter =
    /^y_(object_duplicated_key|object_duplicated_key_and_value|object_escaped_null_in_key|string_null_escape|string_.*u\+0000.*)\.json$/
  it.each(files('y_'))('%s is parsed', async (file) => {
    const body = readFileSync(`${folder}/${file}`)
    const response = await post(body)
    if (stricter.test(file)) expect(response.status).toBe(400)
    else
      expect([response.status, await response.json()]).toEqual([
        200,
        expect.objectContaining({ json: JSON.parse(body.toString().replace(/-0\b(?!\.)/, '0')) }),
      ])
  })
  it.each(files('n_'))('%s is refused', async (file) => {
    const body = readFileSync(`${folder}/${file}`)
    const response = await post(body)
    // One of them is larger than a body may be.
    expect(response.status).toBe(body.length > 65_536 ? 413 : 400)
  })
  it.each(files('i_'))('%s is parsed or refused, never a fault', async (file) => {
    const response = await post(readFileSync(`${folder}/${file}`))
    expect([200, 400]).toContain(response.status)
  })
})
