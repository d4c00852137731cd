import { createHash, randomUUID, X509Certificate } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { inbox } from '../../../scripts/rig/inbox.js'
import { openMsrpClient } from '../../../scripts/rig/msrp-client.js'
import { type Authority, newAuthority } from '../../sip-server/support/certificates.js'
import { openMsrpPhone, pathIn } from './msrp-phone.js'
import { openSessionStage } from './stage.js'
import { BOB, ICSI, talk } from './talk.js'

let authority: Authority
beforeAll(() => {
  authority = newAuthority()
})
afterAll(() => authority.close())

/** A device with a certificate that nobody but its description vouches for. */
function device() {
  const tls = authority.issue('DNS:device.invalid')
  const hash = createHash('sha256').update(new X509Certificate(tls.cert).raw).digest('hex').toUpperCase()
  const own = `msrps://127.0.0.1:9/${randomUUID()};tcp`
  const heard = inbox<string>((body) => body)
  const sdp = (fingerprint = hash.replace(/(..)(?=.)/g, '$1:')): string =>
    [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      'm=message 9 TCP/TLS/MSRP *',
      `a=path:${own}`,
      'a=accept-types:message/cpim',
      'a=setup:active',
      `a=fingerprint:SHA-256 ${fingerprint}`,
      '',
    ].join('\r\n')
  return {
    sdp,
    heard,
    async connects(description: string) {
      const expects = /^a=fingerprint:sha-256 (\S+)/im.exec(description)?.[1] ?? ''
      const client = await openMsrpClient({
        theirs: pathIn(description),
        own,
        onMessage: (body) => heard.push(body),
        tls: { ...tls, expects },
      })
      onTestFinished(() => client.close())
      return client
    },
  }
}

const secured = () =>
  openSessionStage({
    media: { path: 'in', listen: ['tcp:127.0.0.1:0', 'tls:127.0.0.1:0'], tls: authority.issue('IP:127.0.0.1') },
  })

describe('MSRP over TLS in the path of the media', () => {
  test('UP-07 UP-08 UP-09 SESS-14: both legs are TLS, each with the certificates that its descriptions announce', async () => {
    const stage = await secured()
    const [one, two] = [device(), device()]
    const { here, call } = await talk(stage, one.sdp(), two.sdp())
    const [toBob, toAlice] = [call.invite.body.toString(), here.made.body.toString()]
    for (const description of [toBob, toAlice]) {
      expect(description).toMatch(/^m=message \d+ TCP\/TLS\/MSRP \*\r\n/m)
      expect(pathIn(description)).toMatch(/^msrps:\/\/127\.0\.0\.1:\d+\//)
      expect(description.match(/^a=fingerprint:/gm)).toHaveLength(1)
    }
    const [alice, bob] = [await one.connects(toAlice), await two.connects(toBob)]
    alice.send('for Bob alone')
    expect(await two.heard.next('a message', () => true)).toBe('for Bob alone')
    bob.send('and back')
    expect(await one.heard.next('an answer', () => true)).toBe('and back')
    expect([alice.refused(), bob.refused()]).toEqual([0, 0])
    await here.bye()
    await Promise.all([alice.closed, bob.closed])
    await stage.nothingLeft()
  })

  test('a certificate other than announced is not talked to: 403', async () => {
    const stage = await secured()
    const [one, two] = [device(), device()]
    const { here } = await talk(stage, one.sdp(Array(32).fill('00').join(':')), two.sdp())
    const alice = await one.connects(here.made.body.toString())
    await expect.poll(() => alice.refused()).toBe(1)
    expect(stage.counted).toContain('certificate-unexpected')
    expect(stage.counted).not.toContain('session-bound')
    await here.bye()
    await stage.nothingLeft()
  })

  test('without a certificate of ours a stream over TLS is refused, and nobody is invited', async () => {
    const stage = await openSessionStage({ media: { path: 'in' } })
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
    expect((await alice.call(BOB, device().sdp(), [ICSI]).final).status).toBe(488)
    expect(bob.calls.items).toEqual([])
    await stage.nothingLeft()
  })
})

describe('connections of one source', () => {
  const closedAtOnce = (port: number, from: string): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, localAddress: from })
      onTestFinished(() => void socket.destroy())
      socket.once('error', () => resolve(true))
      socket.once('close', () => resolve(true))
      // A connection that is taken is answered.
      socket.write(
        'MSRP none1 SEND\r\nTo-Path: msrp://127.0.0.1:1/nobody;tcp\r\nFrom-Path: msrp://127.0.0.1:9/x;tcp\r\n',
      )
      socket.write('Message-ID: m\r\nByte-Range: 1-0/0\r\n-------none1$\r\n')
      socket.once('data', () => resolve(false))
    })

  test('are no more than policy allows; other sources, and sessions that stand, do not notice', async () => {
    const stage = await openSessionStage({ media: { path: 'in', connectionsPerSource: 3 }, unlimited: ['127.0.0.3'] })
    const [one, two] = [await openMsrpPhone(), await openMsrpPhone()]
    const { here, call } = await talk(stage, one.sdp(), two.sdp({ setup: 'active' }))
    const fromAlice = await one.connectTo(here.made.body.toString())
    const fromBob = await two.connectTo(call.invite.body.toString())
    const port = stage.media.addresses[0]?.port ?? 0
    expect(await closedAtOnce(port, '127.0.0.1')).toBe(false)
    expect(await closedAtOnce(port, '127.0.0.1')).toBe(true)
    expect(stage.counted.filter((event) => event === 'source-refused')).toHaveLength(1)
    for (let count = 0; count < 5; count++) expect(await closedAtOnce(port, '127.0.0.3')).toBe(false)
    expect(await closedAtOnce(port, '127.0.0.2')).toBe(false)
    const sending = fromAlice.send('still here')
    expect((await fromBob.receives()).body).toBe('still here')
    await sending
    // A place that becomes free is taken again.
    fromAlice.peer.close()
    await here.requests.next('BYE', () => true)
    await stage.nothingLeft()
    await expect.poll(() => stage.media.connections).toBeLessThan(8)
    expect(await closedAtOnce(port, '127.0.0.1')).toBe(false)
    await Promise.all([one.close(), two.close()])
  })
})
