import { expect, test } from 'vitest'
import { assemble, hears } from './assemble.js'
import { place, talkOf } from './phone.js'
import { FRIENDS, openFocusStage, uri } from './stage.js'

test('GAP-07 a group session leaves in its trace who was asked, who came and went, and what was said in it; each who was in is charged', async () => {
  const stage = await openFocusStage()
  const { alice, bob } = await assemble(stage, ['alice', 'bob'], { headers: [['Contribution-ID', 'contr-1']] })
  await alice.talk.says('hello')
  await hears(bob.talk, 'hello')
  const carol = await stage.phone('carol')
  const carols = await talkOf(carol, place(carol, FRIENDS))
  await alice.talk.dialog.request('REFER', [
    ['Refer-To', `<${uri('carol')};method=BYE>`],
    ['Refer-Sub', 'false'],
  ])
  await carols.next('BYE')
  const dave = await stage.phone('dave')
  expect((await place(dave, FRIENDS).call.final).status).toBe(403)
  await alice.talk.dialog.bye()
  await bob.talk.next('BYE')
  await stage.quiet()
  const [alices, bobs, carolsUri] = [uri('alice'), uri('bob'), uri('carol')]
  const lines = stage.traced.map((line) => line.replace(/Call-ID \S+: \S+/, 'Call-ID …'))
  // Where the others are asked, and who has no device, nobody knows which comes first.
  const asked = lines.filter((line) => /attempted|answered/.test(line)).sort()
  expect(asked).toEqual([
    `contr-1 answered ${carolsUri}: 480 Temporarily Unavailable`,
    `contr-1 attempted INVITE ${bobs}`,
    `contr-1 attempted INVITE ${carolsUri}`,
  ])
  expect(lines.filter((line) => !asked.includes(line))).toEqual([
    `contr-1 received INVITE ${FRIENDS} Call-ID …`,
    `contr-1 joined ${bobs} joined: dialed-out`,
    `contr-1 joined ${alices} joined: focus-owner`,
    `contr-1 received INVITE ${FRIENDS} Call-ID …`,
    `contr-1 joined ${carolsUri} joined: dialed-in`,
    `contr-1 left ${carolsUri} left: booted 410 removed from the session`,
    `contr-1 received INVITE ${FRIENDS} Call-ID …`,
    `contr-1 refused ${uri('dave')}: 403 not open to you`,
    `contr-1 left ${alices} left: departed`,
    `contr-1 left ${bobs} left: departed 200 the session has ended`,
    expect.stringMatching(/^contr-1 ended the session has ended: 1 messages, \d+ octets, 3 users at most$/),
  ])
  expect(stage.charged.map(({ kind, from, to, id, outcome }) => [kind, from, to, id, outcome])).toEqual(
    [
      [bobs, 'joined'],
      [alices, 'joined'],
      [carolsUri, 'joined'],
      [carolsUri, 'left'],
      [alices, 'left'],
      [bobs, 'left'],
    ].map(([from, outcome]) => ['session', from, FRIENDS, 'contr-1', outcome]),
  )
})
