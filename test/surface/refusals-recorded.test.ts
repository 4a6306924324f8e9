import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Surface, startSurface } from '../support/authority.ts'
import { type Caller, callerOf } from '../support/caller.ts'

let surface: Surface
let scanner: Caller
let token: string

beforeAll(async () => {
  surface = await startSurface()
  scanner = callerOf(surface, 'security/scanner')
  token = await scanner.token('operator', 'facts', { type: 'facts' })
})
afterAll(() => surface.close())

/** What a request at the operator's authority left in the log. */
async function left(
  name: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<readonly [number, number]> {
  const before = await surface.records('operator')
  const url = `${surface.issuer('operator')}/${name}`
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  return [response.status, (await surface.records('operator')) - before]
}

const FACT = { subject: 'agent:operator/pipeline', says: 'clean' }
const proven = (name: string) => ({
  authorization: `DPoP ${token}`,
  dpop: scanner.prove('POST', `${surface.issuer('operator')}/${name}`, token),
})

test('a genuine token that is refused at the authority leaves one record', async () => {
  expect(await left('facts', FACT, { authorization: `Bearer ${token}` })).toEqual([401, 1])
  expect(await left('leases', {}, proven('leases'))).toEqual([401, 1])
})

test("a stranger's token leaves none", async () => {
  expect(await left('facts', FACT, { authorization: 'Bearer x.y.z' })).toEqual([401, 0])
  expect(await left('leases', {}, {})).toEqual([401, 0])
})

test('a known caller who asks for what is not there leaves one record', async () => {
  expect(await left('facts', { ...FACT, subject: 'nobody' }, proven('facts'))).toEqual([400, 1])
})
