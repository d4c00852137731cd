import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../gateway/cpm/clock.js'
import { createFrameReader, frame } from '../../gateway/sip/control/frame.js'
import type { Link } from '../../gateway/sip/link.js'
import { openLink } from '../../gateway/sip/open-link.js'
import { silent } from './support.js'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

interface Heard {
  readonly socket: Socket
  readonly payload: string
}

/** A control port that lets everybody in, but for as many as `refuses` says. */
async function controlPort(refuses = 0): Promise<{
  readonly port: number
  readonly heard: Heard[]
  /** Resolves when a payload with this in it has come. */
  first(text: string): Promise<Heard>
}> {
  const heard: Heard[] = []
  let told = (): void => undefined
  let accepted = 0
  const server = createServer((socket) => {
    accepted += 1
    const isRefused = refuses > 0 && accepted > refuses
    socket.on('error', () => undefined)
    const read = createFrameReader((payload) => {
      heard.push({ socket, payload })
      const [id, command] = payload.split('|')
      const answer = isRefused ? 'NO|incorrect secret' : 'OK|udp/127.0.0.1:5060|v0.9.5|udp/127.0.0.1:5060'
      if (command === 'authenticate') socket.write(frame(`u|response|${id}|${answer}`))
      told()
    })
    socket.on('data', read)
    ends.push(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => server.close())
  const address = server.address()
  return {
    heard,
    port: typeof address === 'object' && address ? address.port : 0,
    async first(text) {
      for (;;) {
        const found = heard.find(({ payload }) => payload.includes(text))
        if (found) return found
        await new Promise<void>((resolve) => {
          told = resolve
        })
      }
    },
  }
}

function open(port: number, calls: boolean, lost: string[] = []): Promise<Link> {
  const link = openLink(
    {
      server: { host: '127.0.0.1', port, secret: 's' },
      methods: ['MESSAGE', 'OPTIONS', 'INVITE', 'ACK', 'BYE', 'UPDATE'],
      onRequest: () => undefined,
      ...(calls && { onInvite: () => undefined }),
      onLost: (why) => lost.push(why),
      clock: systemClock,
      log: silent,
    },
    5_000,
  )
  link.then(
    ({ close }) => ends.push(close),
    () => undefined,
  )
  return link
}

const request = (dialogId?: string) => ({
  method: 'MESSAGE',
  uri: 'sip:a@b',
  headers: {},
  ...(dialogId && { dialogId }),
})

test('one connection asks for requests that stand alone, the other for calls, and what is in their dialogs goes by it', async () => {
  const port = await controlPort()
  const link = await open(port.port, true)
  const [messages, invites] = [await port.first('|route|message'), await port.first('|route|invite')]
  await port.first('|route|update')
  const routes = (of: Socket) =>
    port.heard
      .filter(({ socket }) => socket === of)
      .flatMap(({ payload }) => /\|route\|(\w+)$/.exec(payload)?.[1] ?? [])
  expect(routes(messages.socket)).toEqual(['message', 'options'])
  expect(routes(invites.socket).sort()).toEqual(['ack', 'bye', 'invite', 'update'])
  void link.request(request(), 5_000)
  void link.request(request('c;from-tag=1'), 5_000)
  expect((await port.first('|sip||\r\n')).socket).toBe(messages.socket)
  expect((await port.first('|sip||c;from-tag=1\r\n')).socket).toBe(invites.socket)
})

test.each(['message', 'invite'])(
  'when the connection for %s is lost, so is the other, and it is told once',
  async (method) => {
    const port = await controlPort()
    const lost: string[] = []
    const link = await open(port.port, true, lost)
    const other = await port.first(method === 'message' ? '|route|invite' : '|route|message')
    const outcomes = [link.request(request(), 5_000), link.request(request('c;from-tag=1'), 5_000)]
    const ended = once(other.socket, 'close')
    ;(await port.first(`|route|${method}`)).socket.destroy()
    expect((await Promise.all(outcomes)).map(({ kind }) => kind)).toEqual(['lost', 'lost'])
    await ended
    expect(lost).toHaveLength(1)
  },
)

test('without calls there is one connection', async () => {
  const port = await controlPort()
  const link = await open(port.port, false)
  void link.request(request('c;from-tag=1'), 5_000)
  const sent = await port.first('|sip||c;from-tag=1\r\n')
  expect(new Set(port.heard.map(({ socket }) => socket))).toEqual(new Set([sent.socket]))
  const finals: unknown[] = []
  link.invite(request(), 5_000, { provisional: () => undefined, final: (outcome) => finals.push(outcome) })
  expect(finals).toMatchObject([{ kind: 'refused' }])
})

test('when calls are refused nothing stays open', async () => {
  const port = await controlPort(1)
  const lost: string[] = []
  await expect(open(port.port, true, lost)).rejects.toThrow()
  const { socket } = await port.first('|route|message')
  if (!socket.destroyed) await once(socket, 'close')
  expect(lost).toEqual([])
})
