import { expect, test } from 'vitest'
import { writeCpim, writeImdn } from '../../../scripts/rig/cpim.js'
import { inbox } from '../../../scripts/rig/inbox.js'
import { header, type SipText } from '../../../scripts/rig/sip-text.js'
import { openRelayingCore } from './core.js'
import { BOTH, notificationsIn, openStage, told } from './stage.js'

const ONE = 'sip:one@groups.one.example'
const TWO = 'sip:two@groups.two.example'
const user = (name: string) => `sip:${name}@users.example`

/** Two gateways with a group each, and each group a member of the other one; the users are the core's. */
async function openLoop() {
  const core = await openRelayingCore()
  const group = (address: string, members: readonly string[]) => ({
    groups: { g: { address, members, send: 'anyone', reports: { wait: '500ms' } } },
    core: core.uri,
  })
  const one = await openStage(group(ONE, [TWO, user('dave')]))
  const two = await openStage(group(TWO, [ONE, user('carol')]))
  core.serves('groups.one.example', one.sip.port)
  core.serves('groups.two.example', two.sip.port)
  const requests = inbox<SipText>(({ startLine }) => startLine)
  core.serves('users.example', (request) => {
    requests.push(request)
    return 200
  })
  return { core, requests }
}

test('two groups at two gateways that are members of each other: every user gets one copy, and the loop ends in a notification', async () => {
  const { core, requests } = await openLoop()
  const messageId = 'Msg-loop'
  const body = writeCpim({ from: user('alice'), to: ONE, text: 'round and round', report: BOTH, messageId })
  expect(await core.send(user('alice'), ONE, body)).toBe(202)
  for (const name of ['dave', 'carol']) {
    const copy = await requests.next(`the copy for ${name}`, ({ startLine }) => startLine.includes(name))
    expect(copy.body.toString()).toContain('round and round')
    // The report goes to who recorded himself last (RFC 5438 §8.2).
    const through = /IMDN-Record-Route: <([^>]+)>/.exec(copy.body.toString())?.[1] ?? ''
    expect(through).toBe(name === 'dave' ? ONE : TWO)
    const dateTime = /DateTime: (\S+)/.exec(copy.body.toString())?.[1] ?? ''
    const imdn = writeImdn({ from: user(name), to: user('alice'), messageId, dateTime, status: 'delivered' })
    expect(await core.send(user(name), through, imdn)).toBe(200)
  }
  const results: string[] = []
  while (results.length < 3) {
    const { body } = await requests.next('the notification', ({ startLine }) => startLine.includes('alice'))
    results.push(...told(notificationsIn({ body } as SipText)))
  }
  expect(results.sort()).toEqual([
    'sip:carol@users.example delivered',
    'sip:dave@users.example delivered',
    `${TWO} failed`,
  ])
  expect(requests.items).toEqual([])
  // One copy to the other group, its attempt to send it back, and what was reported.
  expect(core.passed.filter((each) => each.includes(TWO)).length).toBe(1)
})

test('CF-GRP-06 MSG-13 behind an external core each copy has its own Request-URI, and the sender is asserted', async () => {
  const { core, requests } = await openLoop()
  await core.send(user('alice'), ONE, writeCpim({ from: user('alice'), to: ONE, text: 'hi' }))
  const copy = await requests.next('the copy', ({ startLine }) => startLine.includes('dave'))
  expect(copy.startLine).toBe(`MESSAGE ${user('dave')} SIP/2.0`)
  expect(header(copy, 'P-Asserted-Identity')).toContain(user('alice'))
  expect(copy.body.toString()).toContain(`To: <${ONE}>`)
})
