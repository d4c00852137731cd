import { describe, expect, test } from 'vitest'
import type { SessionAnswer, SessionInvitation, SessionPort, SessionSide } from '../../../adapters/contract/index.js'
import type { ConversationId, MessageId, Uri } from '../../../gateway/cpm/ids.js'
import { inbox } from '../rig.js'
import { ALICE, HANDSET } from '../support.js'
import {
  ALICE_NUMBER,
  GROUP,
  type PlayedSide,
  playedSide,
  type SessionRigOptions,
  spoken,
  startSessionRig,
  toGroup,
} from './stage.js'

interface Asked {
  readonly invitation: SessionInvitation
  readonly ours: SessionSide
  readonly withdrawn: AbortSignal
  answer(given: SessionAnswer): void
}

/** A service with sessions, played. */
function playedSessions() {
  const asked = inbox<Asked>()
  const port: SessionPort = {
    invite: (invitation, ours, withdrawn) =>
      new Promise((resolve) => asked.put({ invitation, ours, withdrawn, answer: resolve })),
  }
  return { asked, port }
}

async function withSessions(options: SessionRigOptions = {}) {
  const { asked, port } = playedSessions()
  const rig = await startSessionRig({ services: { sms: {}, im: {} }, native: { im: port }, ...options })
  return { rig, asked }
}

describe('a service with sessions', () => {
  test('IWF-SESS-01 ISF-01 it is chosen before one without, and asked in its own terms', async () => {
    const { rig, asked } = await withSessions()
    const invited = rig.invite({ subject: 'Lunch' })
    const { invitation } = await asked.next()
    expect(invitation).toEqual({
      id: 'invitation-1',
      from: ALICE_NUMBER,
      fromName: 'Alice',
      to: HANDSET,
      subject: 'Lunch',
      conversationId: 'conv-1',
      expiresAt: rig.clock.now() + 300_000,
    })
    expect(invited.ringing).toBe(1)
    expect(rig.quiet()).toBe(true)
  })

  test('IWF-SESS-02 its yes is the session, both ways, until one side leaves', async () => {
    const { rig, asked } = await withSessions()
    const { answer, ours } = rig.invite()
    const theirs = playedSide()
    const call = await asked.next()
    call.answer({ kind: 'accepted', side: theirs })
    const given = await answer
    if (given.kind !== 'accepted') throw new Error('refused')
    const message = spoken('hello', 'Alice', { from: { address: ALICE_NUMBER } })
    expect(await given.side.say(message)).toEqual({ kind: 'taken' })
    expect(await theirs.heard.next()).toEqual(message)
    await call.ours.say(spoken('hi back', 'Carol'))
    expect((await ours.heard.next()).from.name).toBe('Carol')
    call.ours.report(message.messageId, { address: HANDSET }, 'delivered')
    expect(await ours.reports.next()).toBe(`${message.messageId} ${HANDSET} delivered`)
    given.side.report('m-1' as MessageId, { address: ALICE }, 'displayed')
    expect(await theirs.reports.next()).toMatch(/displayed$/)
    await call.ours.leave()
    await call.ours.leave()
    expect(await ours.ends.next()).toBe('left')
    expect(ours.ends.length).toBe(0)
    expect(await call.ours.say(message)).toMatchObject({ kind: 'refused' })
    await given.side.leave('deleted')
    expect(await theirs.ends.next()).toBe('deleted')
  })

  test('IWF-SESS-02 its no is the no, and no other service is asked then', async () => {
    const { rig, asked } = await withSessions()
    const { answer } = rig.invite()
    ;(await asked.next()).answer({ kind: 'refused', reason: 'refused-by-recipient', said: 'no' })
    expect(await answer).toEqual({ kind: 'refused', reason: 'refused-by-recipient', said: 'no' })
    expect(rig.quiet()).toBe(true)
  })

  test('IWF-SESS-02 its silence ends with the invitation; a yes after that ends at once', async () => {
    const { rig, asked } = await withSessions()
    const { answer } = rig.invite({ expiresAt: rig.clock.now() + 60_000 })
    const call = await asked.next()
    rig.clock.advance(60_000)
    expect(await answer).toMatchObject({ kind: 'refused', reason: 'expired' })
    expect(call.withdrawn.aborted).toBe(true)
    const late = playedSide()
    call.answer({ kind: 'accepted', side: late })
    expect(await late.ends.next()).toBe('expired')
  })

  test('IWF-SESS-01 an invitation taken back is taken back there', async () => {
    const { rig, asked } = await withSessions()
    const { answer, withdraw } = rig.invite()
    const call = await asked.next()
    withdraw.abort()
    expect(call.withdrawn.aborted).toBe(true)
    expect(await answer).toMatchObject({ kind: 'refused', reason: 'deleted' })
  })

  test('IW-08 where nobody could be asked the next service is tried: he is asked by a message', async () => {
    const { rig, asked } = await withSessions()
    const { answer } = rig.invite()
    ;(await asked.next()).answer({ kind: 'refused', reason: 'unknown-recipient', said: 'no such user' })
    expect(await rig.text()).toMatch(/^Alice invites you/)
    await rig.reply('yes')
    expect((await answer).kind).toBe('accepted')
  })

  test('an adapter that fails is a refusal, and nothing more', async () => {
    const native = { im: { invite: () => Promise.reject(new Error('broken')) } }
    const rig = await startSessionRig({ services: { im: {} }, native })
    expect(await rig.sessions?.invite(...call(rig))).toMatchObject({
      kind: 'refused',
      reason: 'internal',
      said: 'broken',
    })
  })

  test('ISF-05 the recipient’s order counts more than sessions', async () => {
    const { rig, asked } = await withSessions()
    rig.invite({ recipient: { services: [{ service: 'sms' as never }], addresses: [HANDSET] } })
    await rig.text()
    expect(asked.length).toBe(0)
  })

  test('IWF-SESS-02 a group is shown with its members by what they are called there', async () => {
    const fixed = { [GROUP]: 'tel:+19990001', 'sip:bob@cpm.example': 'tel:+19990002' }
    const { rig, asked } = await withSessions({ services: { im: { addresses: { fixed } } } })
    const { answer } = rig.invite(toGroup())
    const { invitation, answer: give } = await asked.next()
    expect(invitation.group?.address).toBe('tel:+19990001')
    expect(invitation.group?.participants.map(({ address }) => address)).toEqual([
      ALICE,
      'tel:+19990002',
      'tel:+12065550103',
    ])
    give({ kind: 'refused', reason: 'busy', said: '' })
    expect(await answer).toMatchObject({ reason: 'busy' })
  })
})

