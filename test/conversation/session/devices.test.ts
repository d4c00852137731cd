import { describe, expect, test } from 'vitest'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { header } from '../../../scripts/rig/sip-text.js'
import { openMsrpPhone } from './msrp-phone.js'
import { features, openSessionStage } from './stage.js'
import { audio, BOB, ICSI, invited } from './talk.js'

describe('several devices', () => {
  test('FLOW-07, FLOW-07a, FLOW-07b: all ring, one 180 goes up, the first answer wins and the others are cancelled', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const [one, two] = [await stage.device('bob'), await stage.device('bob')]
    const phone = await openMsrpPhone()
    const placed = alice.call(BOB, phone.sdp(), [ICSI])
    const [first, second] = [await invited(one), await invited(two)]
    first.progress(180)
    second.progress(180)
    await placed.provisionals.next('180', () => true)
    const [there, here] = await Promise.all([first.accept(phone.sdp({ setup: 'active' })), placed.established()])
    expect(header(await second.cancelled, 'reason')).toContain('Call completed elsewhere')
    expect(placed.provisionals.items).toEqual([])
    await here.bye()
    await there.requests.next('BYE', () => true)
    await stage.nothingLeft()
    await phone.close()
  })

  test('two that answer at the same moment: one is left', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const [one, two] = [await stage.device('bob'), await stage.device('bob')]
    const phone = await openMsrpPhone()
    const placed = alice.call(BOB, phone.sdp(), [ICSI])
    const [first, second] = [await invited(one), await invited(two)]
    const dialogs = Promise.all([
      first.accept(phone.sdp({ setup: 'active' })),
      second.accept(phone.sdp({ setup: 'active' })),
    ])
    await placed.established()
    const [here, there] = await dialogs
    await Promise.race([here, there].map((dialog) => dialog.requests.next('BYE', () => true)))
    await expect.poll(() => stage.edge.sessions.legs()).toBe(2)
    await phone.close()
  })

  test('a refusal for all of them (6xx) ends it at once; one that is busy does not', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const [one, two] = [await stage.device('bob'), await stage.device('bob')]
    const phone = await openMsrpPhone()
    const placed = alice.call(BOB, phone.sdp(), [ICSI])
    const [first, second] = [await invited(one), await invited(two)]
    second.progress(180)
    first.refuse(603)
    await second.cancelled
    expect((await placed.final).status).toBe(603)
    const again = alice.call(BOB, phone.sdp(), [ICSI])
    ;(await invited(one)).refuse(486)
    ;(await invited(two)).refuse(480)
    expect((await again.final).status).toBe(486)
    await phone.close()
  })

  test('GRP-TERM-02: a device without the offered media, without the service, or excluded by its user, is not asked', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const withAudio = await stage.device('bob', features(['session'], ['audio']))
    const without = await stage.device('bob', features(['session']))
    const messagesOnly = await stage.device('bob', features(['msg']))
    const placed = alice.call(BOB, audio(), [ICSI])
    const call = await invited(withAudio)
    call.refuse(603)
    expect((await placed.final).status).toBe(603)
    expect([without.calls.items.length, messagesOnly.calls.items.length]).toEqual([0, 0])
  })

  test('nobody registered, or nobody fit: 480', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    const phone = await openMsrpPhone()
    expect((await alice.call(BOB, phone.sdp(), [ICSI]).final).status).toBe(480)
    await stage.device('bob', features(['msg']))
    expect((await alice.call(BOB, phone.sdp(), [ICSI]).final).status).toBe(480)
    await phone.close()
  })

  test('a user who is away and wants another service then is handed to it, as is who is outside CPM', async () => {
    const asked: (readonly [Uri, boolean])[] = []
    const stage = await openSessionStage({
      preferences: { bob: { unavailable: 'interwork', services: [{ service: 'sms' }] } },
      played: {
        async interwork(call, target, recipient) {
          asked.push([target, recipient !== undefined])
          call.reject({ status: 603 })
        },
      },
    })
    const alice = await stage.device('alice')
    const phone = await openMsrpPhone()
    expect((await alice.call(BOB, phone.sdp(), [ICSI]).final).status).toBe(603)
    // SESS-05: the schemes of those outside.
    const outside = ['tel:+12065559999', 'wv:bob@imps.example', 'mailto:bob@mail.example', 'xmpp:bob@xmpp.example']
    for (const target of outside) expect((await alice.call(target, phone.sdp(), [ICSI]).final).status).toBe(603)
    expect(asked).toEqual([['sip:bob@cpm.example', true], ...outside.map((target) => [target, false])])
    await phone.close()
  })

  test('nobody outside CPM can be invited where nothing leads there', async () => {
    const stage = await openSessionStage()
    const alice = await stage.device('alice')
    expect((await alice.call('tel:+12065559999', audio(), [ICSI]).final).status).toBe(404)
  })

  test('a group invitation goes to the focus', async () => {
    const stage = await openSessionStage({
      focus: {
        takes: ({ listed }) => listed === undefined,
        invited: async (call) => call.reject({ status: 486 }),
      },
    })
    const alice = await stage.device('alice')
    expect((await alice.call('sip:friends@cpm.example', audio(), [ICSI]).final).status).toBe(486)
  })
})
