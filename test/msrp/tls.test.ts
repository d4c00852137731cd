import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fingerprintOf, type MsrpTls } from '../../gateway/msrp/tls.js'
import { type Authority, newAuthority } from '../sip-server/support/certificates.js'
import { dial, peerOn } from './peer.js'
import { introduce, party, portOf, startEndpoint, statuses } from './rig.js'

let authority: Authority
let here: MsrpTls
let there: MsrpTls
beforeAll(() => {
  authority = newAuthority()
  here = { ...authority.issue('IP:127.0.0.1'), ca: authority.ca }
  there = { ...authority.issue('IP:127.0.0.1'), ca: authority.ca }
})
afterAll(() => authority.close())

const secure = { secure: true }

async function both(left: MsrpTls, right: MsrpTls) {
  const [a, b] = [await startEndpoint({ tls: left }), await startEndpoint({ tls: right })]
  return { a, b, one: party(a, {}, secure), other: party(b, {}, secure) }
}

test('msrps by the authorities believed: the certificate has to be for the host', async () => {
  const { one, other } = await both(here, there)
  expect(one.path).toMatch(/^msrps:\/\/127\.0\.0\.1:\d+\//)
  introduce(one, other)
  one.session.send({ contentType: 'text/plain', body: Buffer.from('secret') })
  expect(await other.texts.next()).toBe('secret')
})

test('a certificate for somebody else, or of an unknown authority, is not believed', async () => {
  const elsewhere = newAuthority()
  const bad = [
    { ...authority.issue('IP:127.0.0.9'), ca: authority.ca },
    { ...elsewhere.issue('IP:127.0.0.1'), ca: elsewhere.ca },
  ]
  elsewhere.close()
  for (const tls of bad) {
    const { one, other } = await both(here, tls)
    introduce(one, other)
    expect(await one.closed.next()).toBe('connect-failed')
  }
})

test('with fingerprints any certificate will do, if it is the one announced, on both sides', async () => {
  const { a, b, one, other } = await both(here, { ...there, ca: here.cert })
  const [ours, theirs] = [a.fingerprint, b.fingerprint]
  if (!ours || !theirs) throw new Error('no fingerprint')
  other.session.start({ role: 'passive', remotePath: one.session.path, fingerprint: ours })
  one.session.start({ role: 'active', remotePath: other.session.path, fingerprint: theirs })
  one.session.send({ contentType: 'text/plain', body: Buffer.from('secret') })
  expect(await other.texts.next()).toBe('secret')
})

test('another certificate than announced: neither side talks', async () => {
  const wrong = fingerprintOf(authority.ca)
  const active = await both(here, there)
  active.other.session.start({ role: 'passive', remotePath: active.one.session.path })
  active.one.session.start({ role: 'active', remotePath: active.other.session.path, fingerprint: wrong })
  expect(await active.one.closed.next()).toBe('connect-failed')
  expect(active.a.counts.get('certificate-unexpected')).toBe(1)

  const passive = await both(here, there)
  passive.other.session.start({ role: 'passive', remotePath: passive.one.session.path, fingerprint: wrong })
  passive.one.session.start({ role: 'active', remotePath: passive.other.session.path })
  expect(await passive.one.closed.next()).toBe('refused')
  expect(passive.b.counts.get('certificate-unexpected')).toBe(1)
})

test('a client without a certificate is fine where none was announced, and refused where one was', async () => {
  const endpoint = await startEndpoint({ tls: here })
  for (const [fingerprint, status] of [
    [undefined, '200'],
    [fingerprintOf(there.cert), '403'],
  ] as const) {
    const one = party(endpoint, {}, secure)
    one.session.start({ role: 'passive', remotePath: one.session.path, ...(fingerprint && { fingerprint }) })
    const peer = peerOn(connect({ host: '127.0.0.1', port: portOf(endpoint), ca: authority.ca }))
    peer.says(
      `MSRP aaa1 SEND\nTo-Path: ${one.path}\nFrom-Path: msrps://127.0.0.1:9/x;tcp\nMessage-ID: m\nByte-Range: 1-0/0\n-------aaa1$\n`,
    )
    expect(await statuses(peer, 1)).toEqual([`aaa1 ${status}`])
    peer.close()
  }
})

test('who speaks no TLS is cut off', async () => {
  const endpoint = await startEndpoint({ tls: here })
  const peer = await dial(portOf(endpoint))
  peer.says('MSRP aaa1 SEND\n\n\n\n')
  await peer.closed
  await endpoint.until('connection-refused')
})

test('a fingerprint is the hash of the certificate', () => {
  const { value } = fingerprintOf(here.cert)
  expect(value).toMatch(/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  expect(fingerprintOf(here.cert, 'sha-1').value).toHaveLength(59)
})
