import { expect, test } from 'vitest'
import type { SessionInvitation, SessionMessage, SessionSide } from '../../../adapters/contract/sessions.js'
import type { MessageId, Uri } from '../../../gateway/cpm/ids.js'
import { type Inbox, inbox } from '../../../scripts/rig/inbox.js'
import { assemble, hears } from './assemble.js'
import { answer, place, talkOf } from './phone.js'
import { aborted, type FocusStage, FRIENDS, openFocusStage, turn, uri } from './stage.js'
import { watch } from './watch.js'

const any = (): boolean => true
const ZOE = 'wv:zoe@imps.example' as Uri
const never = new AbortController().signal
const NO_SESSION = `sip:s-${'0'.repeat(32)}@groups.cpm.example` as Uri
const none = { delivered: false, failed: false, displayed: false }

/** The session of a service, played. */
interface PlayedSide {
  readonly side: SessionSide
  readonly told: Inbox<string>
  readonly said: Inbox<SessionMessage>
}

function playedSide(takes = true): PlayedSide {
  const told = inbox<string>((text) => text)
  const said = inbox<SessionMessage>(({ messageId }) => messageId)
  const side: SessionSide = {
    async say(message) {
      said.push(message)
      return takes ? { kind: 'taken' } : { kind: 'refused', reason: 'too-large', said: 'no' }
    },
    composing: ({ address }, state) => told.push(`composing ${address} ${state}`),
    report: (messageId, { address }, state) => told.push(`report ${messageId} ${address} ${state}`),
    joined: ({ address }) => told.push(`joined ${address}`),
    left: ({ address }) => told.push(`left ${address}`),
    async leave() {
      told.push('over')
    },
  }
  return { side, told, said }
}

const toZoe = (stage: FocusStage) => stage.outside.next('an invitation by a service', any)
const spoken = (text: string, more: Partial<SessionMessage> = {}): SessionMessage => ({
  messageId: `${text.replace(/\W/g, '')}-1` as MessageId,
  from: { address: ZOE, name: 'Zoe' },
  content: { type: 'text/plain', text },
  sentAt: Date.UTC(2026, 0, 1),
  reports: none,
  ...more,
})

test('FLOW-31 FLOW-31a FLOW-31b GRP-ADD-05: a member outside CPM is invited by a service; its answer is the 200, and both hear each other', async () => {
  const stage = await openFocusStage({ members: [uri('alice'), uri('bob'), ZOE] })
  const [alice, bob] = [await stage.phone('alice'), await stage.phone('bob')]
  const placed = place(alice, FRIENDS, {
    headers: [
      ['Subject', 'Saturday'],
      ['Conversation-ID', 'conv-1'],
    ],
  })
  const { invitation, ours, answer: reply } = await toZoe(stage)
  expect(invitation).toMatchObject({
    from: uri('alice'),
    target: ZOE,
    originator: { uri: FRIENDS },
    subject: 'Saturday',
    identities: { conversationId: 'conv-1' },
    group: { name: 'Friends' },
  })
  await placed.call.provisionals.next('180', ({ status }) => status === 180)
  expect(await ours.say(spoken('too early'))).toMatchObject({ kind: 'refused' })
  const { side, said, told } = playedSide()
  reply({ kind: 'accepted', side })
  const alices = await talkOf(alice, placed)
  expect(await alices.says('hello', { id: 'Msg-1', asks: 'positive-delivery, display' })).toBe('200')
  expect(await said.next('hello', any)).toMatchObject({
    messageId: 'Msg-1',
    from: { address: uri('alice'), name: 'Alice' },
    content: { type: 'text/plain', text: 'hello' },
    reports: { delivered: true, failed: false, displayed: true },
  })
  expect(await ours.say(spoken('good day', { reports: { ...none, displayed: true } }))).toEqual({ kind: 'taken' })
  const heard = await hears(alices, 'good day')
  expect(heard).toMatch(/^From: "Zoe" <wv:zoe@imps\.example>\r\nTo: <sip:s-/)
  expect(heard).toContain('imdn.Disposition-Notification: display')
  const bobs = await answer(bob, await bob.calls.next('INVITE', any))
  await told.next('Bob', (text) => text === `joined ${uri('bob')}`)
  await bobs.dialog.bye()
  await told.next('Bob', (text) => text === `left ${uri('bob')}`)
  await alices.dialog.bye()
  await told.next('the end', (text) => text === 'over')
  await stage.quiet()
  expect(stage.faults).toEqual([])
})

