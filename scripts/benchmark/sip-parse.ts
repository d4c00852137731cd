import { readDatagram } from '../../gateway/sip-server/message/datagram.js'
import { median } from '../rig/usage.js'

const LIMITS = { maxHeadBytes: 131_072, maxHeaders: 256, maxMessageBytes: 65_536 }
const ROUNDS = 9
const PARSES = 20_000

/** A MESSAGE as an IMS core sends it, some 900 octets. */
const MESSAGE = Buffer.from(
  [
    'MESSAGE sip:+15551234567@cpm.example;user=phone SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-524287-1---d2c9a5b1f0e84a51;rport',
    'Via: SIP/2.0/TCP 192.0.2.44:49152;received=198.51.100.7;branch=z9hG4bK-77ab12',
    'Max-Forwards: 66',
    'Record-Route: <sip:192.0.2.10;lr>',
    'From: "Alice" <sip:alice@home.example>;tag=9fxced76sl',
    'To: <sip:+15551234567@cpm.example;user=phone>',
    'Call-ID: 3848276298220188511@ue.home.example',
    'CSeq: 1 MESSAGE',
    'P-Asserted-Identity: <sip:alice@home.example>',
    'P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg',
    'Accept-Contact: *;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"',
    'Conversation-ID: f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
    'Contribution-ID: abcdef-1234-5678-90ab-cdef01234567',
    'Content-Type: message/cpim',
    'Content-Length: 5',
    '',
    'hello',
  ].join('\r\n'),
  'latin1',
)

/** Time to read one datagram, microseconds: median of several rounds. */
export function parseMicroseconds(): number {
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now()
    for (let count = 0; count < PARSES; count++) readDatagram(MESSAGE, LIMITS)
    rounds.push(((performance.now() - begun) * 1000) / PARSES)
  }
  return median(rounds)
}
