import { expect, test } from 'vitest'
import type { SessionMessage, SessionSide } from '../../../adapters/contract/sessions.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { type Inbox, inbox } from '../../../scripts/rig/inbox.js'
import type { SessionAgent } from '../../../scripts/rig/session-agent.js'
import { hears } from './assemble.js'
import { answer, messageSdp, place, type Talk, talkOf } from './phone.js'
import { type FocusStage, FRIENDS, type Name, openFocusStage, uri } from './stage.js'
import { watch } from './watch.js'

const any = (): boolean => true
const USERS = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'] as const
const OUTSIDE = ['tel:+4915550000001', 'tel:+4915550000002', 'wv:zoe@imps.example'] as const
/** He is registered, and never answers. */
const SILENT = 'grace'

interface Member {
  readonly phone: SessionAgent
  readonly tablet: SessionAgent
}

/** Both devices ring; the phone is taken, and the tablet hears that it was. */
async function takenByPhone({ phone, tablet }: Member): Promise<Talk> {
  const [one, other] = await Promise.all([phone.calls.next('INVITE', any), tablet.calls.next('INVITE', any)])
  one.progress(180)
  other.progress(180)
  const talk = await answer(phone, one)
  await other.cancelled
  return talk
}

async function outsider(stage: FocusStage, said: Map<Uri, Inbox<SessionMessage>>): Promise<SessionSide> {
  const { invitation, ours, answer: reply } = await stage.outside.next('an invitation by a service', any)
  const heard = inbox<SessionMessage>(({ messageId }) => messageId)
  said.set(invitation.target, heard)
  const side: SessionSide = {
    async say(message) {
      heard.push(message)
      return { kind: 'taken' }
    },
    composing: () => undefined,
    report: () => undefined,
    joined: () => undefined,
    left: () => undefined,
    leave: async () => undefined,
  }
  reply({ kind: 'accepted', side })
  return ours
}

test('FLOW-07b FLOW-31 GRP-ADD-05 GRP-RM-05 GRP-LEAVE-04 GRP-ORIG-07 MED-28 PART-12 UP-04: a group of ten: six CPM users with two devices each, three by services, one who never answers; added, removed, left, come back, changed, and told', async () => {
  const stage = await openFocusStage({
    members: [...[...USERS, SILENT].map(uri), ...OUTSIDE],
    media: { mixer: { audio: '192.0.2.9:40000' } },
  })
  const members = new Map<Name, Member>()
  for (const name of USERS) members.set(name, { phone: await stage.phone(name), tablet: await stage.phone(name) })
  const of = (name: Name): Member => {
    const member = members.get(name)
    if (!member) throw new Error(name)
    return member
  }
  const silent = await stage.phone(SILENT)

  // She begins; who is asked first comes first.
  const placed = place(of('alice').phone, FRIENDS)
  const talks = new Map<Name, Talk>()
  for (const name of USERS.slice(1)) talks.set(name, await takenByPhone(of(name)))
  const alice = await talkOf(of('alice').phone, placed)
  talks.set('alice', alice)
  const said = new Map<Uri, Inbox<SessionMessage>>()
  const sides: SessionSide[] = []
  for (const _ of OUTSIDE) sides.push(await outsider(stage, said))
  const toSilent = await silent.calls.next('INVITE', any)
  toSilent.progress(180)
  const roster = await watch(stage, 'alice', alice.identity)
  const first = await roster.until({ [uri(SILENT)]: 'alerting' })
  expect([first.count, Object.keys(first.users).length]).toEqual(['9', 10])

  // One message reaches eight others, once.
  const everybody = async (speaker: Name, text: string, but: readonly Name[] = []): Promise<void> => {
    const from = talks.get(speaker)
    if (!from) throw new Error(speaker)
    expect(await from.says(text)).toBe('200')
    for (const [name, talk] of talks) if (name !== speaker && !but.includes(name)) await hears(talk, text)
    for (const heard of said.values())
      await heard.next(text, ({ content }) => 'text' in content && content.text === text)
  }
  await everybody('alice', 'one')

  // Bob's tablet comes, too, and hears what his phone says.
  const tablet = await talkOf(of('bob').tablet, place(of('bob').tablet, alice.identity))
  await roster.until({ [uri('bob')]: 'connected, connected' })
  await everybody('bob', 'two')
  await hears(tablet, 'two')

  // Carol leaves, and comes back.
  await talks.get('carol')?.dialog.bye()
  talks.delete('carol')
  await roster.until({ [uri('carol')]: 'disconnected departed' })
  await everybody('dave', 'three')
  const back = await talkOf(of('carol').phone, place(of('carol').phone, alice.identity))
  talks.set('carol', back)
  await roster.until({ [uri('carol')]: 'connected' })

  // Erin is removed, and added again.
  await alice.dialog.request('REFER', [
    ['Refer-To', `<${uri('erin')};method=BYE>`],
    ['Refer-Sub', 'false'],
  ])
  await talks.get('erin')?.next('BYE')
  talks.delete('erin')
  await roster.until({ [uri('erin')]: 'disconnected booted' })
  await everybody('frank', 'four')
  await alice.dialog.request('REFER', [
    ['Refer-To', `<${uri('erin')}>`],
    ['Refer-Sub', 'false'],
  ])
  talks.set('erin', await takenByPhone(of('erin')))
  await roster.until({ [uri('erin')]: 'connected' })

  // Alice adds audio: all others with MSRP are offered it.
  const audio = ['m=audio 4000 RTP/AVP 0']
  const changed = await alice.dialog.request('INVITE', [], messageSdp(alice.path, { more: audio }))
  alice.dialog.acknowledge(changed)
  expect(changed.body.toString()).toContain('m=audio 40000')
  for (const talk of [...talks.values(), tablet].filter((one) => one !== alice)) {
    const { request, answer: reply } = await talk.next('INVITE')
    expect(request.body.toString()).toContain('m=audio 40000')
    reply(200, [], messageSdp(talk.path, { more: audio }))
  }
  await everybody('erin', 'five')

  // Somebody outside says something, and leaves.
  const [sms] = sides
  await sms?.say({
    messageId: 'out-1' as SessionMessage['messageId'],
    from: { address: OUTSIDE[0] as Uri },
    content: { type: 'text/plain', text: 'six' },
    sentAt: Date.now(),
    reports: { delivered: false, failed: false, displayed: false },
  })
  for (const talk of talks.values()) await hears(talk, 'six')
  await sms?.leave()
  said.delete(OUTSIDE[0] as Uri)
  await roster.until({ [OUTSIDE[0]]: 'disconnected departed' })
  await everybody('alice', 'seven')

  // The one who never answers is asked no more once the others have gone.
  for (const talk of [...talks.values(), tablet]) await talk.dialog.bye()
  for (const side of sides.slice(1)) await side.leave()
  await toSilent.cancelled
  await stage.quiet()
  expect(stage.faults).toEqual([])
})