test('who came or left while a service was asked is told to it with its yes, each once', async () => {
  const stage = await openFocusStage({ members: [uri('alice'), uri('bob'), uri('carol'), uri('dave'), ZOE] })
  const [alice, bob, carol] = [await stage.phone('alice'), await stage.phone('bob'), await stage.phone('carol')]
  const placed = place(alice, FRIENDS)
  const bobs = await answer(bob, await bob.calls.next('INVITE', any))
  const alices = await talkOf(alice, placed)
  const first = await toZoe(stage)
  expect(first.invitation.group?.participants).toEqual([])
  const carols = await answer(carol, await carol.calls.next('INVITE', any))
  await bobs.dialog.bye()
  const { side, told } = playedSide()
  first.answer({ kind: 'accepted', side })
  for (const name of ['alice', 'carol']) await told.next(name, (text) => text === `joined ${uri(name)}`)
  await carols.dialog.bye()
  await told.next('carol', (text) => text === `left ${uri('carol')}`)
  expect(told.items).toEqual([])
  await alices.dialog.bye()
})

test('GRP-ADD-05 who was there when a service was asked is not told to it again, and who has gone meanwhile has left', async () => {
  const stage = await openFocusStage({ members: [uri('alice'), uri('bob'), uri('carol'), ZOE] })
  const { alice, bob } = await assemble(stage, ['alice', 'bob'])
  const subscription = await watch(stage, 'alice', alice.talk.identity)
  ;(await toZoe(stage)).answer({ kind: 'refused', reason: 'refused-by-recipient', said: 'no' })
  await subscription.until({ [ZOE]: 'disconnected failed' })
  await alice.talk.dialog.request('REFER', [
    ['Refer-To', `<${ZOE}>`],
    ['Refer-Sub', 'false'],
  ])
  const { invitation, answer: reply } = await toZoe(stage)
  const there = invitation.group?.participants.map(({ address }) => address)
  expect(there?.toSorted()).toEqual([uri('alice'), uri('bob')])
  const carol = await stage.phone('carol')
  const carols = await talkOf(carol, place(carol, FRIENDS))
  await bob.talk.dialog.bye()
  const { side, told } = playedSide()
  reply({ kind: 'accepted', side })
  await subscription.until({ [ZOE]: 'connected', [uri('bob')]: 'disconnected departed' })
  expect(told.items.toSorted()).toEqual([`joined ${uri('carol')}`, `left ${uri('bob')}`])
  await Promise.all([alice.talk.dialog.bye(), carols.dialog.bye()])
  await stage.quiet()
})

test('FN-05 one who leaves with his yes is not in it', async () => {
  const stage = await openFocusStage({ members: [uri('alice'), uri('bob'), ZOE] })
  const { alice, bob } = await assemble(stage, ['alice', 'bob'])
  const subscription = await watch(stage, 'alice', alice.talk.identity)
  await subscription.until({ [ZOE]: 'alerting' })
  const { ours, answer: reply } = await toZoe(stage)
  const { side, said } = playedSide()
  reply({ kind: 'accepted', side })
  await ours.leave()
  await subscription.until({ [ZOE]: 'disconnected departed' })
  await alice.talk.says('anybody?')
  await hears(bob.talk, 'anybody?')
  expect(said.items).toEqual([])
  await alice.talk.dialog.bye()
  await bob.talk.next('BYE')
  await stage.quiet()
})

