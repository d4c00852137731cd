import { describe, expect, test } from 'vitest'
import { bareIdentity } from '../../gateway/conversation/focus/records.js'
import type { Uri } from '../../gateway/cpm/ids.js'
import type { IncomingRequest } from '../../gateway/sip/link.js'
import { atNode, ownAddress } from '../../gateway/sip/own-address.js'
import { passOn } from '../../gateway/sip/pass-on.js'

const IDENTITY = 'sip:s-0123456789abcdef0123456789abcdef@groups.cpm.example'
const NODE = 'sip:10.0.0.2:5060'

/** What is forwarded of a request with these headers; undefined: nothing. */
function passed(
  headers: Readonly<Record<string, string>>,
  byCore = false,
): Readonly<Record<string, string>> | undefined {
  let added: Readonly<Record<string, string>> | undefined
  const request: IncomingRequest = {
    method: 'INVITE',
    uri: IDENTITY,
    headers: new Map(Object.entries(headers)),
    body: '',
    transport: 'udp',
    sourceHost: '10.0.0.9',
    sourcePort: 5060,
    answer: () => undefined,
    forward(to, more) {
      expect(to).toBe(NODE)
      added = more
    },
  }
  const speaker = { from: 'tel:+12065550101' as Uri, byCore, icsi: 'oma.cpm.session.group' }
  expect(passOn(request, NODE, speaker, 'cpm.example', () => undefined)).toBe(added !== undefined)
  return added
}

describe('a request for another node', () => {
  test('goes there with who has proved who he is, or as the core has vouched for him', () => {
    expect(passed({})).toEqual({
      'X-Causeway-Passed-On': 'yes',
      'P-Asserted-Identity': '<tel:+12065550101>',
      'P-Asserted-Service': 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session.group',
    })
    expect(passed({ 'p-asserted-identity': '<sip:alice@cpm.example>' }, true)).toEqual({
      'X-Causeway-Passed-On': 'yes',
    })
  })
  test('stays where it is once it has been passed on, and with an identity that nobody vouches for', () => {
    expect(passed({ 'x-causeway-passed-on': 'yes' }, true)).toBeUndefined()
    expect(passed({ 'p-asserted-identity': '<sip:mallory@cpm.example>' })).toBeUndefined()
    expect(passed({ 'p-served-user': '<sip:mallory@cpm.example>;sescase=orig' })).toBeUndefined()
    expect(passed({ 'p-asserted-service': 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.largemsg' })).toBeUndefined()
    expect(passed({ 'p-charging-vector': 'icid-value=made-up' })).toBeUndefined()
  })
})

test.each([
  [['tcp:10.0.0.2:5080', 'udp:10.0.0.2:5060'], undefined, 'sip:10.0.0.2:5060'],
  [['tcp:[2001:db8::2]:5080'], undefined, 'sip:[2001:db8::2]:5080;transport=tcp'],
  [['udp:0.0.0.0:5060', 'tcp:[::]:5060', 'tls:10.0.0.2:5061'], undefined, undefined],
  [['udp:0.0.0.0:5060'], 'gw2.cpm.example:5060', 'sip:gw2.cpm.example:5060'],
])('of %j, advertised %s, others are told %s', (listening, advertised, told) => {
  expect(ownAddress(listening, advertised)).toBe(told)
})

test.each([
  [undefined, IDENTITY],
  ['sip:10.0.0.2:5060', `${IDENTITY};maddr=10.0.0.2`],
  ['sip:10.0.0.2:5080;transport=tcp', `${IDENTITY}:5080;maddr=10.0.0.2;transport=tcp`],
  ['sip:[2001:db8::2]:5080', `${IDENTITY}:5080;maddr=[2001:db8::2]`],
])('ID-13 a session identity at %s is %s, and the same session', (node, contact) => {
  expect(atNode(IDENTITY, node)).toBe(contact)
  expect(bareIdentity(contact)).toBe(IDENTITY)
})
