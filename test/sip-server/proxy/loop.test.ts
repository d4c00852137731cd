import { describe, expect, it } from 'vitest'
import { parseVia, type Via } from '../../../gateway/sip-server/message/via.js'
import { refuseToForward } from '../../../gateway/sip-server/proxy/admission.js'
import { isSignedFor, loopDigest, proxyBranch, returnSignature } from '../../../gateway/sip-server/proxy/loop.js'
import { request } from './messages.js'

const FIRST = 'Via: SIP/2.0/UDP caller;branch=z9hG4bK1'

/** The request as it comes back by way of another proxy, which we had reached with our Via on top. */
function comesBack(start: string, ...lines: readonly string[]) {
  const branch = proxyBranch('unique', loopDigest(request('INVITE sip:bob@peer', FIRST)))
  const vias = ['Via: SIP/2.0/UDP other;branch=z9hG4bK3', `Via: SIP/2.0/UDP 10.0.0.1;rport;branch=${branch}`, FIRST]
  return request(start, ...vias, ...lines)
}

describe('requests that may not be forwarded (RFC 3261 §16.3)', () => {
  it.each([
    ['unchanged: a loop', comesBack('INVITE sip:bob@peer'), 482],
    ['with another Request-URI: a spiral', comesBack('INVITE sip:carol@peer'), undefined],
    ['with another Route: a spiral', comesBack('INVITE sip:bob@peer', 'Route: <sip:x;lr>'), undefined],
    ['a later request of the call', comesBack('INVITE sip:bob@peer', 'CSeq: 2 INVITE'), undefined],
    ['never here before', request('INVITE sip:bob@peer', FIRST), undefined],
    [
      'a branch like ours, made by another',
      request('INVITE sip:bob@peer', 'Via: SIP/2.0/UDP x;branch=z9hG4bK.a.b'),
      undefined,
    ],
    ['no hop left', request('INVITE sip:bob@peer', 'Max-Forwards: 0'), 483],
    ['one hop left', request('INVITE sip:bob@peer', 'Max-Forwards: 1'), undefined],
    ['no breadth left', request('INVITE sip:bob@peer', 'Max-Breadth: 0'), 440],
    ['Proxy-Require', request('INVITE sip:bob@peer', 'Proxy-Require: a, b', 'Proxy-Require: c'), 420],
    ['Proxy-Require of an ACK', request('ACK sip:bob@peer', 'Proxy-Require: a'), undefined],
  ])('%s', (_what, message, status) => expect(refuseToForward(message)?.status).toBe(status))

  it('420 names what is not supported', () => {
    const refusal = refuseToForward(request('INVITE sip:bob@peer', 'Proxy-Require: a, b', 'Proxy-Require: c'))
    expect(refusal?.headers).toEqual([{ name: 'Unsupported', key: 'unsupported', value: 'a, b, c' }])
  })

  it('CANCEL and ACK have the loop part of their INVITE', () => {
    const of = (method: string) => loopDigest(request(`${method} sip:bob@peer`, FIRST, 'To: <sip:bob@h>;tag=t'))
    expect([of('CANCEL'), of('ACK')]).toEqual([of('INVITE'), of('INVITE')])
  })
})

describe('the way back is signed (RFC 3261 §16.11)', () => {
  const via = (text: string): Via => {
    const read = parseVia(text)
    if (!read) throw new Error(text)
    return read
  }
  const below = via('SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bK1;received=10.0.0.8;rport=5071')
  const branch = proxyBranch(returnSignature(below), 'loop')

  it.each([
    ['the same', below.text, true],
    ['parameters in another order', 'SIP/2.0/UDP 10.0.0.9:5070;rport=5071;received=10.0.0.8;branch=z9hG4bK1', true],
    ['another received', 'SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bK1;received=10.0.0.7;rport=5071', false],
    ['another rport', 'SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bK1;received=10.0.0.8;rport=5072', false],
    ['another host', 'SIP/2.0/UDP 10.0.0.7:5070;branch=z9hG4bK1;received=10.0.0.8;rport=5071', false],
    ['another branch', 'SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bK2;received=10.0.0.8;rport=5071', false],
  ])('%s', (_what, text, expected) => expect(isSignedFor(branch, via(text))).toBe(expected))
})
