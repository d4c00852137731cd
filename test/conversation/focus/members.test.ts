import { describe, expect, test } from 'vitest'
import type { SessionAgent } from '../../../scripts/rig/session-agent.js'
import { header } from '../../../scripts/rig/sip-text.js'
import { assemble, hears } from './assemble.js'
import { answer, cpim, place, type Talk } from './phone.js'
import { aborted, openFocusStage, turn, uri } from './stage.js'

const any = (): boolean => true
const SILENT: [string, string] = ['Refer-Sub', 'false']

const refer = (talk: Talk, target: string, ...headers: [string, string][]) =>
  talk.dialog.request('REFER', [['Refer-To', `<${target}>`], ...headers])

async function outcome(talk: Talk): Promise<string> {
  const notify = await talk.next('NOTIFY')
  notify.answer(200)
  return notify.request.body.toString().trim()
}

describe('adding', () => {
  test('FLOW-08 GRP-ADD-01 GRP-ADD-02 GRP-ADD-03 GRP-ADD-05 GRP-ADD-06 CPM-CONV-012: 200, then the INVITE, then a NOTIFY with the outcome', async () => {
    const stage = await openFocusStage()
    const { alice, bob } = await assemble(stage, ['alice', 'bob'])
    const dave = await stage.phone('dave')
    expect((await refer(bob.talk, uri('dave'))).status).toBe(200)
    const toDave = await dave.calls.next('INVITE', any)
    expect(header(toDave.invite, 'referred-by')).toBe(`<${uri('bob')}>`)
    expect(header(toDave.invite, 'contact')).toContain(`<${alice.talk.identity}>;isfocus`)
    const daves = await answer(dave, toDave)
    expect(await outcome(bob.talk)).toBe('SIP/2.0 200 OK')
    await daves.says('thanks')
    await Promise.all([hears(alice.talk, 'thanks'), hears(bob.talk, 'thanks')])
  })

  test('GRP-ADD-06: the referrer hears of a refusal', async () => {
    const stage = await openFocusStage()
    const { bob } = await assemble(stage, ['alice', 'bob'])
    const dave = await stage.phone('dave')
    await refer(bob.talk, uri('dave'))
    ;(await dave.calls.next('INVITE', any)).refuse(603)
    expect(await outcome(bob.talk)).toMatch(/^SIP\/2\.0 603/)
  })

  test('GRP-ADD-02: several by a list, without NOTIFY when none is wanted', async () => {
    const stage = await openFocusStage()
    const { alice } = await assemble(stage, ['alice', 'bob'])
    const [dave, erin] = [await stage.phone('dave'), await stage.phone('erin')]
    const entries = [dave, erin].map((agent) => `<entry uri="${agent.uri}"/>`).join('')
    const list = `<?xml version="1.0"?><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>${entries}</list></resource-lists>`
    const answered = await alice.talk.dialog.request(
      'REFER',
      [
        ['Refer-To', '<cid:l1@cpm.example>'],
        ['Require', 'multiple-refer, norefersub'],
        SILENT,
        ['Content-Type', 'application/resource-lists+xml'],
        ['Content-ID', '<l1@cpm.example>'],
      ],
      list,
    )
    expect(answered.status).toBe(200)
    const daves = await answer(dave, await dave.calls.next('INVITE', any))
    const erins = await answer(erin, await erin.calls.next('INVITE', any))
    await daves.says('hi')
    await hears(erins, 'hi')
    expect(alice.talk.dialog.requests.items).toEqual([])
  })

  test('GRP-ADD-01: out of the dialog, to the session identity; not by one who is not in it', async () => {
    const stage = await openFocusStage()
    const { alice } = await assemble(stage, ['alice', 'bob'])
    const dave = await stage.phone('dave')
    const ask = (agent: SessionAgent, target: string, whom: string) =>
      agent.ask('REFER', target, [['Refer-To', `<${whom}>`], SILENT, ['Contact', `<${agent.contact}>`]])
    expect((await ask(dave, alice.talk.identity, uri('erin'))).status).toBe(403)
    expect((await ask(alice.agent, `sip:s-${'0'.repeat(32)}@cpm.example`, uri('dave'))).status).toBe(404)
    expect((await ask(alice.agent, alice.talk.identity, uri('dave'))).status).toBe(200)
    await answer(dave, await dave.calls.next('INVITE', any))
  })

  test('GRP-ADD-04 FLOW-08a: without the right 403, at the maximum 403 and no INVITE', async () => {
    const strict = await openFocusStage({ policies: { invite: 'originator' } })
    const one = await assemble(strict, ['alice', 'bob'])
    expect((await refer(one.bob.talk, uri('dave'))).status).toBe(403)
    const full = await openFocusStage({ policies: { maxParticipants: 3 }, members: ['alice', 'bob'].map(uri) })
    const other = await assemble(full, ['alice', 'bob'])
    const [dave, erin] = [await full.phone('dave'), await full.phone('erin')]
    await refer(other.alice.talk, uri('dave'), SILENT)
    await answer(dave, await dave.calls.next('INVITE', any))
    expect((await refer(other.alice.talk, uri('erin'), SILENT)).status).toBe(403)
    expect(erin.calls.items).toEqual([])
  })
})

