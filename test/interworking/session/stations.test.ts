import { expect, test } from 'vitest'
import { HANDSET } from '../support.js'
import { playedSide, type SessionRig, spoken, startSessionRig, toGroup } from './stage.js'

/** The stations of a conversation, those of its messages by what was seen of them. */
const stations = ({ trace }: SessionRig) => trace.filter(({ conversation }) => conversation === 'conv-1')
const ofSession = (rig: SessionRig) =>
  stations(rig)
    .filter(({ id }) => id.startsWith('invitation-'))
    .map(({ what, peer, line }) => `${what} ${peer ?? ''} ${line}`)

test('SLS-03 the trace shows that he was asked, by which message, his answer, what was said, and who ended it', async () => {
  const rig = await startSessionRig()
  const { answer } = rig.invite(toGroup())
  await rig.text()
  await rig.reply('yes')
  const given = await answer
  if (given.kind !== 'accepted') throw new Error(given.said)
  await rig.text()
  await given.side.say(spoken('hello'))
  await rig.text()
  await rig.reply('stop')
  await rig.text()
  expect(ofSession(rig)).toEqual([
    `attempted sms ${HANDSET} is invited to a session of Friends`,
    'answered sms accepted: the session stands',
    'ended  the session was left by sms',
  ])
  const others = stations(rig).filter(({ id }) => !id.startsWith('invitation-'))
  const messages = new Set(others.map(({ id }) => id))
  // The invitation, two notices, and what was said to him; his two words.
  expect(messages.size).toBe(6)
  expect(others.filter(({ line }) => line === 'said in a session')).toHaveLength(2)
})

test('SLS-02 SLS-03 a refusal, a withdrawal and an end by CPM are in it with their reasons', async () => {
  const rig = await startSessionRig()
  const declined = rig.invite()
  await rig.text()
  await rig.reply('no')
  await declined.answer
  const withdrawn = rig.invite()
  await rig.text()
  withdrawn.withdraw.abort()
  await withdrawn.answer
  const accepting = await startSessionRig({ preference: 'accept' })
  const accepted = await accepting.invite().answer
  if (accepted.kind === 'accepted') await accepted.side.leave('deleted')
  expect(ofSession(rig).filter((line) => line.startsWith('answered'))).toEqual([
    'answered sms refused (refused-by-recipient): he has declined',
    'answered sms refused (deleted): withdrawn',
  ])
  expect(ofSession(accepting).at(-1)).toBe('ended  the session was left by CPM: deleted')
})

test('IWF-SESS-03 an invitation of a service is in it, and that nobody can be asked', async () => {
  const rig = await startSessionRig({
    services: { im: {} },
    native: { im: { invite: async () => ({ kind: 'refused', reason: 'busy', said: '' }) } },
    user: async () => ({ kind: 'accepted', side: playedSide() }),
  })
  const invitation = { id: 'in-1', from: HANDSET, to: 'tel:+12065550100' as never, expiresAt: rig.clock.now() + 1_000 }
  const answer = await rig.play('im').invite?.(invitation, playedSide(), new AbortController().signal)
  if (answer?.kind === 'accepted') await answer.side.leave()
  const lines = rig.trace
    .filter(({ id }) => id === 'in-1')
    .map(({ what, direction, line }) => `${what} ${direction ?? ''} ${line}`)
  expect(lines).toEqual([
    `received in ${HANDSET} wants a session with sip:alice@cpm.example`,
    'answered out accepted: the session stands',
    'ended  the session was left by im',
  ])
  rig.invite({ target: 'mailto:nobody@example.com' as never })
  await expect.poll(() => ofSession(rig)).toEqual(['refused  no service can be asked: unknown-recipient'])
})
