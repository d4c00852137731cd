import { describe, expect, test } from 'vitest'
import type { SessionAnswer } from '../../../adapters/contract/index.js'
import type { MessageId, Uri } from '../../../gateway/cpm/ids.js'
import { manualClock } from '../../contract-kit/clock.js'
import { receipt, taken } from '../rig.js'
import { HANDSET } from '../support.js'
import { ALICE_NUMBER, POOL, playedSide, spoken, startSessionRig, toGroup } from './stage.js'

const sideOf = (answer: SessionAnswer) => {
  if (answer.kind !== 'accepted') throw new Error(`refused: ${answer.reason}`)
  return answer.side
}
const OTHER = 'sip:rivals@groups.cpm.example' as Uri

describe('CPM-IWF-008 a service without sessions', () => {
  test('SLS-01 IWF-SESS-01 IWF-SESS-02 by preference he is accepted at once, and told how it works', async () => {
    const rig = await startSessionRig({ preference: 'accept' })
    const { answer, ringing } = rig.invite({ subject: 'Lunch' })
    expect((await answer).kind).toBe('accepted')
    expect(ringing).toBe(0)
    const sms = await rig.sms()
    expect(sms).toMatchObject({ from: ALICE_NUMBER, to: HANDSET })
    expect(sms.content).toMatchObject({ text: expect.stringMatching(/^Alice has begun .*"Lunch".*STOP ends it\.$/) })
  })

  test.each([
    [488, 'content-unsupported'],
    [603, 'refused-by-recipient'],
  ])('SLS-02 by policy he is rejected with %s, without a message to him', async (rejectWith, reason) => {
    const rig = await startSessionRig({ sessionPolicies: { without: 'reject', rejectWith } })
    expect(await rig.invite().answer).toMatchObject({ kind: 'refused', reason })
    expect(rig.quiet()).toBe(true)
  })

  test('SLS-02 a service may say otherwise than the provider in general, and the recipient only what is allowed', async () => {
    const services = { sms: { sessions: 'reject' } }
    const rig = await startSessionRig({ services, preference: 'accept', sessionPolicies: { allowed: ['ask'] } })
    expect(await rig.invite().answer).toMatchObject({ kind: 'refused' })
  })

  test('SLS-03 FN-03 he is asked by one message, the inviter hears ringing, and a yes is the 200', async () => {
    const rig = await startSessionRig()
    const invited = rig.invite({ ...toGroup(), subject: 'Lunch' })
    expect(await rig.text()).toBe(
      'Alice invites you to the group Friends about "Lunch" with Bob, +12065550103. Reply YES to join, NO to decline.',
    )
    await expect.poll(() => invited.ringing).toBe(1)
    expect(await rig.reply('  yes! ')).toBe('stored')
    expect((await invited.answer).kind).toBe('accepted')
    expect(await rig.text()).toMatch(/^You have joined/)
    expect(rig.quiet()).toBe(true)
  })

  test.each(['No', 'nein, danke', 'STOP', '👎🏽'])('SLS-03 %s is the 603', async (word) => {
    const rig = await startSessionRig()
    const { answer } = rig.invite()
    await rig.text()
    await rig.reply(word)
    expect(await answer).toMatchObject({ kind: 'refused', reason: 'refused-by-recipient' })
  })

  test('SLS-03 CPM-CONV-016 CPM-CONV-017 no answer in time is told to both', async () => {
    const rig = await startSessionRig({ sessionPolicies: { wait: '2m' } })
    const { answer } = rig.invite()
    await rig.text()
    rig.clock.advance(120_000)
    expect(await answer).toMatchObject({ kind: 'refused', reason: 'expired' })
    expect(await rig.text()).toBe('The invitation of Alice is no longer valid.')
  })

  test('CPM-CONV-016 the end of the invitation counts when it comes first', async () => {
    const rig = await startSessionRig()
    const { answer } = rig.invite({ expiresAt: rig.clock.now() + 30_000 })
    await rig.text()
    rig.clock.advance(30_000)
    expect(await answer).toMatchObject({ kind: 'refused', reason: 'expired' })
  })

  test('SLS-03 CPM-CONV-017 the inviter takes it back, and he hears so', async () => {
    const rig = await startSessionRig()
    const { answer, withdraw } = rig.invite()
    await rig.text()
    withdraw.abort()
    expect(await answer).toMatchObject({ kind: 'refused', reason: 'deleted' })
    expect(await rig.text()).toMatch(/no longer valid/)
  })

  test.each(['ask', 'accept'] as const)(
    'CPM-CONV-017 taken back before he was told (%s): he hears nothing',
    async (preference) => {
      const rig = await startSessionRig({ preference })
      const { answer, withdraw } = rig.invite()
      withdraw.abort()
      expect(await answer).toMatchObject({ kind: 'refused', reason: 'deleted' })
      expect([rig.sessions?.guests(), rig.quiet()]).toEqual([0, true])
    },
  )

  test('SLS-03 an invitation that the service does not take is refused with its reason', async () => {
    const rig = await startSessionRig()
    rig.play('sms').answer = () => ({
      kind: 'refused',
      final: 'everywhere',
      reason: 'unknown-recipient',
      said: 'no such number',
    })
    expect(await rig.invite().answer).toMatchObject({ kind: 'refused', reason: 'unknown-recipient' })
  })

  test('SLS-03 an invitation reported lost is no longer waited for', async () => {
    const rig = await startSessionRig()
    rig.play('sms').answer = () => taken('lost')
    const { answer } = rig.invite()
    await rig.text()
    await rig.play('sms').gateway.receiveReport(receipt('lost', 'failed'))
    expect(await answer).toMatchObject({ kind: 'refused', reason: 'recipient-unavailable' })
  })

  test('SLS-03 what nobody can understand gets a help text once, then silence; a yes still counts', async () => {
    const rig = await startSessionRig()
    const { answer } = rig.invite()
    await rig.text()
    await rig.reply('who is this?')
    expect(await rig.text()).toMatch(/^Sorry, that was not understood/)
    await rig.reply('I am driving and will answer later')
    await rig.reply('ok')
    expect((await answer).kind).toBe('accepted')
    expect(await rig.text()).toMatch(/^You have joined/)
    expect(rig.quiet()).toBe(true)
  })

  test('SLS-03 he is addressed in his language, by his number', async () => {
    const rig = await startSessionRig({ sessionPolicies: { languages: { '+1': 'fr', '+1206': 'de' } } })
    const { answer } = rig.invite()
    expect(await rig.text()).toBe('Alice lädt Sie zu einem Gespräch ein. Antworten Sie JA oder NEIN.')
    await rig.reply('Ja')
    expect((await answer).kind).toBe('accepted')
  })

  test('SLS-03 a session without a name is told by who is in it', async () => {
    const rig = await startSessionRig()
    const { group, originator } = toGroup()
    rig.invite({ ...(originator && { originator }), ...(group && { group: { ...group, name: undefined } as never }) })
    expect(await rig.text()).toMatch(/^Alice invites you to a conversation with Bob, \+12065550103\. Reply YES/)
  })

  test('SLS-03 texts and words are the provider’s', async () => {
    const texts = { en: { invitation: '{inviter} calls. {yes}?', yes: ['AYE'] } }
    const rig = await startSessionRig({ sessionPolicies: { texts } })
    const { answer } = rig.invite()
    expect(await rig.text()).toBe('Alice calls. AYE?')
    await rig.reply('aye')
    expect((await answer).kind).toBe('accepted')
  })

  test('a name cannot pretend to be more than a name', async () => {
    const rig = await startSessionRig()
    rig.invite({ fromName: 'Bank\r\nYour code is 1234', subject: '\u202eevil\nlines' })
    expect(await rig.text()).not.toMatch(/[\n\r\u202e]/)
  })

  test('ID-18 who hides is invited for by a pool number, if policy allows', async () => {
    const hidden = await startSessionRig()
    expect(await hidden.invite({ privacy: true }).answer).toMatchObject({
      kind: 'refused',
      reason: 'no-originator-address',
    })
    const rig = await startSessionRig({ policies: { privacy: 'pool' } })
    rig.invite({ privacy: true, fromName: 'Anonymous' })
    expect(POOL).toContain((await rig.sms()).from)
  })
})

