import { describe, expect, it } from 'vitest'
import { field } from '../../../gateway/sip-server/message/message.js'
import { type ForwardOptions, forwardedRequest, withoutOurVia } from '../../../gateway/sip-server/proxy/forwarded.js'
import { request, response, values } from './messages.js'

const VIA = field('Via', 'SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK.x')
const udp = { transport: 'udp' as const, local: { host: '10.0.0.1', port: 5060 } }
const tcp = { transport: 'tcp' as const, local: { host: '10.0.0.1', port: 5060 } }
const udp6 = { transport: 'udp' as const, local: { host: '2001:db8::1', port: 5060 } }

function forward(message: ReturnType<typeof request>, options: Partial<ForwardOptions> = {}) {
  return forwardedRequest(message, 'body', {
    way: { uri: message.uri, routes: [] },
    via: VIA,
    added: [],
    to: udp,
    ...options,
  })
}

describe('a forwarded request (RFC 3261 §16.6)', () => {
  it('our Via on top, one hop less, Request-URI and Route as decided, everything else unchanged', () => {
    const message = request(
      'MESSAGE sip:bob@h',
      'Via: SIP/2.0/UDP a;branch=z9hG4bK1',
      'Max-Forwards: 10',
      'Route: <sip:us;lr>',
      'X-A: b',
    )
    const out = forward(message, { way: { uri: 'sip:carol@h', routes: ['<sip:next;lr>'] } })
    expect(out.uri).toBe('sip:carol@h')
    expect(values(out, 'via')).toEqual([VIA.value, 'SIP/2.0/UDP a;branch=z9hG4bK1'])
    expect(['max-forwards', 'route', 'x-a', 'call-id', 'content-length'].flatMap((key) => values(out, key))).toEqual([
      '9',
      '<sip:next;lr>',
      'b',
      'call-1',
      '4',
    ])
  })

  it('70 hops where the caller gave none', () => {
    expect(values(forward(request('MESSAGE sip:bob@h')), 'max-forwards')).toEqual(['70'])
  })

  it('the breadth of the branch in place of the caller’s, or his unchanged', () => {
    const message = request('INVITE sip:bob@h', 'Max-Breadth: 30')
    expect(values(forward(message, { breadth: 7 }), 'max-breadth')).toEqual(['7'])
    expect(values(forward(message), 'max-breadth')).toEqual(['30'])
  })

  it.each([
    ['same side', udp, udp, ['<sip:10.0.0.1:5060;lr>']],
    ['TCP both ways', tcp, tcp, ['<sip:10.0.0.1:5060;transport=tcp;lr>']],
    ['UDP to TCP', udp, tcp, ['<sip:10.0.0.1:5060;transport=tcp;lr>', '<sip:10.0.0.1:5060;lr>']],
    ['IPv4 to IPv6', udp, udp6, ['<sip:[2001:db8::1]:5060;lr>', '<sip:10.0.0.1:5060;lr>']],
  ])('Record-Route: %s', (_what, from, to, expected) => {
    const out = forward(request('INVITE sip:bob@h', 'Record-Route: <sip:before;lr>'), { from, to })
    expect(values(out, 'record-route')).toEqual([...expected, '<sip:before;lr>'])
  })

  it('Path for a registration, and it is required (RFC 3327)', () => {
    const stay = { from: udp }
    const out = forward(request('REGISTER sip:h', 'Path: <sip:before;lr>'), stay)
    expect([values(out, 'path'), values(out, 'require'), values(out, 'record-route')]).toEqual([
      ['<sip:10.0.0.1:5060;lr>', '<sip:before;lr>'],
      ['path'],
      [],
    ])
    expect(values(forward(request('REGISTER sip:h', 'Require: gruu, path'), stay), 'require')).toEqual(['gruu, path'])
  })

  it('the placeholder host of the application becomes our address', () => {
    const added = [field('P-Asserted-Identity', '<sip:gw@localhost>')]
    expect(values(forward(request('MESSAGE sip:bob@h'), { added }), 'p-asserted-identity')).toEqual([
      '<sip:gw@10.0.0.1:5060>',
    ])
  })

  it('headers of the application are added; those that say which request it is are not touched', () => {
    const message = request('MESSAGE sip:bob@h', 'Subject: old', 'X-A: 1', 'Max-Forwards: 5')
    const names = ['Subject', 'X-A', 'Call-ID', 'CSeq', 'From', 'To', 'Via', 'Route', 'Max-Forwards', 'Content-Length']
    const out = forward(message, { added: names.map((name) => field(name, 'new')) })
    expect([values(out, 'subject'), values(out, 'x-a')]).toEqual([['new'], ['1', 'new']])
    expect(out.headers.filter(({ value }) => value === 'new')).toHaveLength(2)
  })
})

describe('a response on its way back loses our Via only', () => {
  it.each([
    ['in a line of its own', ['Via: ours', 'Via: theirs', 'Via: theirs2'], ['theirs', 'theirs2']],
    ['joined with the next', ['Via: ours, theirs', 'Via: theirs2'], ['theirs', 'theirs2']],
    ['ours alone', ['Via: ours'], []],
  ])('%s', (_what, lines, left) => expect(values(withoutOurVia(response(200, ...lines)), 'via')).toEqual(left))
})
