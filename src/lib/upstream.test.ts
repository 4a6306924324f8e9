import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createUpstreams, type UpstreamLimits } from './upstream.ts'

const closers: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function behind(listener: RequestListener, limits: Partial<UpstreamLimits> = {}) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const upstreams = createUpstreams(limits)
  closers.push(upstreams.close, () => {
    server.closeAllConnections()
    server.close()
  })
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp?x=1`)
  const post = (signal = new AbortController().signal, lane = 'a') =>
    upstreams.send({ lane, url, headers: {}, body: '{}', signal })
  return { post, upstreams }
}

describe('the leg to a server behind', () => {
  it('posts to the path and query, and gives the media type without parameters', async () => {
    const { post, upstreams } = await behind((request, response) =>
      response
        .writeHead(200, { 'content-type': 'Application/JSON; charset=utf-8' })
        .end(`${request.method} ${request.url}`),
    )
    const answer = await post()
    expect(answer).toMatchObject({ ok: true, value: { status: 200, type: 'application/json' } })
    expect(answer.ok && (await upstreams.text(answer.value))).toEqual({ ok: true, value: 'POST /mcp?x=1' })
  })

  it('follows no redirect: the credential is for one place', async () => {
    let asked = 0
    const { post } = await behind((_request, response) => {
      asked += 1
      response.writeHead(307, { location: '/elsewhere' }).end()
    })
    expect(await post()).toMatchObject({ ok: true, value: { status: 307 } })
    expect(asked).toBe(1)
  })

  it.each([true, false])('reads no more than its limit, stated beforehand: %s', async (stated) => {
    const { post, upstreams } = await behind(
      (_request, response) => {
        if (stated) response.setHeader('content-length', 100)
        else response.setHeader('transfer-encoding', 'chunked')
        response.end('x'.repeat(100))
      },
      { maxBytes: 99 },
    )
    const answer = await post()
    expect(answer.ok && (await upstreams.text(answer.value))).toEqual({ ok: false, error: 'too_large' })
  })

  it('says what went wrong: nobody there, too slow, broken off, given up', async () => {
    const nobody = createUpstreams()
    closers.push(nobody.close)
    const signal = new AbortController().signal
    const url = new URL('http://127.0.0.1:9/')
    expect(await nobody.send({ lane: 'a', url, headers: {}, body: '', signal })).toEqual({
      ok: false,
      error: 'unreachable',
    })
    const slow = await behind(() => undefined, { headersTimeout: 50 })
    expect(await slow.post()).toEqual({ ok: false, error: 'timeout' })
    const broken = await behind((_request, response) => {
      response.writeHead(200, { 'content-length': 10 }).write('x')
      setTimeout(() => response.destroy(), 20)
    })
    const half = await broken.post()
    expect(half.ok && (await broken.upstreams.text(half.value))).toEqual({ ok: false, error: 'unreachable' })
    expect(await slow.post(AbortSignal.abort())).toEqual({ ok: false, error: 'aborted' })
  })

  it('can be given up at any time: while it waits for a connection, and half-way', async () => {
    const open: ServerResponse[] = []
    const { post, upstreams } = await behind(
      (_request, response) => {
        open.push(response)
        response.writeHead(200, { 'content-length': 10 }).write('x')
      },
      { connections: 1 },
    )
    const [first, second] = [new AbortController(), new AbortController()]
    const begun = await post(first.signal)
    const waiting = post(second.signal)
    second.abort()
    expect(await waiting).toEqual({ ok: false, error: 'aborted' })
    const text = begun.ok && upstreams.text(begun.value)
    first.abort()
    expect(await text).toEqual({ ok: false, error: 'aborted' })
    expect(open).toHaveLength(1)
  })

  it('passes an event stream on as it comes, also one that states its length', async () => {
    const { post } = await behind((_request, response) => {
      response
        .writeHead(200, { 'content-type': 'text/event-stream', 'content-length': 1000 })
        .write('data: 1')
    })
    const answer = await post()
    const stream = answer.ok ? answer.value.body.stream : undefined
    const read = await stream?.[Symbol.asyncIterator]().next()
    expect(String(read?.value)).toBe('data: 1')
    stream?.destroy()
  })

  it('lets one lane wait without another, and sends no more than it may hold', async () => {
    const open: ServerResponse[] = []
    const limits = { connections: 2, queue: 1, queueTimeout: 100 }
    const { post, upstreams } = await behind((_request, response) => void open.push(response), limits)
    const all = [post(), post()]
    await expect.poll(() => open.length).toBe(2)
    const waiting = post()
    const refused = post()
    // Who finds the queue full is told at once, not after those who wait.
    expect(await Promise.race([waiting.then(() => 'waited'), refused.then(() => 'refused')])).toBe('refused')
    expect(await refused).toEqual({ ok: false, error: 'busy' })
    expect(await waiting).toEqual({ ok: false, error: 'busy' })
    const other = post(undefined, 'b')
    await expect.poll(() => open.length).toBe(3)
    for (const response of open) response.end('{}')
    for (const each of [...all, other]) {
      const answer = await each
      expect(answer.ok && (await upstreams.text(answer.value)).ok).toBe(true)
    }
    // What was over has made place.
    const next = [post(), post()]
    await expect.poll(() => open.length).toBe(5)
    for (const response of open) response.end('{}')
    for (const each of next) expect((await each).ok).toBe(true)
  })

  it('takes what was given up, and what could not be sent, out of its lane', async () => {
    const limits = { connections: 1, queue: 0 }
    const { post } = await behind((_request, response) => void response.end('{}'), limits)
    for (let at = 0; at < 3; at++) expect(await post(AbortSignal.abort())).toMatchObject({ error: 'aborted' })
    expect((await post()).ok).toBe(true)
    const broken = await behind((_request, response) => response.destroy(), limits)
    for (let at = 0; at < 3; at++) expect(await broken.post()).toMatchObject({ error: 'unreachable' })
  })
})
