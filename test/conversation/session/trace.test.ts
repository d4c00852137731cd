import { expect, test } from 'vitest'
import { openMsrpPhone } from './msrp-phone.js'
import { openSessionStage, type SessionStage } from './stage.js'
import { BOB, ICSI, invited, talk } from './talk.js'

const IDS: [string, string][] = [
  ['Conversation-ID', 'conv-1'],
  ['Contribution-ID', 'contr-1'],
]
const traced = (stage: SessionStage): string[] => stage.traced.map((line) => line.replace(/Call-ID \S+/, 'Call-ID …'))

test('GAP-07 a session leaves its stations in the trace, with what went through us, and records of its begin and end', async () => {
  const stage = await openSessionStage({ media: { path: 'in' } })
  const [one, two] = [await openMsrpPhone(), await openMsrpPhone()]
  const { here, call } = await talk(stage, one.sdp(), two.sdp({ setup: 'active' }), [ICSI, ...IDS])
  const fromAlice = await one.connectTo(here.made.body.toString())
  const fromBob = await two.connectTo(call.invite.body.toString())
  for (const [from, to, text] of [
    [fromAlice, fromBob, '12345'],
    [fromBob, fromAlice, '1234567'],
  ] as const) {
    const sending = from.send(text)
    await to.receives()
    await sending
  }
  await here.bye()
  await stage.nothingLeft()
  expect(traced(stage)).toEqual([
    `contr-1 received INVITE ${BOB} Call-ID …`,
    'contr-1 attempted INVITE from sip:alice@cpm.example',
    'contr-1 answered 200: both are in',
    'contr-1 ended released: 2 messages, 12 octets',
  ])
  expect(stage.charged.map(({ kind, id, outcome }) => [kind, id, outcome])).toEqual([
    ['session', 'contr-1', 'begun'],
    ['session', 'contr-1', 'released'],
  ])
  await Promise.all([one.close(), two.close()])
})

test('an invitation that is refused, and one that is taken back, say so', async () => {
  const stage = await openSessionStage()
  const phone = await openMsrpPhone()
  const [alice, bob] = [await stage.device('alice'), await stage.device('bob')]
  const refused = alice.call(BOB, phone.sdp(), [ICSI, ...IDS])
  ;(await invited(bob)).refuse(486)
  await refused.final
  const withdrawn = alice.call(BOB, phone.sdp(), [ICSI, ['Conversation-ID', 'conv-1'], ['Contribution-ID', 'contr-2']])
  const call = await invited(bob)
  call.progress(180)
  await withdrawn.provisionals.next('180', () => true)
  await withdrawn.cancel()
  await call.cancelled
  await stage.nothingLeft()
  expect(traced(stage).filter((line) => !/received|attempted/.test(line))).toEqual([
    'contr-1 refused 486 Said So',
    'contr-2 ended withdrawn',
  ])
  await phone.close()
})