test('what becomes of messages is reported both ways as IMDNs within the session', async () => {
  const stage = await openFocusStage({ members: [uri('alice'), uri('bob'), ZOE] })
  const { alice, bob } = await assemble(stage, ['alice', 'bob'])
  const { side, told } = playedSide()
  const { ours, answer: reply } = await toZoe(stage)
  reply({ kind: 'accepted', side })
  await turn()
  await alice.talk.says('hello', { id: 'Msg-1', asks: 'positive-delivery' })
  await hears(bob.talk, 'hello')
  ours.report('Msg-1' as MessageId, { address: ZOE }, 'displayed')
  ours.report('Msg-1' as MessageId, { address: ZOE }, 'delivered')
  const imdn = await alice.talk.heard.next('an IMDN', (text) => text.includes('imdn+xml'))
  expect(imdn).toContain('<message-id>Msg-1</message-id>')
  expect(imdn).toContain('<recipient-uri>wv:zoe@imps.example</recipient-uri>')
  expect(imdn).toContain('<delivered/>')
  expect(bob.talk.heard.items).toEqual([])
  await ours.say(spoken('question', { reports: { ...none, delivered: true } }))
  await hears(alice.talk, 'question')
  const report = [
    '<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>question-1</message-id><datetime>2026-01-01T00:00:00Z</datetime>',
    `<recipient-uri>${uri('alice')}</recipient-uri><delivery-notification><status><delivered/></status></delivery-notification></imdn>`,
  ].join('')
  expect(await alice.talk.says(report, { type: 'message/imdn+xml', to: ZOE })).toBe('200')
  await told.next('a report', (text) => text === `report question-1 ${uri('alice')} delivered`)
})

test('that somebody writes goes both ways; what a service does not take is reported as failed, if it was asked', async () => {
  const stage = await openFocusStage({ members: [uri('alice'), uri('bob'), ZOE] })
  const { alice, bob } = await assemble(stage, ['alice', 'bob'])
  const { side, told } = playedSide(false)
  const { ours, answer: reply } = await toZoe(stage)
  reply({ kind: 'accepted', side })
  await turn()
  ours.composing({ address: ZOE }, 'active')
  expect(await bob.talk.heard.next('isComposing', any)).toContain('<state>active</state>')
  const document = '<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>idle</state></isComposing>'
  await alice.talk.says(document, { type: 'application/im-iscomposing+xml' })
  await told.next('composing', (text) => text === `composing ${uri('alice')} idle`)
  await alice.talk.says('no room', { id: 'Msg-2', asks: 'negative-delivery' })
  expect(await alice.talk.heard.next('an IMDN', (text) => text.includes('imdn+xml'))).toContain('<failed/>')
})

test('a service says no, or too late: the others go on', async () => {
  const stage = await openFocusStage({ members: [uri('alice'), uri('bob'), ZOE] })
  const { alice, bob } = await assemble(stage, ['alice', 'bob'])
  const subscription = await watch(stage, 'alice', alice.talk.identity)
  await subscription.until({ [ZOE]: 'alerting' })
  const asked = await toZoe(stage)
  asked.answer({ kind: 'refused', reason: 'refused-by-recipient', said: 'no' })
  await subscription.until({ [ZOE]: 'disconnected failed' })
  await alice.talk.dialog.request('REFER', [
    ['Refer-To', `<${ZOE}>`],
    ['Refer-Sub', 'false'],
  ])
  const again = await toZoe(stage)
  await Promise.all([alice.talk.dialog.bye(), bob.talk.dialog.bye()])
  await aborted(again.withdrawn)
  const late = playedSide()
  again.answer({ kind: 'accepted', side: late.side })
  await late.told.next('the end', (text) => text === 'over')
  await stage.quiet()
})

