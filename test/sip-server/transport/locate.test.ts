import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TransportName } from '../../../gateway/sip-server/host-port.js'
import { parseUri } from '../../../gateway/sip-server/message/uri.js'
import { byPriority, locate } from '../../../gateway/sip-server/transport/locate.js'
import { nextHop } from '../../../gateway/sip-server/transport/next-hop.js'
import { cachedResolver, systemResolver } from '../../../gateway/sip-server/transport/resolver.js'
import { FakeClock } from '../support/fake-clock.js'
import { naptr, srv, type Zone, zoneResolver } from '../support/zone.js'

const ZONE: Zone = {
  naptr: {
    'carrier.example': [
      naptr('SIP+D2U', '_sip._udp.carrier.example', 50, 20),
      naptr('SIPS+D2T', '_sips._tcp.carrier.example', 40),
      naptr('SIP+D2T', '_sip._tcp.carrier.example', 50, 10),
      naptr('SIP+D2S', '_sip._sctp.carrier.example', 1),
      { ...naptr('E2U+sip', ''), flags: 'u' },
    ],
  },
  srv: {
    '_sip._udp.carrier.example': [srv('b.example', 5080, 20), srv('a.example', 5070, 10)],
    '_sip._tcp.carrier.example': [srv('a.example', 5071)],
    '_sips._tcp.carrier.example': [srv('a.example', 5072)],
    '_sip._tcp.plain.example': [srv('a.example', 6000), srv('.', 0)],
  },
  addresses: {
    'a.example': ['192.0.2.1', '2001:db8::1'],
    'b.example': ['192.0.2.2'],
    'bare.example': ['192.0.2.9'],
    localhost: ['127.0.0.1'],
    'carrier.example': ['192.0.2.8'],
  },
}

async function found(uri: string, spoken: readonly TransportName[] = ['udp', 'tcp', 'tls']) {
  const hop = nextHop(parseUri(uri) ?? { scheme: '', host: '', params: new Map() })
  if (hop === 'unsupported') throw new Error('unsupported')
  const resolver = zoneResolver(ZONE)
  const context = { resolver, speaks: (one: TransportName) => spoken.includes(one), random: () => 0 }
  const targets = await locate(hop, hop.secure ? 'tls' : 'udp', context)
  return { asked: resolver.asked, list: targets.map(({ transport, host, port }) => `${transport} ${host} ${port}`) }
}

describe('the servers of a URI (RFC 3263)', () => {
  const LITERAL: [string, string][] = [
    ['sip:192.0.2.7', 'udp 192.0.2.7 5060'],
    ['sip:192.0.2.7:5066;transport=tcp', 'tcp 192.0.2.7 5066'],
    ['sips:[2001:db8::7]', 'tls 2001:db8::7 5061'],
    ['sip:x.example;maddr=192.0.2.6;transport=TLS', 'tls 192.0.2.6 5061'],
  ]
  it.each(LITERAL)('%s is an address and asks nobody', async (uri, target) => {
    expect(await found(uri)).toEqual({ asked: [], list: [target] })
  })

  it('follows NAPTR by order and preference, SRV by priority, and both families of each host', async () => {
    expect((await found('sip:bob@carrier.example')).list).toEqual([
      'tls 192.0.2.1 5072',
      'tls 2001:db8::1 5072',
      'tcp 192.0.2.1 5071',
      'tcp 2001:db8::1 5071',
      'udp 192.0.2.1 5070',
      'udp 2001:db8::1 5070',
      'udp 192.0.2.2 5080',
    ])
  })

  it('leaves out transports that are not spoken, and for sips: those that are not secure', async () => {
    expect((await found('sip:carrier.example', ['udp'])).list[0]).toBe('udp 192.0.2.1 5070')
    expect((await found('sips:carrier.example')).list).toEqual(['tls 192.0.2.1 5072', 'tls 2001:db8::1 5072'])
  })

  it('asks for SRV only where the transport is given, for addresses only where the port is', async () => {
    const given = await found('sip:carrier.example;transport=tcp')
    expect(given.list).toEqual(['tcp 192.0.2.1 5071', 'tcp 2001:db8::1 5071'])
    expect(given.asked).not.toContain('NAPTR carrier.example')
    expect(await found('sip:carrier.example:5099')).toEqual({
      asked: ['A carrier.example'],
      list: ['udp 192.0.2.8 5099'],
    })
  })

  it('without NAPTR tries SRV of each transport, without those the address', async () => {
    expect((await found('sip:plain.example')).list).toEqual(['tcp 192.0.2.1 6000', 'tcp 2001:db8::1 6000'])
    expect((await found('sip:bare.example')).list).toEqual(['udp 192.0.2.9 5060'])
    expect((await found('sips:bare.example')).list).toEqual(['tls 192.0.2.9 5061'])
    expect(await found('sip:localhost')).toEqual({ asked: ['A localhost'], list: ['udp 127.0.0.1 5060'] })
    await expect(found('sip:nowhere.example')).rejects.toThrow('not found')
  })

  it('chooses among equals by weight', () => {
    const records = [srv('small', 1, 1, 1), srv('large', 1, 1, 9), srv('zero', 1, 1, 0), srv('last', 1, 2, 100)]
    const order = (...draws: number[]) => byPriority(records, () => draws.shift() ?? 0).map(({ name }) => name)
    expect(order(0.05)).toEqual(['small', 'zero', 'large', 'last'])
    expect(order(0.5, 0.5)).toEqual(['large', 'small', 'zero', 'last'])
    fc.assert(
      fc.property(
        fc.array(fc.record({ name: fc.constant('h'), port: fc.nat(), priority: fc.nat(3), weight: fc.nat(5) })),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (some, draw) => {
          const ordered = byPriority(some, () => draw)
          expect(ordered).toHaveLength(some.length)
          expect(ordered.map(({ priority }) => priority)).toEqual(some.map(({ priority }) => priority).sort())
        },
      ),
    )
  })

  it('the system knows localhost', async () => {
    expect(await systemResolver().addresses('localhost')).toEqual(
      expect.arrayContaining([expect.stringMatching(/^(127\.0\.0\.1|::1)$/)]),
    )
  })

  it('remembers answers for half a minute, and waits 4 s for one', async () => {
    const clock = new FakeClock()
    const asked: string[] = []
    const resolver = cachedResolver(
      {
        naptr: () => new Promise(() => {}),
        srv: async () => [],
        addresses: async (name) => {
          asked.push(name)
          return ['192.0.2.1']
        },
      },
      clock,
    )
    for (const wait of [0, 20_000, 20_000]) {
      clock.advance(wait)
      await resolver.addresses('a.example')
    }
    expect(asked).toHaveLength(2)
    const late = resolver.naptr('a.example')
    clock.advance(4_000)
    await expect(late).rejects.toThrow('no answer about a.example')
  })
})
