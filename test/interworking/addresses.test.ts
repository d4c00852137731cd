import { describe, expect, test } from 'vitest'
import type { UserDirectory } from '../../gateway/core/port.js'
import type { Clock } from '../../gateway/cpm/clock.js'
import type { ServiceId, Uri } from '../../gateway/cpm/ids.js'
import { createLeases } from '../../gateway/interworking/lease.js'
import { createOriginatorAddresses } from '../../gateway/interworking/originator.js'
import { createRecipients } from '../../gateway/interworking/recipient.js'
import type { LeaseEvent } from '../../gateway/observe/metrics.js'
import { ALICE, HANDSET, memoryNotes, service } from './support.js'

const BOB = 'sip:bob@cpm.example' as Uri
const clock = { now: () => 0, after: () => () => {} }
const addresses = (over: object) => ({
  config: { addresses: { own: true, fixed: {}, rules: [], inbound: [], ...over } },
})
const use = { anonymous: false, until: 0 }
const hidden = { anonymous: true, until: 0 }
const alice = { uri: ALICE, addresses: [ALICE, 'tel:+12065550100' as Uri] }
const bob = { uri: BOB, addresses: [BOB] }

function build(time: Clock = clock) {
  const notes = memoryNotes()
  const events: LeaseEvent[] = []
  const leases = createLeases(notes, time, (event) => events.push(event))
  return { notes, events, leases, originators: createOriginatorAddresses(leases) }
}

describe('the originator in a service', () => {
  const route = (over: object) => ({ service: service('sms', addresses(over)), to: HANDSET })

  test('IW-04 his own number stands for him', async () => {
    expect(await build().originators.inService(route({}), alice, use)).toBe('tel:+12065550100')
  })

  test('IW-06 without any address there the service is none for him', async () => {
    expect(await build().originators.inService(route({}), bob, use)).toBeUndefined()
    expect(await build().originators.inService(route({ own: false }), alice, use)).toBeUndefined()
  })

  test('IW-04 a fixed pair comes before a rule, a rule before his own number', async () => {
    const rules = [{ match: '^tel:\\+1206(.*)$', replace: 'tel:+1777$1' }]
    expect(await build().originators.inService(route({ rules }), alice, use)).toBe('tel:+17775550100')
    const fixed = { [ALICE]: 'tel:+19995550000' }
    expect(await build().originators.inService(route({ rules, fixed }), alice, use)).toBe('tel:+19995550000')
  })

  test('ID-18 who hides is seen by a pool number only', async () => {
    expect(await build().originators.inService(route({}), alice, hidden)).toBeUndefined()
    const pool = { numbers: ['tel:+18880001'], lease: 1_000 }
    expect(await build().originators.inService(route({ pool }), alice, hidden)).toBe('tel:+18880001')
  })
})

describe('pool of service numbers', () => {
  const pool = { numbers: ['tel:+18880001', 'tel:+18880002'], lease: 1_000 }
  const sms = 'sms' as ServiceId

  test('a number given back stands for its user a while, or for nobody at once; looking does not use it', async () => {
    const { leases, notes } = build({ now: () => 10_000, after: () => () => {} })
    const number = (await leases.borrow(sms, pool, ALICE, HANDSET, 10_000)) as Uri
    const before = new Map(notes.lives)
    expect(await leases.peek(sms, number, HANDSET)).toBe(ALICE)
    expect(notes.lives).toEqual(before)
    await leases.giveBack(sms, number, BOB, HANDSET, 0)
    expect(await leases.peek(sms, number, HANDSET)).toBe(ALICE)
    await leases.giveBack(sms, number, ALICE, HANDSET, 500)
    expect(notes.lives.get(`lease|sms|${number}|${HANDSET}`)).toBe(500)
    expect(await leases.peek(sms, number, HANDSET)).toBe(ALICE)
    await leases.giveBack(sms, number, ALICE, HANDSET, 0)
    expect([...notes.content.keys()]).toEqual([])
  })

  test('IW-04 a pair keeps its number, and the number leads back to the user', async () => {
    const { leases, events } = build()
    const first = await leases.borrow(sms, pool, ALICE, HANDSET, 0)
    expect(await leases.borrow(sms, pool, ALICE, HANDSET, 0)).toBe(first)
    expect(await leases.holder(sms, pool, first as Uri, HANDSET)).toBe(ALICE)
    expect(events).toEqual(['granted', 'renewed'])
  })

  test('IW-04 two users never share a number towards one correspondent, and may towards two', async () => {
    const { leases, events } = build()
    const numbers = [await leases.borrow(sms, pool, ALICE, HANDSET, 0), await leases.borrow(sms, pool, BOB, HANDSET, 0)]
    expect(new Set(numbers).size).toBe(2)
    expect(await leases.borrow(sms, pool, 'sip:carol@cpm.example' as Uri, HANDSET, 0)).toBeUndefined()
    expect(events.at(-1)).toBe('exhausted')
    expect(await leases.borrow(sms, pool, 'sip:carol@cpm.example' as Uri, 'tel:+12065550199' as Uri, 0)).toBeDefined()
  })

  test('IW-04 a number that becomes free does not move a pair that has one', async () => {
    const { leases, notes } = build()
    await leases.borrow(sms, pool, BOB, HANDSET, 0)
    const mine = await leases.borrow(sms, pool, ALICE, HANDSET, 0)
    for (const key of [...notes.content.keys()])
      if (key.startsWith('lease|') && notes.content.get(key)?.includes(BOB)) notes.content.delete(key)
    expect(await leases.borrow(sms, pool, ALICE, HANDSET, 0)).toBe(mine)
  })
})

