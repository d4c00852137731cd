import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createFrameReader, frame } from '../../../gateway/sip/control/frame.js'
import { openRequestLink, type RequestLink } from '../../../gateway/sip/control/request-link.js'
import type { IncomingRequest, OutgoingRequest } from '../../../gateway/sip/link.js'
import { type TestClock, testClock } from '../../core/support.js'
import { silent } from '../support.js'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

interface Stage {
  readonly link: RequestLink
  readonly clock: TestClock
  readonly requests: IncomingRequest[]
  readonly lost: string[]
  /** Payloads of the client, from the first on. */
  readonly heard: string[]
  /** The next payload that has not been asked for. */
  next(): Promise<string>
  say(...payloads: readonly string[]): void
  raw(octets: Buffer | string): void
  end(): void
}

const GREETING = 'udp/127.0.0.1:5060,tcp/127.0.0.1:5060|v0.9.5-causeway|udp/127.0.0.1:5060'

/** A link, and the server as far as the test plays it. */
async function stage(onRequest?: (request: IncomingRequest) => void, greeting = `OK|${GREETING}`): Promise<Stage> {
  const heard: string[] = []
  const queue: string[] = []
  const waiting: ((payload: string) => void)[] = []
  let peer: Socket | undefined
  const server = createServer((socket) => {
    peer = socket
    socket.on('error', () => undefined)
    const read = createFrameReader((payload) => {
      heard.push(payload)
      const [id, command] = payload.split('|')
      if (command === 'authenticate') return socket.write(frame(`u|response|${id}|${greeting}`))
      const next = waiting.shift()
      if (next) next(payload)
      else queue.push(payload)
      return true
    })
    socket.on('data', read)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => {
    peer?.destroy()
    server.close()
  })
  const address = server.address()
  const requests: IncomingRequest[] = []
  const lost: string[] = []
  const clock = testClock()
  const link = await openRequestLink(
    {
      server: { host: '127.0.0.1', port: typeof address === 'object' && address ? address.port : 0, secret: 'sesame' },
      methods: ['MESSAGE', 'OPTIONS'],
      onRequest(request) {
        requests.push(request)
        onRequest?.(request)
      },
      onLost: (why) => lost.push(why),
      clock,
      log: silent,
    },
    5_000,
  )
  ends.push(() => link.close())
  const next = (): Promise<string> => {
    const payload = queue.shift()
    return payload === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(payload)
  }
  const routes = [await next(), await next()]
  expect(routes.map((route) => route.split('|').slice(1))).toEqual([
    ['route', 'message'],
    ['route', 'options'],
  ])
  const raw = (octets: Buffer | string) => peer?.write(octets)
  return {
    link,
    clock,
    requests,
    lost,
    heard,
    next,
    raw,
    say: (...payloads) => raw(payloads.map(frame).join('')),
    end: () => peer?.destroy(),
  }
}

const idOf = (payload: string): string => payload.split('|')[0] ?? ''
const taken = (id: string, transaction: string) =>
  `u|response|${id}|OK|application|300|udp|127.0.0.1|5060|10:00:00.000000|${transaction}|Msg sent:|`
const response = (transaction: string, status: string, host = '127.0.0.1') =>
  `u|sip|network|200|udp|${host}|5080|10:00:00.000000|${transaction}||\r\nSIP/2.0 ${status}\r\nRetry-After: 7\r\n\r\n`
const incoming = (transaction: string, body = 'hi') =>
  `u|sip|network|300|udp|127.0.0.1|5080|10:00:00.000000|${transaction}||127.0.0.1|5060|\r\n` +
  `MESSAGE sip:a@x SIP/2.0\r\nCall-ID: c\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

const MESSAGE: OutgoingRequest = {
  method: 'MESSAGE',
  uri: 'sip:bob@192.0.2.1',
  headers: { 'Content-Type': 'text/plain' },
  body: 'grüß',
}

test('it gives the secret first, and tells where the server listens', async () => {
  const { link, heard } = await stage()
  expect(heard[0]).toMatch(/^[0-9a-f-]{36}\|authenticate\|sesame\|brief,terse$/)
  expect(link.listening).toEqual(['udp:127.0.0.1:5060', 'tcp:127.0.0.1:5060'])
})

test('a wrong secret', async () => {
  await expect(stage(undefined, 'NO|incorrect secret')).rejects.toThrow('incorrect secret')
})

test('a request as it goes out, and its final response; OK and response in one segment', async () => {
  const { link, next, say } = await stage()
  let takenAt = 0
  const outcome = link.request({ ...MESSAGE, nextHop: 'sip:hop;lr' }, 5_000, () => {
    takenAt += 1
  })
  const sent = await next()
  expect(sent.slice(36)).toBe(
    '|sip|||sip:hop;lr\r\nMESSAGE sip:bob@192.0.2.1 SIP/2.0\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\ngrüß',
  )
  say(taken(idOf(sent), 't1'), response('t1', '100 Trying'), response('t1', '480 Not here'))
  expect(await outcome).toMatchObject({ kind: 'response', status: 480, reason: 'Not here', synthesised: false })
  const result = await outcome
  expect(result.kind === 'response' && result.headers.get('retry-after')).toBe('7')
  expect(takenAt).toBe(1)
})

test('a terse server says nothing before the response, which goes by our own id', async () => {
  const { link, next, say } = await stage()
  const outcomes = [1, 2].map(() => link.request(MESSAGE, 5_000))
  const [first, second] = [idOf(await next()), idOf(await next())]
  say(response(second, '404 Gone'), response(first, '200 OK'))
  expect(await Promise.all(outcomes)).toMatchObject([{ status: 200 }, { status: 404 }])
})

test('a request in a dialog of the server has no next hop', async () => {
  const { link, next } = await stage()
  void link.request({ ...MESSAGE, nextHop: 'sip:hop', dialogId: 'c;from-tag=1' }, 5_000)
  expect((await next()).slice(36)).toMatch(/^\|sip\|\|c;from-tag=1\r\nMESSAGE /)
})

test('several at once, answered in another order, one of them by the server itself', async () => {
  const { link, next, say } = await stage()
  const outcomes = [1, 2, 3].map(() => link.request(MESSAGE, 5_000))
  const ids = [idOf(await next()), idOf(await next()), idOf(await next())]
  expect(new Set(ids).size).toBe(3)
  say(...ids.map((id, index) => taken(id, `t${index}`)))
  say(
    response('t2', '200 OK'),
    response('unknown', '200 OK'),
    response('t0', '408 Request Timeout', ''),
    response('t1', '603 No'),
  )
  expect(await Promise.all(outcomes)).toMatchObject([
    { status: 408, synthesised: true },
    { status: 603, synthesised: false },
    { status: 200 },
  ])
})

test('a refusal of the server, and what is never sent', async () => {
  const { link, next, say } = await stage()
  const outcome = link.request(MESSAGE, 5_000)
  say(`u|response|${idOf(await next())}|NOK|can not send request to myself`)
  expect(await outcome).toEqual({ kind: 'refused', said: 'can not send request to myself' })
  for (const wrong of [
    { uri: 'sip:a b' },
    { uri: 'sip:a\r\nEvil: 1' },
    { nextHop: 'sip:x\r\n' },
    { dialogId: 'a|b' },
  ]) {
    expect(await link.request({ ...MESSAGE, ...wrong }, 5_000)).toMatchObject({ kind: 'refused' })
  }
})

test('a value cannot bring a line of its own; several values have one line each', async () => {
  const { link, next } = await stage()
  void link.request({ ...MESSAGE, headers: { Subject: 'a\r\nEvil: b', Route: ['<sip:1>', '<sip:2\n>'] } }, 5_000)
  expect(await next()).toContain('\r\nSubject: a Evil: b\r\nRoute: <sip:1>\r\nRoute: <sip:2 >\r\nContent-Length')
})

test('no answer in time, and one that comes later', async () => {
  const { link, clock, next, say, lost } = await stage()
  const outcome = link.request(MESSAGE, 5_000)
  const id = idOf(await next())
  clock.advance(5_000)
  expect(await outcome).toEqual({ kind: 'lost', said: 'no answer in time' })
  say(taken(id, 't1'), response('t1', '200 OK'))
  const second = link.request(MESSAGE, 5_000)
  say(taken(idOf(await next()), 't2'), response('t2', '200 OK'))
  expect(await second).toMatchObject({ status: 200 })
  expect(lost).toEqual([])
})

test('a server that says twice that it has taken a request, and answers it twice', async () => {
  const { link, next, say } = await stage()
  let takenAt = 0
  const outcome = link.request(MESSAGE, 5_000, () => {
    takenAt += 1
  })
  const id = idOf(await next())
  say(taken(id, 't1'), taken(id, 't2'), response('t1', '200 OK'), response('t1', '404 No'), response('t2', '500 No'))
  expect(await outcome).toMatchObject({ status: 200 })
  const second = link.request(MESSAGE, 5_000)
  say(taken(idOf(await next()), 't2'), response('t2', '202 Accepted'))
  expect(await second).toMatchObject({ status: 202 })
  expect(takenAt).toBe(1)
})

test('requests of the network: answered once, in one frame', async () => {
  const { say, next, requests } = await stage((request) => {
    request.answer(202, undefined, { 'X-Note': ['1', '2'] }, 'ok')
    request.answer(500)
  })
  say(incoming('t1', 'grüß 😀'), incoming('t2'))
  expect((await next()).slice(36)).toBe(
    '|sip|t1|\r\nSIP/2.0 202 Accepted\r\nX-Note: 1\r\nX-Note: 2\r\nContent-Length: 2\r\n\r\nok',
  )
  expect(await next()).toContain('|sip|t2|\r\nSIP/2.0 202 ')
  expect(requests[0]).toMatchObject({
    method: 'MESSAGE',
    uri: 'sip:a@x',
    body: 'grüß 😀',
    sourceHost: '127.0.0.1',
    sourcePort: 5080,
  })
  expect(requests[0]?.dialogId).toBeUndefined()
})

test('an answer for a drachtio-server repeats what drachtio-srf would; a To of ours is the one that counts', async () => {
  const answered = (request: IncomingRequest): void => request.answer(200, undefined, { To: '<sip:a@x>;tag=ours' })
  const { say, next } = await stage(answered, 'OK|udp/127.0.0.1:5060|v0.9.5-rc3|udp/127.0.0.1:5060')
  say(incoming('t1').replace('Call-ID: c', 'i: c\r\nCSeq: 1 MESSAGE\r\nFrom: <sip:b@x>;tag=f\r\nTo: <sip:a@x>'))
  expect((await next()).slice(36)).toBe(
    '|sip|t1|\r\nSIP/2.0 200 OK\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\nFrom: <sip:b@x>;tag=f\r\n' +
      'To: <sip:a@x>;tag=ours\r\nContent-Length: 0\r\n\r\n',
  )
})

test('a handler that throws is a 500', async () => {
  const { say, next } = await stage(() => {
    throw new Error('oh')
  })
  say(incoming('t1'))
  expect(await next()).toContain('|sip|t1|\r\nSIP/2.0 500 Server Internal Error\r\n')
})

test('a request that is forwarded: the last status counts', async () => {
  const statuses: number[] = []
  const { say, next, link } = await stage((request) => {
    request.forward?.('sip:node2', { 'X-Passed': 'yes' }, (status) => statuses.push(status))
    request.answer(200)
  })
  say(incoming('t1'), incoming('t2'))
  const [first, second] = [await next(), await next()]
  expect(first.slice(36)).toBe(
    '|proxy|t1|remainInDialog|fullResponse||serial|||sip:node2\r\n' +
      'MESSAGE sip:node2 SIP/2.0\r\nX-Passed: yes\r\nContent-Length: 0\r\n\r\n',
  )
  say(`u|response|${idOf(first)}|OK|network|9|udp|h|1|t|||continue\r\nSIP/2.0 486 Busy\r\n\r\n`)
  say(`u|response|${idOf(first)}|OK|done`, `u|response|${idOf(second)}|NOK|483`)
  const after = link.request(MESSAGE, 5_000)
  say(taken(idOf(await next()), 't9'), response('t9', '200 OK'))
  await after
  expect(statuses).toEqual([486, 500])
})

test('a request whose forwarding the server never ends ends by itself', async () => {
  const statuses: number[] = []
  const { say, next, clock } = await stage((request) => {
    request.forward?.('sip:node2', {}, (status) => statuses.push(status))
  })
  say(incoming('t1'))
  const id = idOf(await next())
  clock.advance(70_000)
  expect(statuses).toEqual([500])
  say(`u|response|${id}|OK|done`, incoming('t2'))
  await next()
  expect(statuses).toEqual([500])
})

test.each([
  ['cut', 'connection closed', (server: Stage) => server.end()],
  ['garbled', 'not a frame length', (server: Stage) => server.raw('GET / HTTP/1.1\r\n')],
])('a connection that is %s settles all that waits and says so once', async (_, why, spoil) => {
  const server = await stage()
  const outcome = server.link.request(MESSAGE, 5_000)
  await server.next()
  spoil(server)
  expect(await outcome).toEqual({ kind: 'lost', said: why })
  expect(server.lost).toEqual([why])
  expect(await server.link.request(MESSAGE, 5_000)).toMatchObject({ kind: 'refused' })
})

test('frames that cannot be read or are of no concern do not stop those behind them', async () => {
  const { say, requests, next } = await stage((request) => request.answer(200))
  say('u|sip|network|0', 'u|cdr:stop|x', 'what|ever', 'x', 'u|response|7|OK', incoming('t1'))
  await next()
  expect(requests).toHaveLength(1)
})

test('closing sends what is left, and is no loss', async () => {
  const { link, requests, say, next, lost } = await stage()
  const outcome = link.request(MESSAGE, 5_000)
  await next()
  say(incoming('t1'))
  while (requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
  requests[0]?.answer(503)
  link.close()
  expect(await next()).toContain('SIP/2.0 503 ')
  expect(await outcome).toEqual({ kind: 'lost', said: 'link closed' })
  expect(lost).toEqual([])
})
