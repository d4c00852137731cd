import { describe, expect, it } from 'vitest'
import mmsModule from '../../../adapters/mms-mm7/index.js'
import { manualClock } from '../../contract-kit/clock.js'
import { startRig } from '../../contract-kit/rig.js'
import { TEST_CERTIFICATE, TEST_KEY } from '../../sms-smpp/certificate.js'
import { closing as answering } from '../scripted-mmsc.js'
import { account, answer, closing, mmscFor, OK, rigFor, TIMERS } from './outbound-stage.js'

describe('the way to MMSCs', () => {
  it('goes over another one while the first cannot be reached', async () => {
    const [one, two] = [await mmscFor(), await mmscFor()]
    const rig = await rigFor([account(one.url, { name: 'one' }), account(two.url, { name: 'two', weight: 0 })])
    await rig.gateway.until(() => (rig.adapter.health().state === 'up' ? true : undefined))
    expect((await rig.send({})).kind).toBe('accepted')
    expect([one.heard.length, two.heard.length]).toEqual([1, 0])
    await one.close()
    await rig.gateway.until(() => (rig.adapter.health().state === 'degraded' ? true : undefined))
    expect((await rig.send({})).kind).toBe('accepted')
    expect(two.heard).toHaveLength(1)
  })

  it('IW-09 takes what one did not take to the other, and what one may have taken to the same', async () => {
    const busy = answer('submit-09-fault-unavailable.rsp.http')
    const [one, two] = [await mmscFor(busy), await mmscFor()]
    const rig = await rigFor([account(one.url, { name: 'one' }), account(two.url, { name: 'two', weight: 0 })])
    await rig.gateway.until(() => (rig.adapter.health().state === 'up' ? true : undefined))
    expect((await rig.send({})).kind).toBe('busy')
    expect((await rig.send({}, { number: 2, possibleDuplicate: true })).kind).toBe('busy')
    expect([one.heard.length, two.heard.length]).toEqual([2, 0])
    expect((await rig.send({}, { number: 2 })).kind).toBe('accepted')
    expect([one.heard.length, two.heard.length]).toEqual([2, 1])
  })

  it('knows that nothing was read by an MMSC that does not believe its certificate', async () => {
    const tls = { key: TEST_KEY, cert: TEST_CERTIFICATE, requestCert: true, rejectUnauthorized: true }
    const mmsc = await mmscFor(OK, { tls })
    const rig = await rigFor([account(mmsc.url, { tls: { ca: TEST_CERTIFICATE, servername: 'smsc.test' } })])
    expect(await rig.send({})).toMatchObject({ kind: 'busy', said: expect.stringMatching(/certificate/i) })
    expect(mmsc.heard).toHaveLength(0)
  })

  it('speaks TLS with a certificate of its own, and believes only the right one', async () => {
    const tls = {
      key: TEST_KEY,
      cert: TEST_CERTIFICATE,
      ca: TEST_CERTIFICATE,
      requestCert: true,
      rejectUnauthorized: true,
    }
    const mmsc = await mmscFor(OK, { tls })
    const ours = { ca: TEST_CERTIFICATE, key: TEST_KEY, cert: TEST_CERTIFICATE, servername: 'smsc.test' }
    const rig = await rigFor([account(mmsc.url, { tls: ours })])
    expect(await rig.send({})).toMatchObject({ kind: 'accepted' })
    const careful = await startRig(mmsModule, {
      accounts: [account(mmsc.url, { tls: { ...ours, servername: 'other.test' } })],
    })
    closing.push(() => careful.stop(AbortSignal.abort()))
    await careful.gateway.until(() => careful.adapter.health().links.find(({ state }) => state === 'down'))
    expect(careful.adapter.health()).toMatchObject({
      state: 'connecting',
      detail: expect.stringMatching(/other\.test/),
    })
    expect((await careful.send({})).kind).toBe('busy')
    expect(mmsc.heard).toHaveLength(1)
  })

  it('takes a new connection each time where the MMSC closes them unsaid', async () => {
    const mmsc = await mmscFor(OK, { unsaid: true })
    const rig = await rigFor([account(mmsc.url, { reuse: false })])
    for (let count = 0; count < 5; count += 1) expect((await rig.send({})).kind).toBe('accepted')
    expect(new Set(mmsc.heard.map(({ connection }) => connection)).size).toBe(5)
  })

  it.for(['submit-11-http-401.rsp.http', 'submit-09-fault-unknown-vasp.rsp.http'])(
    'is closed for a while after refused credentials (%s), and then tried again',
    async (file) => {
      const clock = manualClock(Date.now())
      const mmsc = await mmscFor(answer(file))
      const rig = await rigFor([account(mmsc.url)], {}, { clock })
      await rig.send({})
      expect(rig.adapter.health().state).toBe('refused')
      expect(rig.adapter.messages.parallel()).toBe(0)
      clock.advance(299_000)
      expect(rig.adapter.health().state).toBe('refused')
      clock.advance(1_000)
      await rig.ready()
      expect(rig.adapter.health().state).toBe('up')
    },
  )

  it('is looked at anew when a connection breaks', async () => {
    const mmsc = await mmscFor(OK)
    const rig = await rigFor([account(mmsc.url, { timers: { ...TIMERS, probe: '1h' } })])
    mmsc.act(() => {
      void mmsc.close()
      return 'cut'
    })
    expect((await rig.send({})).kind).toBe('uncertain')
    await rig.gateway.until(() => (rig.adapter.health().state === 'connecting' ? true : undefined))
  })

  it('is closed for as long as Retry-After says', async () => {
    const clock = manualClock(Date.now())
    const mmsc = await mmscFor(answer('submit-11-http-503.rsp.http'))
    const rig = await rigFor([account(mmsc.url)], {}, { clock })
    await rig.send({})
    clock.advance(29_000)
    expect(rig.adapter.messages.parallel()).toBe(0)
    clock.advance(1_000)
    await rig.ready()
  })

  it('has a window', async () => {
    const mmsc = await mmscFor('silence')
    const rig = await rigFor([account(mmsc.url, { window: 2 })])
    expect(rig.adapter.messages.parallel()).toBe(2)
    const giveUp = new AbortController()
    const sent = [1, 2, 3].map(() => rig.send({}, {}, giveUp.signal))
    await expect.poll(() => mmsc.heard.length).toBe(2)
    giveUp.abort()
    expect((await sent[2])?.kind).toBe('busy')
    for (const { connection } of mmsc.heard) connection.end(answering(OK))
    expect((await Promise.all(sent)).map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'busy'])
    expect(mmsc.heard).toHaveLength(2)
  })

  it('has a rate', async () => {
    const clock = manualClock(Date.now())
    const mmsc = await mmscFor()
    const rig = await rigFor([account(mmsc.url, { rate: 1 })], {}, { clock })
    expect((await rig.send({})).kind).toBe('accepted')
    const second = rig.send({})
    const giveUp = new AbortController()
    const third = rig.send({}, {}, giveUp.signal)
    await expect.poll(() => clock.pending()).toBeGreaterThan(1)
    expect(mmsc.heard).toHaveLength(1)
    giveUp.abort()
    expect((await third).kind).toBe('busy')
    clock.advance(1_000)
    expect((await second).kind).toBe('accepted')
    expect(mmsc.heard).toHaveLength(2)
  })
})