function call(rig: Awaited<ReturnType<typeof startSessionRig>>) {
  const invitation = {
    id: 'x',
    function: 'orig' as const,
    originator: { uri: ALICE, addresses: [ALICE, ALICE_NUMBER] },
    from: ALICE,
    target: HANDSET,
    identities: { conversationId: 'c' as ConversationId },
    privacy: false,
    expiresAt: rig.clock.now() + 1_000,
  }
  return [invitation, playedSide(), new AbortController().signal, () => undefined] as const
}

describe('a service invites', () => {
  const invitation = (over: Partial<SessionInvitation> = {}): SessionInvitation => ({
    id: 'in-1',
    from: HANDSET,
    fromName: 'Harry',
    to: ALICE_NUMBER,
    expiresAt: Date.now() + 60_000,
    ...over,
  })
  const invite = (
    rig: Awaited<ReturnType<typeof startSessionRig>>,
    theirs: PlayedSide,
    over: Partial<SessionInvitation> = {},
    signal = new AbortController().signal,
  ) => {
    const port = rig.play('im').invite
    if (!port) throw new Error('sessions are not taken')
    return port(invitation(over), theirs, signal)
  }

  test('IWF-SESS-03 IWF-SESS-04 the CPM user behind the address is invited, and his answer goes back', async () => {
    const asked = inbox<unknown>()
    const alice = playedSide()
    const { rig } = await withSessions({
      user: async (inbound) => {
        asked.put(inbound)
        return { kind: 'accepted', side: alice }
      },
    })
    const answer = await invite(rig, playedSide())
    expect(await asked.next()).toEqual({ ...invitation(), expiresAt: expect.any(Number), to: ALICE, service: 'im' })
    if (answer.kind !== 'accepted') throw new Error('refused')
    await answer.side.say(spoken('hello', 'Harry'))
    expect((await alice.heard.next()).content).toMatchObject({ text: 'hello' })
    await answer.side.leave()
    expect(await alice.ends.next()).toBe('left')
  })

  test.each(['refused-by-recipient', 'timeout', 'recipient-unavailable'] as const)(
    'IWF-SESS-04 %s is told to the service',
    async (reason) => {
      const { rig } = await withSessions({ user: async () => ({ kind: 'refused', reason, said: 'as played' }) })
      expect(await invite(rig, playedSide())).toEqual({ kind: 'refused', reason, said: 'as played' })
    },
  )

  test('IWF-SESS-03 a group is joined at its focus', async () => {
    const joined: Uri[] = []
    const { rig } = await withSessions({
      isGroup: (address) => address === GROUP,
      services: { sms: {}, im: { addresses: { fixed: { [GROUP]: 'tel:+19990001' } } } },
      group: async ({ to }) => {
        joined.push(to)
        return { kind: 'accepted', side: playedSide() }
      },
    })
    const to = 'tel:+19990001' as Uri
    const coming = { to, group: { address: to, participants: [] } }
    expect((await invite(rig, playedSide(), coming)).kind).toBe('accepted')
    expect(joined).toEqual([GROUP])
    expect(await invite(rig, playedSide(), { to })).toMatchObject({ reason: 'service-unsupported' })
    const { rig: without } = await withSessions({
      isGroup: () => true,
      services: { sms: {}, im: { addresses: { fixed: { [GROUP]: 'tel:+19990001' } } } },
    })
    expect(await invite(without, playedSide(), coming)).toMatchObject({
      reason: 'service-unsupported',
    })
  })

  test('nobody behind the address: unknown', async () => {
    const { rig } = await withSessions()
    expect(await invite(rig, playedSide(), { to: 'tel:+19998887777' as Uri })).toMatchObject({
      reason: 'unknown-recipient',
    })
  })
})
