import { describe, expect, test } from 'vitest'
import type { ResultWork } from '../../../gateway/conversation/group/work.js'
import type { Spool } from '../../../gateway/spool/spool.js'
import { BOTH, FRIENDS, friends, nextNotifications, openStage, type StageOptions, told, uriOf } from './stage.js'

const MEMBERS = [uriOf('bob'), uriOf('carol'), uriOf('dave')]

/** A process that dies with an item of the lane in its hands, before it has done the work, or when only its verdict is missing. */
function dying(lane: string, when: 'before' | 'after', isIt: (payload: unknown) => boolean = () => true) {
  let tell: () => void = () => {}
  const died = new Promise<void>((resolve) => {
    tell = resolve
  })
  const between = (spool: Spool): Spool => ({
    ...spool,
    take: (name, options, handle, onPoison) =>
      spool.take(
        name,
        options,
        name !== lane
          ? handle
          : async (taken) => {
              if (!isIt(taken.item.payload)) return handle(taken)
              if (when === 'after') await handle(taken)
              tell()
              return new Promise(() => {})
            },
        onPoison,
      ),
  })
  return { between, died }
}

const closes = (payload: unknown): boolean => (payload as ResultWork).kind === 'close'

async function cast(options: StageOptions) {
  const stage = await openStage(options)
  const [alice, ...members] = [
    await stage.device('alice'),
    await stage.device('bob'),
    await stage.device('carol'),
    await stage.device('dave'),
  ]
  return { stage, alice, members }
}

describe('the gateway dies', () => {
  test.each([
    ['before the copies are made', 'group', 'before', () => true],
    ['when the copies are made and not yet stored', 'group', 'after', () => true],
    ['with copies on their way', 'group.copies', 'before', () => true],
    ['before reports are gathered', 'group.results', 'before', closes],
    ['when reports are gathered and not yet told', 'group.results', 'after', closes],
    ['with the notification on its way', 'group.notify', 'before', () => true],
  ] as const)('%s: every member gets one copy, the sender one notification', async (_when, lane, when, isIt) => {
    const { between, died } = dying(lane, when, isIt)
    const { stage, alice, members } = await cast({
      groups: friends(MEMBERS, { send: 'anyone', reports: { wait: '1s' } }),
      spool: between,
    })
    expect((await alice.say({ to: FRIENDS, text: 'hi', report: BOTH })).answer.status).toBe(202)
    await died
    await stage.restart()
    await Promise.all(members.map((member) => member.nextText('the copy')))
    expect(told(await nextNotifications(alice))).toEqual([
      'sip:bob delivered',
      'sip:carol delivered',
      'sip:dave delivered',
    ])
    await stage.restart()
    expect([alice, ...members].flatMap((device) => device.messages.items)).toEqual([])
  })

  test('a message of which no copy can be made is told as an error for each member', async () => {
    const { alice } = await cast({
      groups: friends(MEMBERS, { send: 'anyone' }),
      spool: (spool) => ({
        ...spool,
        take: (name, options, handle, onPoison) =>
          spool.take(name, options, name === 'group' ? () => Promise.reject(new Error('broken')) : handle, onPoison),
      }),
      maxCrashes: 1,
    })
    expect((await alice.say({ to: FRIENDS, text: 'hi', report: BOTH })).answer.status).toBe(202)
    expect(told(await nextNotifications(alice))).toEqual(['sip:bob error', 'sip:carol error', 'sip:dave error'])
  })

  test('IMDN-12 while a member is silent: what the others have reported is told once, at its time', async () => {
    const { stage, alice, members } = await cast({
      groups: friends(MEMBERS, { send: 'anyone', reports: { wait: '1s' } }),
      policies: { retry: { first: '1h', factor: 1, max: '1h' } },
    })
    members[1]?.answers(0)
    members[2]?.answers(603)
    await alice.say({ to: FRIENDS, text: 'hi', report: BOTH })
    await members[0]?.nextText('the copy')
    await expect.poll(() => members[2]?.refused.items.length).toBe(1)
    await stage.restart()
    // What was not yet written when it died is found out anew, perhaps after the time of the first ones.
    const results = [...(await nextNotifications(alice))]
    if (results.length < 2) results.push(...(await nextNotifications(alice)))
    expect(told(results)).toEqual(['sip:bob delivered', 'sip:dave failed'])
    expect(alice.messages.items).toEqual([])
  })
})
