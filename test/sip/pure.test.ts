import { expect, test } from 'vitest'
import { flowOf, flowUri } from '../../gateway/sip/flow.js'
import { createGate, inTurn } from '../../gateway/sip/gate.js'
import { toSipHeaders, toSrfHeaders } from '../../gateway/sip/headers.js'
import { createTrust } from '../../gateway/sip/trust.js'

test('ID-17 trust is by network, IPv4 and IPv6, and nobody is trusted by default', () => {
  const isTrusted = createTrust(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32'])
  const all = [
    '10.1.2.3',
    '192.0.2.1',
    '192.0.2.2',
    '::ffff:10.0.0.1',
    '2001:db8::5',
    '[2001:db8::5]',
    '2001:db9::5',
    'x',
  ]
  expect(all.filter(isTrusted)).toEqual(['10.1.2.3', '192.0.2.1', '::ffff:10.0.0.1', '2001:db8::5', '[2001:db8::5]'])
  expect(createTrust([])('127.0.0.1')).toBe(false)
})

test('headers are known by their full names in lower case', () => {
  const headers = toSipHeaders({
    'Call-ID': '1',
    a: '*;x',
    o: 'reg',
    'P-Preferred-Identity': '<tel:+1>',
    'X-Y': 'z',
    m: '<sip:a@x>',
  })
  expect([...headers.keys()]).toEqual(['call-id', 'accept-contact', 'event', 'p-preferred-identity', 'x-y', 'contact'])
})

test('a header value cannot bring a line of its own; several values have one line each', () => {
  expect(toSrfHeaders({ Subject: 'a\r\nEvil: b', 'WWW-Authenticate': ['Digest 1', 'Digest\n2'] })).toEqual({
    Subject: 'a Evil: b',
    'WWW-Authenticate': 'Digest 1\r\nWWW-Authenticate: Digest 2',
  })
})

test('a flow leads back, with IPv6 too', () => {
  const flow = flowOf({ transport: 'tcp', sourceHost: '2001:db8::5', sourcePort: 41000 })
  expect(flow).toBe('tcp:[2001:db8::5]:41000')
  expect(flowUri(flow)).toBe('sip:[2001:db8::5]:41000;transport=tcp')
})

test('the gate lets so many run at once, in order, also after failures', async () => {
  const gate = createGate(2)
  const started: number[] = []
  const open: (() => void)[] = []
  const task = (n: number) => () => {
    started.push(n)
    return new Promise<void>((resolve, reject) => open.push(n === 1 ? () => reject(new Error('x')) : resolve))
  }
  const all = [1, 2, 3, 4].map((n) => inTurn(gate, task(n)).catch(() => undefined))
  expect(started).toEqual([1, 2])
  open[0]?.()
  await all[0]
  await Promise.resolve()
  expect(started).toEqual([1, 2, 3])
  open[1]?.()
  open[2]?.()
  await Promise.all(all.slice(0, 3))
  open[3]?.()
  await all[3]
  expect(started).toEqual([1, 2, 3, 4])
})
