import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../gateway/cpm/clock.js'
import { createSipStack } from '../../gateway/sip/stack.js'
import { startSipServer } from '../../gateway/sip-server/server.js'
import { testClock } from '../core/support.js'
import { silent } from './support.js'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** A control port that answers what the test wants. */
async function controlPort(
  onFrame: (socket: Socket, tokens: readonly string[]) => void,
): Promise<{ server: Server; port: number; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    let rest = Buffer.alloc(0)
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      rest = Buffer.concat([rest, data])
      for (let hash = rest.indexOf('#'); hash > 0; hash = rest.indexOf('#')) {
        const end = hash + 1 + Number(rest.toString('utf8', 0, hash))
        if (rest.length < end) return
        const payload = rest.toString('utf8', hash + 1, end)
        rest = rest.subarray(end)
        onFrame(socket, payload.split('|'))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  return { server, sockets, port: typeof address === 'object' && address ? address.port : 0 }
}

function frame(socket: Socket, text: string): void {
  socket.write(`${Buffer.byteLength(text)}#${text}`)
}

function accept(socket: Socket, tokens: readonly string[]): void {
  frame(socket, `x|response|${tokens[0]}|OK|udp/127.0.0.1:5060|v0.9.5|udp/127.0.0.1:5060`)
}

function stackAt(port: number, options: { smallFrames?: boolean; clock?: typeof systemClock; onUp?: () => void } = {}) {
  const stack = createSipStack({
    server: { host: '127.0.0.1', port, secret: 's' },
    methods: [],
    onRequest: () => undefined,
    smallFrames: options.smallFrames ?? false,
    onUp: options.onUp ?? (() => undefined),
    onLost: () => undefined,
    clock: options.clock ?? systemClock,
    log: silent,
  })
  ends.push(() => stack.stop())
  return stack
}

const request = (size: number) => ({
  method: 'MESSAGE',
  uri: 'sip:a@127.0.0.1:9',
  headers: { 'Content-Type': 'text/plain' },
  body: 'x'.repeat(size),
})

test('a lost link settles what is under way as silence, and comes back by itself', async () => {
  const up: (() => void)[] = []
  const nextUp = () => new Promise<void>((resolve) => up.push(resolve))
  const { port } = await controlPort((socket, tokens) => {
    if (tokens[1] === 'authenticate') accept(socket, tokens)
    else if (tokens[1] === 'sip') socket.destroy()
  })
  const stack = stackAt(port, { onUp: () => up.shift()?.() })
  await stack.start()
  const again = nextUp()
  expect(await stack.request(request(1), 5_000)).toEqual({ kind: 'silent', said: 'connection closed' })
  expect(stack.healthy()).toBe(false)
  await again
  expect(stack.healthy()).toBe(true)
})

test('a server that no longer answers is found out, and another connection made', async () => {
  const clock = testClock()
  let connected: () => void = () => undefined
  const { port, sockets } = await controlPort((socket, tokens) => {
    if (tokens[1] !== 'authenticate') return probed()
    accept(socket, tokens)
    connected()
  })
  let probed: () => void = () => undefined
  const stack = stackAt(port, { clock })
  await stack.start()
  const probe = new Promise<void>((resolve) => {
    probed = resolve
  })
  clock.advance(10_000)
  await probe
  const second = new Promise<void>((resolve) => {
    connected = resolve
  })
  clock.advance(5_000)
  await second
  expect(sockets).toHaveLength(2)
})

test('the embedded server answers the probe', async () => {
  const server = await startSipServer({
    listen: ['udp:127.0.0.1:0'],
    control: { host: '127.0.0.1', port: 0, secret: 's' },
    maxMessageBytes: 65_536,
  })
  ends.push(() => server.stop())
  const stack = stackAt(server.control.port)
  await stack.start()
  const probe = { method: 'MESSAGE', uri: 'sip:probe@127.0.0.1:9', headers: {}, body: '?' }
  expect(await stack.request(probe, 5_000)).toMatchObject({ kind: 'unsent', said: expect.stringContaining('ontent-') })
})

test('large frames for a drachtio-server: one by one on a link of their own, and none above its buffer', async () => {
  const frames: { socket: Socket; tokens: readonly string[] }[] = []
  let arrived: () => void = () => undefined
  const { port, sockets } = await controlPort((socket, tokens) => {
    if (tokens[1] === 'authenticate') return accept(socket, tokens)
    frames.push({ socket, tokens })
    arrived()
  })
  const next = () =>
    new Promise<void>((resolve) => {
      arrived = resolve
    })
  const stack = stackAt(port, { smallFrames: true })
  await stack.start()
  expect(sockets).toHaveLength(2)
  expect(await stack.request(request(12_000), 5_000)).toMatchObject({
    kind: 'unsent',
    said: expect.stringContaining('too large'),
  })
  const first = next()
  const outcomes = [stack.request(request(5_000), 5_000), stack.request(request(6_000), 5_000)]
  await first
  expect(frames).toHaveLength(1)
  const second = next()
  const [taken] = frames
  if (taken) frame(taken.socket, `x|response|${taken.tokens[0]}|NOK|refused`)
  await second
  expect(frames.map(({ socket }) => socket === frames[0]?.socket)).toEqual([true, true])
  const third = next()
  void stack.request(request(1), 5_000)
  await third
  expect(frames[2]?.socket).not.toBe(frames[0]?.socket)
  expect(await outcomes[0]).toEqual({ kind: 'unsent', said: 'refused' })
})

test('a wrong secret: it goes on trying until it is stopped', async () => {
  let refusals = 0
  let second: () => void = () => undefined
  const refusedTwice = new Promise<void>((resolve) => {
    second = resolve
  })
  const { port } = await controlPort((socket, tokens) => {
    frame(socket, `x|response|${tokens[0]}|NO|incorrect secret`)
    refusals += 1
    if (refusals === 2) second()
  })
  const stack = stackAt(port)
  const started = stack.start()
  await refusedTwice
  stack.stop()
  await expect(started).rejects.toThrow('stopped')
})
