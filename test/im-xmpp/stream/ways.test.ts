import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startXmppServer, type XmppServer } from '../../../adapters/im-xmpp/simulator/index.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { freePort } from '../../../scripts/rig/ports.js'
import { startWorld, type World } from '../../peers/xmpp/world.js'
import { startCutter } from '../cutter.js'
import { directFront, FRONT_CA, FRONT_NAME, starttlsFront, type TlsFront } from '../tls-front.js'

const ALICE = 'alice@cpm.xmpp.example'
const TRUSTED = { ca: FRONT_CA, servername: FRONT_NAME }

describe('ways to the server', () => {
  let server: XmppServer
  let world: World
  const fronts: { close(): Promise<void> }[] = []

  const begin = async (component: Record<string, unknown>) => {
    world = await startWorld({
      components: [
        {
          domain: 'cpm.xmpp.example',
          secret: 'secret',
          timers: { retryFirst: '20ms', retryMax: '50ms' },
          ...component,
        },
      ],
    })
  }
  const kept = <Front extends { close(): Promise<void> }>(front: Front): Front => {
    fronts.push(front)
    return front
  }
  /** Resolves with what the adapter says of its link, when that matches. */
  const health = (pattern: RegExp) =>
    world.gateway.until(() => {
      const { detail } = world.adapter.health()
      return pattern.test(detail) ? detail : undefined
    })
  const talksBothWays = async () => {
    await world.ready()
    const outcome = await world.send({ from: 'sip:alice@cpm.example' as Uri, to: 'xmpp:bob@xmpp.example' as Uri })
    expect(outcome.kind).toBe('accepted')
    expect(await server.say({ to: ALICE, text: 'hello' })).toBe('taken')
    expect(world.gateway.messages).toHaveLength(1)
  }

  beforeEach(async () => {
    server = await startXmppServer()
  })
  afterEach(async () => {
    await world.stop(AbortSignal.timeout(1_000))
    for (const front of fronts.splice(0)) await front.close()
    await server.stop()
  })

  test('TLS from the first octet on', async () => {
    const front = kept(await directFront(server.port))
    await begin({ port: front.port, tls: TRUSTED })
    await talksBothWays()
    expect(front.secured()).toBe(1)
  })

  test('TLS that is asked for in the stream; what was said in the clear after the consent counts for nothing', async () => {
    const injected =
      "<handshake/><message from='mallory@evil.example' to='alice@cpm.xmpp.example'><body>x</body></message>"
    const front = kept(await starttlsFront(server.port, undefined, injected))
    await begin({ port: front.port, tls: { mode: 'starttls', ...TRUSTED } })
    await talksBothWays()
    expect(front.secured()).toBe(1)
  })

  test.each<[string, Record<string, unknown>, RegExp, (port: number) => Promise<TlsFront>]>([
    ['a certificate nobody vouches for', {}, /self-signed certificate/, directFront],
    ['a certificate for another name', { ca: FRONT_CA, servername: 'xmpp.example' }, /altname/i, directFront],
    ['a certificate nobody vouches for, in the stream', { mode: 'starttls' }, /self-signed certificate/, starttlsFront],
    [
      'no TLS offered',
      { mode: 'starttls', ...TRUSTED },
      /offers no TLS/,
      (port) => starttlsFront(port, '<dialback xmlns="urn:xmpp:features:dialback"/>'),
    ],
  ])('no connection without good TLS: %s', async (_, tls, said, start) => {
    const front = kept(await start(server.port))
    let connected = 0
    server.events.on('component', () => {
      connected += 1
    })
    await begin({ port: front.port, tls })
    expect(await health(said)).toMatch(said)
    expect(connected).toBe(0)
  })

  test('the next address is tried when one cannot be reached, and the one after a connection is lost for good', async () => {
    const first = kept(await startCutter(server.port))
    const second = kept(await startCutter(server.port))
    await begin({
      port: await freePort(),
      alternates: [
        { host: '127.0.0.1', port: first.port },
        { host: '127.0.0.1', port: second.port },
      ],
    })
    await talksBothWays()
    expect(first.carries()).toBe(1)
    const down = world.gateway.until(() => (world.adapter.health().state === 'up' ? undefined : true))
    await first.close()
    await down
    await world.ready()
    expect([first.carries(), second.carries()]).toEqual([0, 1])
  })
})