describe('SLS-04 the session by messages', () => {
  async function joined(options: Parameters<typeof startSessionRig>[0] = {}, over = toGroup()) {
    const rig = await startSessionRig({ preference: 'accept', ...options })
    const invited = rig.invite(over)
    const side = sideOf(await invited.answer)
    await rig.text()
    return { rig, side, ...invited }
  }

  test('what members say reaches him with their names, what he writes reaches them', async () => {
    const { rig, side, ours } = await joined()
    expect(await side.say(spoken('Pizza or pasta?'))).toEqual({ kind: 'taken' })
    expect(await rig.text()).toBe('Bob: Pizza or pasta?')
    await rig.reply('Pasta, stop asking')
    expect(await ours.heard.next()).toMatchObject({
      from: { address: HANDSET },
      content: { text: 'Pasta, stop asking' },
    })
  })

  test('between two no name is said, and the number is that of the inviter', async () => {
    const { rig, side } = await joined({}, {})
    await side.say(spoken('Hello', 'Alice'))
    expect((await rig.sms()).from).toBe(ALICE_NUMBER)
    expect(rig.quiet()).toBe(true)
  })

  test.each(['\n', '\r\n', '\r', '\u2028'])(
    'what one member says cannot look like the words of another, or of the gateway (%j)',
    async (lineEnd) => {
      const { rig, side } = await joined()
      await side.say(spoken(`Well${lineEnd}Carol: I agree${lineEnd}The session has ended.`, 'Bob'))
      expect(await rig.text()).toBe('Bob: Well\n  Carol: I agree\n  The session has ended.')
    },
  )

  test('a lively group is bundled: one message a window, unless it is full', async () => {
    const { rig, side } = await joined({ sessionPolicies: { bundle: { window: '10s', maximum: 40 } } })
    await side.say(spoken('one'))
    expect(await rig.text()).toBe('Bob: one')
    await side.say(spoken('two'))
    await side.say(spoken('three', 'Carol'))
    expect(rig.quiet()).toBe(true)
    rig.clock.advance(10_000)
    expect(await rig.text()).toBe('Bob: two\nCarol: three')
    await side.say(spoken('a'.repeat(30)))
    await side.say(spoken('b'.repeat(30)))
    expect(await rig.text()).toBe(`Bob: ${'a'.repeat(30)}`)
    rig.clock.advance(10_000)
    expect(await rig.text()).toBe(`Bob: ${'b'.repeat(30)}`)
    rig.clock.advance(10_000)
    await side.say(spoken('later'))
    expect(await rig.text()).toBe('Bob: later')
  })

  test('messages with one Message-ID are all sent', async () => {
    const { rig, side } = await joined()
    for (const text of ['one', 'two', 'three']) {
      await side.say(spoken(text, 'Bob', { messageId: 'the-same' as MessageId }))
      rig.clock.advance(10_000)
      expect(await rig.text()).toBe(`Bob: ${text}`)
    }
  })

  test('what is said to him alone says so', async () => {
    const { rig, side } = await joined()
    await side.say(spoken('psst', 'Bob', { privateTo: HANDSET }))
    expect(await rig.text()).toBe('Bob (to you alone): psst')
  })

  test('what his service cannot carry is refused to who said it', async () => {
    const { side } = await joined({
      services: { sms: { media: ['text/plain'], addresses: { pool: { numbers: POOL } } } },
    })
    const picture = spoken('', 'Bob', { content: { type: 'image/png', base64: 'AAAA' } })
    expect(await side.say(picture)).toMatchObject({ kind: 'refused', reason: 'content-unsupported' })
    const long = spoken('x'.repeat(2_000))
    expect(await side.say(long)).toMatchObject({ kind: 'refused', reason: 'too-large' })
  })

  test('IWF-REP-02 a report on a bundle is one on each thing in it that wants it', async () => {
    const { rig, side, ours } = await joined()
    const wants = { delivered: true, failed: true, displayed: false }
    rig.play('sms').answer = () => taken('bundle')
    const first = spoken('one', 'Bob', { reports: wants })
    await side.say(first)
    await rig.text()
    await rig.play('sms').gateway.receiveReport(receipt('bundle'))
    expect(await ours.reports.next()).toBe(`${first.messageId} ${HANDSET} delivered`)
    rig.play('sms').answer = () => taken('second')
    const [two, three] = [spoken('two', 'Bob', { reports: wants }), spoken('three', 'Carol')]
    await side.say(two)
    await side.say(three)
    rig.clock.advance(10_000)
    await rig.text()
    await rig.play('sms').gateway.receiveReport(receipt('second', 'failed'))
    expect(await ours.reports.next()).toBe(`${two.messageId} ${HANDSET} failed`)
    expect(ours.reports.length).toBe(0)
  })

  test('IWF-REP-01 a report of a member is told to his service once', async () => {
    const { rig, side, ours } = await joined({ reports: true })
    const asking = { wantsReport: true, content: { type: 'text/plain', text: 'hello?' } }
    const { from } = rig.lastSms()
    await rig.play('sms').gateway.receiveMessage({ ...rig.draft({ to: from }), ...asking })
    const { messageId, reports } = await ours.heard.next()
    expect(reports.delivered).toBe(true)
    side.report(messageId, { address: OTHER }, 'delivered')
    side.report(messageId, { address: HANDSET }, 'delivered')
    expect(await rig.play('sms').told.next()).toMatchObject({ to: HANDSET, state: 'delivered' })
    expect(rig.play('sms').told.length).toBe(0)
  })

  test.each(['STOP', 'leave', 'Quit.'])('FN-05 %s leaves it', async (word) => {
    const { rig, ours, side } = await joined()
    await rig.reply(word)
    expect(await ours.ends.next()).toBe('left')
    expect(await rig.text()).toBe('You have left the conversation.')
    expect(await side.say(spoken('still there?'))).toMatchObject({ kind: 'refused' })
    expect(ours.heard.length).toBe(0)
  })

  test('HELP is for us, and answered a few times only', async () => {
    const { rig, ours } = await joined()
    for (const _ of [1, 2, 3, 4]) await rig.reply('help')
    await rig.reply('done')
    await ours.heard.next()
    expect(rig.play('sms').offered.length).toBe(3)
  })

  test('FN-05 the end of the session is told to him, behind what was said', async () => {
    const { rig, side } = await joined()
    await side.say(spoken('one'))
    await side.say(spoken('bye'))
    await side.leave()
    const texts = [await rig.text(), await rig.text(), await rig.text()]
    expect(texts.sort()).toEqual(['Bob: bye', 'Bob: one', 'The conversation is over.'])
  })

  test('FN-10 silence ends it after a time; who writes keeps it', async () => {
    const { rig, side, ours } = await joined({ sessionPolicies: { silence: '1h' } })
    rig.clock.advance(3_000_000)
    await side.say(spoken('anybody?'))
    await rig.text()
    rig.clock.advance(3_000_000)
    await rig.reply('I am here')
    await ours.heard.next()
    rig.clock.advance(3_500_000)
    expect(ours.ends.length).toBe(0)
    rig.clock.advance(200_000)
    expect(await ours.ends.next()).toBe('left')
    expect(await rig.text()).toMatch(/nobody wrote for a while/)
  })

  test('GRP two groups never mix: each has a number of its own towards him', async () => {
    const rig = await startSessionRig({ preference: 'accept' })
    const friends = rig.invite(toGroup())
    const rivals = rig.invite(toGroup('Rivals', OTHER))
    const [one, other] = [sideOf(await friends.answer), sideOf(await rivals.answer)]
    await rig.text()
    await rig.text()
    await one.say(spoken('from friends'))
    const first = await rig.sms()
    await other.say(spoken('from rivals'))
    const second = await rig.sms()
    expect(new Set([first.from, second.from]).size).toBe(2)
    await rig.reply('to rivals', second.from)
    await rig.reply('to friends', first.from)
    expect((await rivals.ours.heard.next()).content).toMatchObject({ text: 'to rivals' })
    expect((await friends.ours.heard.next()).content).toMatchObject({ text: 'to friends' })
    expect(friends.ours.heard.length + rivals.ours.heard.length).toBe(0)
    const third = rig.invite(toGroup('Third', 'sip:third@groups.cpm.example' as Uri))
    expect(await third.answer).toMatchObject({ kind: 'refused', reason: 'no-originator-address' })
  })

  test('an ordinary message between the same two people is not for a session that is over', async () => {
    const { rig, side } = await joined({}, {})
    await side.leave()
    await rig.text()
    await expect.poll(() => rig.sessions?.guests()).toBe(0)
    rig.invite()
    expect((await rig.sms()).from).toBe(ALICE_NUMBER)
    await rig.reply('stop')
    await expect.poll(() => rig.sessions?.guests()).toBe(0)
    await rig.reply('and now by message', ALICE_NUMBER)
    expect((await rig.delivered.next()).content).toMatchObject({ message: { content: { text: 'and now by message' } } })
  })

  test('who hides behind a pool number in messages is not met by a session', async () => {
    const rig = await startSessionRig({
      services: { sms: { addresses: { own: false, pool: { numbers: [...POOL] } } } },
      preference: 'accept',
    })
    await rig.send()
    const ordinary = await rig.sms()
    rig.invite(toGroup())
    expect((await rig.sms()).from).not.toBe(ordinary.from)
    await rig.reply('to alice', ordinary.from)
    expect((await rig.delivered.next()).user).toBe('sip:alice@cpm.example')
  })
})

