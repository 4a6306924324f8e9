import { Readable } from 'node:stream'
import { type Dispatcher, errors } from 'undici'
import type { Halt } from './halt.ts'

/** `whole` when the answer stated a length within the limit and is no event stream: it is gathered as it comes, and mostly there already. */
export type AnswerBody =
  | { readonly whole: () => Buffer | Promise<Buffer>; readonly stream?: never; destroy(): void }
  | { readonly whole?: never; readonly stream: Readable; destroy(): void }

/** What came back. `type` is the media type, lower case, without parameters. The body must be read or destroyed. */
export type UpstreamAnswer = {
  readonly status: number
  readonly type: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: AnswerBody
}

/** `started` when it leaves for a connection, `over` once when nothing more comes of it. */
type Settle = {
  readonly resolve: (answer: UpstreamAnswer) => void
  readonly reject: (why: Error) => void
  readonly started: () => void
  readonly over: () => void
}
type Gathered = {
  readonly push: (chunk: Buffer) => boolean
  readonly end: () => void
  readonly fail: (why: Error) => void
}

/** Takes one answer of undici's as it comes. `halt` ends it at any time, also while its request still waits for a connection. */
export function answerTaker(halt: Halt, maxWhole: number, settle: Settle): Dispatcher.DispatchHandler {
  let controller: Dispatcher.DispatchController | undefined
  let body: Gathered | undefined
  let stopped: Error | undefined
  const stop = (why: Error = new errors.RequestAbortedError()) => {
    stopped ??= why
    controller?.abort(stopped)
    fail(stopped)
  }
  const onAbort = () => stop()
  let isOver = false
  const over = () => {
    halt.removeEventListener('abort', onAbort)
    if (!isOver) settle.over()
    isOver = true
  }
  const fail = (why: Error) => {
    over()
    if (body) body.fail(why)
    else settle.reject(why)
  }
  halt.addEventListener('abort', onAbort)
  if (halt.aborted) stop()
  return {
    onRequestStart(started) {
      controller = started
      settle.started()
      if (stopped) started.abort(stopped)
    },
    onResponseStart(started, status, headers) {
      if (status < 200 || stopped) return
      const type = mediaType(headers['content-type'])
      const length = Number(headers['content-length'] ?? Number.NaN)
      const isWhole = length <= maxWhole && type !== 'text/event-stream'
      const opened = isWhole ? gather(stop) : passOn(started, stop)
      body = opened.gathered
      settle.resolve({ status, type, headers, body: opened.body })
    },
    onResponseData(started, chunk) {
      if (body?.push(chunk) === false) started.pause()
    },
    onResponseEnd() {
      over()
      body?.end()
    },
    onResponseError: (_controller, why) => fail(why),
  }
}

type Opened = { readonly body: AnswerBody; readonly gathered: Gathered }

/** Of the length that was stated, which undici's parser holds it to. */
function gather(stop: () => void): Opened {
  const chunks: Buffer[] = []
  let done: Buffer | undefined
  let failed: Error | undefined
  let waiting: PromiseWithResolvers<Buffer> | undefined
  const end = () => {
    done = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
    waiting?.resolve(done)
  }
  const fail = (why: Error) => {
    failed ??= why
    waiting?.reject(failed)
  }
  const whole = () => {
    if (done) return done
    if (failed) return Promise.reject(failed)
    waiting ??= Promise.withResolvers()
    return waiting.promise
  }
  return {
    body: { whole, destroy: stop },
    gathered: { push: (chunk) => chunks.push(chunk) > 0, end, fail },
  }
}

/** As fast as it is read. */
function passOn(controller: Dispatcher.DispatchController, stop: () => void): Opened {
  const stream = new Readable({
    read: () => controller.resume(),
    destroy(error, done) {
      stop()
      done(error)
    },
  })
  stream.on('error', () => {})
  return {
    body: { stream, destroy: () => void stream.destroy() },
    gathered: {
      push: (chunk) => stream.push(chunk),
      end: () => void stream.push(null),
      fail: (why) => void stream.destroy(why),
    },
  }
}

function mediaType(value: string | string[] | undefined): string {
  if (typeof value !== 'string') return ''
  const end = value.indexOf(';')
  return (end < 0 ? value : value.slice(0, end)).trim().toLowerCase()
}