describe('life of a lease', () => {
  const pool = { numbers: ['tel:+18880001'], lease: 1_000 }
  const sms = 'sms' as ServiceId

  test('IW-04 it begins when the message can be under way no more, and no later use shortens it', async () => {
    const { leases, notes } = build()
    const number = (await leases.borrow(sms, pool, ALICE, HANDSET, 50_000)) as Uri
    expect([...notes.lives.values()]).toEqual([51_000, 51_000])
    await leases.borrow(sms, pool, ALICE, HANDSET, 10_000)
    await leases.holder(sms, pool, number, HANDSET)
    expect([...notes.lives.values()]).toEqual([51_000, 51_000])
  })

  test('IW-04 an answer that comes in is a use of it', async () => {
    let now = 0
    const { leases, notes } = build({ now: () => now, after: () => () => {} })
    const number = (await leases.borrow(sms, pool, ALICE, HANDSET, 0)) as Uri
    notes.lives.clear()
    now = 400
    expect(await leases.holder(sms, pool, number, HANDSET)).toBe(ALICE)
    expect(notes.lives.size).toBe(0)
    now = 600
    expect(await leases.holder(sms, pool, number, HANDSET)).toBe(ALICE)
    expect([...notes.lives.values()]).toEqual([1_000, 1_000])
  })
})

describe('the user behind an address dialled', () => {
  const directory: UserDirectory = {
    find: (address) => (alice.addresses.includes(address as Uri) ? { ...alice, password: '' } : undefined),
    all: () => [],
  }

  test('ID-04 any address of a user leads to him; others to nobody', async () => {
    const recipients = createRecipients(build().leases, directory)
    expect(await recipients.behind(service('sms', addresses({})), 'tel:+12065550100' as Uri, HANDSET)).toBe(ALICE)
    expect(await recipients.behind(service('sms', addresses({})), 'tel:+12065559999' as Uri, HANDSET)).toBeUndefined()
    expect(
      await recipients.behind(service('sms', addresses({ own: false })), 'tel:+12065550100' as Uri, HANDSET),
    ).toBeUndefined()
  })

  test('IWF-MSG-02 fixed pairs and inbound rules are the way back', async () => {
    const recipients = createRecipients(build().leases, directory)
    const fixed = service('sms', addresses({ fixed: { [ALICE]: 'tel:+19995550000' } }))
    expect(await recipients.behind(fixed, 'tel:+19995550000' as Uri, HANDSET)).toBe(ALICE)
    const ruled = service('sms', addresses({ inbound: [{ match: '^tel:\\+1777(.*)$', replace: 'tel:+1206$1' }] }))
    expect(await recipients.behind(ruled, 'tel:+17775550100' as Uri, HANDSET)).toBe(ALICE)
  })

  test('behind an external core every mapped address is the core’s to know', async () => {
    const recipients = createRecipients(build().leases, undefined)
    expect(await recipients.behind(service('sms', addresses({})), 'tel:+12065559999' as Uri, HANDSET)).toBe(
      'tel:+12065559999',
    )
  })

  test('IW-04 a pool number leads to whoever spoke with this sender, and to nobody for others', async () => {
    const { leases } = build()
    const pool = { numbers: ['tel:+18880001'], lease: 1_000 }
    const recipients = createRecipients(leases, directory)
    const sms = service('sms', addresses({ pool }))
    await leases.borrow(sms.id, pool, BOB, HANDSET, 0)
    expect(await recipients.behind(sms, 'tel:+18880001' as Uri, HANDSET)).toBe(BOB)
    expect(await recipients.behind(sms, 'tel:+18880001' as Uri, 'tel:+12065550199' as Uri)).toBeUndefined()
  })
})