describe('removing and leaving', () => {
  test('FLOW-10 FLOW-11 GRP-RM-01 GRP-RM-02 GRP-RM-05 GRP-REL-02 GRP-REL-03 GRP-LEAVE-04 CPM-CONV-019: 200, then a BYE; the removed one hears nothing more, and cannot come back by himself', async () => {
    const stage = await openFocusStage()
    const { alice, bob, carol } = await assemble(stage, ['alice', 'bob', 'carol'])
    expect((await refer(alice.talk, `${uri('bob')};method=BYE`)).status).toBe(200)
    expect(header((await bob.talk.next('BYE')).request, 'reason')).toContain('removed')
    expect(await outcome(alice.talk)).toBe('SIP/2.0 200 OK')
    expect(await bob.talk.sendsAnew(cpim(uri('bob'), alice.talk.identity, 'still here'))).toBe('481')
    await alice.talk.says('he is gone')
    await hears(carol.talk, 'he is gone')
    expect(bob.talk.heard.items).toEqual([])
    expect((await place(bob.agent, alice.talk.identity).call.final).status).toBe(403)
    await refer(alice.talk, uri('bob'), SILENT)
    const again = await answer(bob.agent, await bob.agent.calls.next('INVITE', any))
    await alice.talk.says('back')
    await hears(again, 'back')
  })

  test('GRP-RM-04: without the right 403, and the other is still in; nobody of that name 404', async () => {
    const stage = await openFocusStage()
    const { alice, bob, carol } = await assemble(stage, ['alice', 'bob', 'carol'])
    expect((await refer(bob.talk, `${uri('carol')};method=BYE`)).status).toBe(403)
    expect((await refer(alice.talk, `${uri('dave')};method=BYE`)).status).toBe(404)
    await alice.talk.says('all here')
    await Promise.all([hears(bob.talk, 'all here'), hears(carol.talk, 'all here')])
  })

  test('GRP-RM-05: one who is still being called is not called any more', async () => {
    const stage = await openFocusStage()
    const { alice } = await assemble(stage, ['alice', 'bob'])
    const dave = await stage.phone('dave')
    await refer(alice.talk, uri('dave'), SILENT)
    const toDave = await dave.calls.next('INVITE', any)
    toDave.progress(180)
    await refer(alice.talk, `${uri('dave')};method=BYE`, SILENT)
    await toDave.cancelled
  })

  test('FLOW-09 GRP-LEAVE-01 GRP-LEAVE-03 GRP-LEAVE-04 GRP-LEAVE-05: a member leaves, the others go on; the last two end it', async () => {
    const stage = await openFocusStage()
    const { alice, bob, carol } = await assemble(stage, ['alice', 'bob', 'carol'])
    expect((await alice.talk.dialog.bye()).status).toBe(200)
    expect(await alice.talk.sendsAnew(cpim(uri('alice'), alice.talk.identity, 'one more'))).toBe('481')
    await bob.talk.says('still two')
    await hears(carol.talk, 'still two')
    await bob.talk.dialog.bye()
    await carol.talk.next('BYE')
    await stage.quiet()
    expect(stage.events.filter((event) => event === 'ended')).toHaveLength(1)
  })

  test('GRP-LEAVE-05 GRP-REL-01: where policy says so the session ends with who began it', async () => {
    const stage = await openFocusStage({ policies: { endWithOriginator: true } })
    const { alice, bob, carol } = await assemble(stage, ['alice', 'bob', 'carol'])
    await alice.talk.dialog.bye()
    await Promise.all([bob.talk.next('BYE'), carol.talk.next('BYE')])
    await stage.quiet()
  })

  test('a member whose connection breaks is released, and the others go on', async () => {
    const stage = await openFocusStage()
    const { alice, bob, carol } = await assemble(stage, ['alice', 'bob', 'carol'])
    bob.talk.connection.says('MSRP half SEND\nTo-Path: ')
    await turn()
    bob.talk.connection.close()
    await bob.talk.next('BYE')
    await alice.talk.says('we two')
    await hears(carol.talk, 'we two')
    expect(stage.faults).toEqual([])
  })

  test('the end takes back what was being asked of members outside', async () => {
    const stage = await openFocusStage({ members: [...['alice', 'bob'].map(uri), 'wv:zoe@imps.example'] })
    const { alice, bob } = await assemble(stage, ['alice', 'bob'])
    const asked = await stage.outside.next('an invitation by a service', any)
    await Promise.all([alice.talk.dialog.bye(), bob.talk.dialog.bye()])
    await aborted(asked.withdrawn)
    await stage.quiet()
  })
})
