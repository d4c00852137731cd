import fc from 'fast-check'
import { describe, it } from 'vitest'
import { field, type SipRequest, type SipResponse } from '../../../gateway/sip-server/message/message.js'
import { parseVia } from '../../../gateway/sip-server/message/via.js'
import { refuseToForward } from '../../../gateway/sip-server/proxy/admission.js'
import { forwardedRequest, withoutOurVia } from '../../../gateway/sip-server/proxy/forwarded.js'
import { returnSignature } from '../../../gateway/sip-server/proxy/loop.js'
import { redirectTargets } from '../../../gateway/sip-server/proxy/redirect.js'
import { arrivedWay, followsOurRoute, nextStep } from '../../../gateway/sip-server/proxy/routing.js'

const NAMES = ['Via', 'Route', 'To', 'From', 'CSeq', 'Max-Forwards', 'Proxy-Require', 'Contact', 'Require', 'Path']
const PIECES = [
  '<sip:',
  '10.0.0.1',
  ';lr>',
  ',',
  '"',
  ';',
  '<',
  '>',
  'z9hG4bK.',
  ';branch=',
  ';received=',
  'SIP/2.0/UDP ',
  '*',
  ';q=',
  '?',
  '=',
  '\\',
]
const text = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 6 })), { maxLength: 12 })
  .map((parts) => parts.join(''))
const headers = fc.array(
  fc.tuple(fc.constantFrom(...NAMES), text).map(([name, value]) => field(name, value)),
  { maxLength: 12 },
)
const isOwn = ({ host }: { host: string }) => host === '10.0.0.1'
const side = { transport: 'udp' as const, local: { host: '10.0.0.1', port: 5060 } }

describe('whatever a peer sends', () => {
  it('can be looked at and forwarded', () => {
    fc.assert(
      fc.property(headers, text, fc.constantFrom('INVITE', 'REGISTER'), (fields, uri, method) => {
        const request: SipRequest = { kind: 'request', method, uri, version: 'SIP/2.0', headers: fields }
        const way = nextStep(arrivedWay(request, isOwn))
        followsOurRoute(request, isOwn)
        refuseToForward(request)
        forwardedRequest(request, '', { way, via: field('Via', 'ours'), added: fields, to: side, from: side })
      }),
    )
  })

  it('can be looked at as an answer', () => {
    fc.assert(
      fc.property(headers, text, (fields, via) => {
        const response: SipResponse = { kind: 'response', status: 302, reason: '', version: 'SIP/2.0', headers: fields }
        withoutOurVia(response)
        redirectTargets(response)
        const below = parseVia(via)
        if (below) returnSignature(below)
      }),
    )
  })
})