test('a member outside comes by himself, leaves by himself, and is kept out where he may not come', async () => {
  const stage = await openFocusStage({ members: [uri('alice'), uri('bob'), ZOE] })
  const invitation = {
    id: 'i-1',
    from: ZOE,
    fromName: 'Zoe',
    to: FRIENDS as Uri,
    expiresAt: Date.now() + 60_000,
  } satisfies SessionInvitation
  const early = await stage.focus().joinOutside({ ...invitation, to: NO_SESSION }, playedSide().side, never)
  expect(early).toMatchObject({ kind: 'refused' })
  const { alice, bob } = await assemble(stage, ['alice', 'bob'])
  const { side, said, told } = playedSide()
  const joined = await stage.focus().joinOutside(invitation, side, never)
  if (joined.kind !== 'accepted') throw new Error(joined.said)
  expect((await toZoe(stage)).withdrawn.aborted).toBe(true)
  for (const name of ['alice', 'bob']) await told.next(name, (text) => text === `joined ${uri(name)}`)
  await alice.talk.says('welcome')
  await said.next('welcome', any)
  await joined.side.leave()
  await alice.talk.says('gone?')
  await hears(bob.talk, 'gone?')
  expect(said.items).toEqual([])
  const stranger = { ...invitation, from: 'wv:stranger@imps.example' as Uri }
  expect(await stage.focus().joinOutside(stranger, side, never)).toMatchObject({
    kind: 'refused',
    reason: 'sender-not-allowed',
  })
})

const fromZoe = (stage: FocusStage, theirs: SessionSide, withdrawn = never) =>
  stage
    .focus()
    .joinOutside(
      { id: 'i-2', from: ZOE, fromName: 'Zoe', to: FRIENDS as Uri, subject: 'Tea', expiresAt: Date.now() + 60_000 },
      theirs,
      withdrawn,
    )

test('IWF-SESS-03 CF-GRP-02 a member outside begins the session of the group: the others are invited, the first who comes lets her in', async () => {
  const stage = await openFocusStage({ members: [uri('alice'), uri('bob'), ZOE] })
  const [alice, bob] = [await stage.phone('alice'), await stage.phone('bob')]
  const { side, said, told } = playedSide()
  const withdraw = new AbortController()
  const joined = fromZoe(stage, side, withdraw.signal)
  const coming = await alice.calls.next('INVITE', any)
  expect(coming.invite.body.toString()).toContain('m=message')
  const alices = await answer(alice, coming)
  const answered = await joined
  if (answered.kind !== 'accepted') throw new Error(answered.said)
  // What has been answered cannot be taken back.
  withdraw.abort()
  await told.next('alice', (text) => text === `joined ${uri('alice')}`)
  await answered.side.say(spoken('shall we?'))
  expect(await hears(alices, 'shall we?')).toContain('<wv:zoe@imps.example>')
  await alices.says('yes')
  await said.next('yes', any)
  const bobs = await answer(bob, await bob.calls.next('INVITE', any))
  await told.next('bob', (text) => text === `joined ${uri('bob')}`)
  await answered.side.leave()
  await Promise.all([alices.dialog.bye(), bobs.dialog.bye()])
  await stage.quiet()
  expect(stage.faults).toEqual([])
})

test('IWF-SESS-04 nobody comes or is there, she takes it back, or she may not: she hears why, and nothing is left', async () => {
  const stage = await openFocusStage({ members: [uri('alice'), ZOE] })
  const alice = await stage.phone('alice')
  const refused = fromZoe(stage, playedSide().side)
  ;(await alice.calls.next('INVITE', any)).refuse(603)
  expect(await refused).toMatchObject({ kind: 'refused', reason: 'recipient-unavailable' })
  await stage.quiet()
  const withdraw = new AbortController()
  const withdrawn = fromZoe(stage, playedSide().side, withdraw.signal)
  const coming = await alice.calls.next('INVITE', any)
  coming.progress(180)
  await turn()
  withdraw.abort()
  expect(await withdrawn).toMatchObject({ kind: 'refused' })
  await coming.cancelled
  await stage.quiet()
  const stranger = await openFocusStage({ members: [uri('alice')] })
  expect(await fromZoe(stranger, playedSide().side)).toMatchObject({ kind: 'refused', reason: 'sender-not-allowed' })
  await stranger.quiet()
  const alone = await openFocusStage({ members: [ZOE] })
  for (const _ of ['first', 'again']) {
    const nobody = fromZoe(alone, playedSide().side)
    expect(await nobody).toMatchObject({ kind: 'refused', said: 'nobody can be invited' })
    await alone.quiet()
  }
  expect(stage.faults).toEqual([])
})
