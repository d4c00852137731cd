import { describe, expect, test } from 'vitest'
import { withFirstMessage } from '../../../scripts/rig/first-message.js'
import { header } from '../../../scripts/rig/sip-text.js'
import { cpim } from '../focus/phone.js'
import { openMsrpPhone } from './msrp-phone.js'
import { features, openSessionStage } from './stage.js'
import { audio, BOB, ICSI, invited } from './talk.js'

const ALICE = 'sip:alice@cpm.example'
const HELLO = cpim(ALICE, BOB, 'hello first', 'text/plain', 'first-1', 'positive-delivery, negative-delivery')
const octets = (text: string): string => text.replace(/\r?\n/g, '\r\n')

describe('a first message in the invitation', () => {
  test('CPM-MED-003 goes on beside the offer to a device that says it takes it there, and is not said again', async () => {
    const stage = await openSessionStage()
    const [one, two] = [await openMsrpPhone(), await openMsrpPhone()]
    const [alice, bob] = [
      await stage.device('alice'),
      await stage.device('bob', `${features()};type="application/sdp,message/cpim"`),
    ]
    const { body, type } = withFirstMessage(one.sdp(), HELLO)
    const placed = alice.call(BOB, body, [ICSI, type])
    const call = await invited(bob)
    expect(header(call.invite, 'content-type')).toMatch(/^multipart\/mixed;boundary=/)
    expect(call.invite.body.toString()).toContain(octets(HELLO))
    expect(call.invite.body.toString()).toContain('m=message ')
    const [, here] = await Promise.all([call.accept(two.sdp({ setup: 'active' })), placed.established()])
    const fromAlice = await one.connectTo(here.made.body.toString())
    const fromBob = await two.connectTo(call.invite.body.toString())
    const sending = fromAlice.send('and then this')
    expect((await fromBob.receives()).body).toBe('and then this')
    await sending
    await Promise.all([one.close(), two.close()])
  })

  test('is the first thing said in the session to any other device; the way it asks for reports stays', async () => {
    const stage = await openSessionStage()
    const [one, two] = [await openMsrpPhone(), await openMsrpPhone()]
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
    const { body, type } = withFirstMessage(one.sdp(), HELLO)
    const placed = alice.call(BOB, body, [ICSI, type])
    const call = await invited(bob)
    expect(header(call.invite, 'content-type')).toBe('application/sdp')
    const [, here] = await Promise.all([call.accept(two.sdp({ setup: 'active' })), placed.established()])
    const fromAlice = await one.connectTo(here.made.body.toString())
    const sending = fromAlice.send('and then this')
    const fromBob = await two.connectTo(call.invite.body.toString())
    const first = await fromBob.receives()
    expect([first.headers.get('Content-Type'), first.body]).toEqual(['message/cpim', octets(HELLO)])
    expect((await fromBob.receives()).body).toBe('and then this')
    await sending
    await here.bye()
    await stage.nothingLeft()
    await Promise.all([one.close(), two.close()])
  })

  test('is said in the session all the same where it is long', async () => {
    const stage = await openSessionStage()
    const [one, two] = [await openMsrpPhone(), await openMsrpPhone()]
    const alice = await stage.device('alice')
    const bob = await stage.device('bob', `${features()};type="message/cpim"`)
    const long = cpim(ALICE, BOB, 'A long story. '.repeat(200))
    const { body, type } = withFirstMessage(one.sdp(), long)
    const placed = alice.call(BOB, body, [ICSI, type])
    const call = await invited(bob)
    expect(header(call.invite, 'content-type')).toBe('application/sdp')
    await Promise.all([call.accept(two.sdp({ setup: 'active' })), placed.established()])
    const fromBob = await two.connectTo(call.invite.body.toString())
    expect((await fromBob.receives()).body?.length).toBeGreaterThan(2_000)
    await Promise.all([one.close(), two.close()])
  })

  test('that the device does not take fails: its sender hears of it, as asked', async () => {
    const stage = await openSessionStage()
    const [one, two] = [await openMsrpPhone(), await openMsrpPhone()]
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
    const { body, type } = withFirstMessage(one.sdp(), HELLO)
    const placed = alice.call(BOB, body, [ICSI, type])
    const call = await invited(bob)
    const [, here] = await Promise.all([call.accept(two.sdp({ setup: 'active' })), placed.established()])
    const fromAlice = await one.connectTo(here.made.body.toString())
    const fromBob = await two.connectTo(call.invite.body.toString())
    await fromBob.receives('415 Unsupported Media Type')
    const { body: report = '' } = await fromAlice.receives()
    expect(report).toContain('<message-id>first-1</message-id>')
    expect(report).toContain('<failed/>')
    expect(report).toContain(`To: <${ALICE}>`)
    await Promise.all([one.close(), two.close()])
  })

  test('without a stream it could be said on, or that cannot be read, is refused, and nobody is invited', async () => {
    const stage = await openSessionStage()
    const [alice, bob] = [await stage.device('alice'), await stage.device('bob', features(['session'], ['audio']))]
    const mute = withFirstMessage(audio(), HELLO)
    expect((await alice.call(BOB, mute.body, [ICSI, mute.type]).final).status).toBe(488)
    const phone = await openMsrpPhone()
    const broken = withFirstMessage(phone.sdp(), 'From nobody')
    expect((await alice.call(BOB, broken.body, [ICSI, broken.type]).final).status).toBe(400)
    expect(bob.calls.items).toEqual([])
    await stage.nothingLeft()
    await phone.close()
  })
})