describe('afterwards', () => {
  test('SLS-03 a late yes joins the session of the group if it still runs', async () => {
    const group = playedSide()
    const joins: string[] = []
    const rig = await startSessionRig({
      group: async ({ from, to, service }) => {
        joins.push(`${from} ${to} ${service}`)
        return { kind: 'accepted', side: group }
      },
    })
    const { answer } = rig.invite(toGroup())
    const invitation = await rig.sms()
    rig.clock.advance(300_000)
    expect((await answer).kind).toBe('refused')
    expect(rig.quiet()).toBe(true)
    await rig.reply('yes', invitation.from)
    expect(await rig.text()).toMatch(/^You have joined/)
    expect(joins).toEqual([`${HANDSET} sip:friends@groups.cpm.example sms`])
    await rig.reply('sorry, late', invitation.from)
    expect((await group.heard.next()).content).toMatchObject({ text: 'sorry, late' })
  })

  test('a late yes to a session that is over is told so, once', async () => {
    const rig = await startSessionRig({
      group: async () => ({ kind: 'refused', reason: 'recipient-gone', said: 'it is over' }),
    })
    const { answer } = rig.invite(toGroup())
    const { from } = await rig.sms()
    rig.clock.advance(300_000)
    await answer
    await rig.reply('yes', from)
    expect(await rig.text()).toBe('The conversation is over.')
  })

  test('FN-10 after a restart of the gateway he is told, and a yes brings him back', async () => {
    const before = await startSessionRig({ preference: 'accept' })
    await before.invite(toGroup()).answer
    const { from } = await before.sms()
    await before.abandon()
    const back = playedSide()
    const rig = await startSessionRig({
      prefix: before.prefix,
      group: async () => ({ kind: 'accepted', side: back }),
    })
    await rig.reply('what did you say?', from)
    expect(await rig.text()).toBe(
      'The conversation was interrupted, and your message was not delivered. Reply YES to join again.',
    )
    await rig.reply('hello?', from)
    await rig.reply('yes', from)
    expect(await rig.text()).toMatch(/^You have joined/)
    await rig.reply('back again', from)
    expect((await back.heard.next()).content).toMatchObject({ text: 'back again' })
  })

  test.each(['gw1', 'gw2'])(
    'FN-10 what members had said when the node was killed reaches him by %s, once',
    async (node) => {
      const before = await startSessionRig({ preference: 'accept' })
      const side = sideOf(await before.invite(toGroup()).answer)
      await before.text()
      await side.say(spoken('one'))
      expect(await before.text()).toBe('Bob: one')
      for (const text of ['two', 'three']) expect(await side.say(spoken(text))).toEqual({ kind: 'taken' })
      const { from } = before.lastSms()
      await before.abandon()
      const rig = await startSessionRig({ prefix: before.prefix, node, clock: manualClock(before.clock.now()) })
      const looks = () => {
        rig.clock.advance(1_000)
        return rig.quiet()
      }
      rig.clock.advance(10_000)
      await expect.poll(looks).toBe(false)
      expect(await rig.text()).toBe('Bob: two\nBob: three')
      expect(rig.lastSms().from).toBe(from)
      await rig.reply('who is that?', from)
      expect(await rig.text()).toMatch(/^The conversation was interrupted/)
    },
  )

  test('FN-10 he who comes back before that gets it first', async () => {
    const before = await startSessionRig({ preference: 'accept' })
    const side = sideOf(await before.invite(toGroup()).answer)
    const { from } = await before.sms()
    for (const text of ['one', 'two']) await side.say(spoken(text))
    await before.text()
    await before.abandon()
    const back = playedSide()
    const rig = await startSessionRig({
      prefix: before.prefix,
      group: async () => ({ kind: 'accepted', side: back }),
      clock: manualClock(before.clock.now()),
    })
    await rig.reply('yes', from)
    expect(await rig.text()).toBe('Bob: two')
    expect(await rig.text()).toMatch(/^You have joined/)
  })

  test('FN-10 what comes in by another node reaches the session on its own, reports too', async () => {
    const here = await startSessionRig({ preference: 'accept' })
    const invited = here.invite(toGroup())
    const side = sideOf(await invited.answer)
    const { from } = await here.sms()
    const there = await startSessionRig({ prefix: here.prefix, node: 'gw2' })
    await there.reply('from the other link', from)
    expect((await invited.ours.heard.next()).content).toMatchObject({ text: 'from the other link' })
    expect(there.sessions?.guests()).toBe(0)
    const said = spoken('hello', 'Bob', { reports: { delivered: true, failed: true, displayed: false } })
    for (const rig of [here, there]) rig.play('sms').answer = () => taken('far')
    await side.say(said)
    await Promise.race([here.sms(), there.sms()])
    await there.play('sms').gateway.receiveReport(receipt('far'))
    expect(await invited.ours.reports.next()).toBe(`${said.messageId} ${HANDSET} delivered`)
  })

  test('when the gateway stops in good order all are told', async () => {
    const rig = await startSessionRig({ preference: 'accept' })
    const { answer, ours } = rig.invite(toGroup())
    await answer
    await rig.text()
    const stopped = rig.stop(AbortSignal.timeout(2_000))
    expect(await ours.ends.next()).toBe('left')
    await stopped
  })
})
