import { describe, expect, test } from 'vitest'
import {
  createSessionRecords,
  newRecord,
  type SessionRecord,
  type SessionRecords,
} from '../../../gateway/conversation/focus/records.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { redisForTest, spoolForTest } from '../../spool/kit.js'

const GROUP = 'sip:friends@groups.cpm.example' as Uri
const ALICE = { uri: 'sip:alice@cpm.example' as Uri, addresses: ['sip:alice@cpm.example' as Uri] }
const HOUR = 3_600_000
const AT = 'sip:10.0.0.1:5060'

async function nodes(): Promise<readonly [SessionRecords, SessionRecords, SessionRecords]> {
  const { notes } = await spoolForTest(await redisForTest())
  return [createSessionRecords(notes, 'gw1'), createSessionRecords(notes, 'gw2'), createSessionRecords(notes, 'gw3')]
}
const recordOf = (node: string): SessionRecord => newRecord({ node, group: GROUP, address: GROUP }, ALICE, {})

describe('the record of a session', () => {
  test('GRP-ORIG-05: of nodes that begin the session of a group at the same time one does, and the others find it there', async () => {
    const all = await nodes()
    const found = await Promise.all(all.map((records) => records.ofGroup(GROUP)))
    expect(found).toEqual([{ kind: 'none' }, { kind: 'none' }, { kind: 'none' }])
    await Promise.all(all.map((records) => records.alive(HOUR, AT)))
    const made = all.map((_, index) => recordOf(`gw${index + 1}`))
    const taken = await Promise.all(
      all.map((records, index) => records.take(made[index] as SessionRecord, HOUR, { kind: 'none' })),
    )
    expect(taken.filter((one) => one)).toHaveLength(1)
    // Nothing is left of those that came too late.
    const left = await Promise.all(made.map(({ identity }) => all[0].find(identity)))
    expect(left.map(({ kind }) => kind !== 'none')).toEqual(taken)
    const after = await Promise.all(all.map((records) => records.ofGroup(GROUP)))
    expect(after.map((one) => one.kind)).toEqual(taken.map((isOurs) => (isOurs ? 'found' : 'elsewhere')))
    expect(after.find((one) => one.kind === 'elsewhere')).toEqual({ kind: 'elsewhere', at: AT })
  })

  test('GRP-ORIG-07: of nodes that take up what a dead one has left one does', async () => {
    const [first, second, third] = await nodes()
    const record = recordOf('gw1')
    await first.take(record, HOUR, { kind: 'none' })
    const [two, three] = [await second.find(record.identity), await third.find(record.identity)]
    await Promise.all([second.alive(HOUR, AT), third.alive(HOUR, undefined)])
    const taken = await Promise.all([
      second.take({ ...record, node: 'gw2' }, HOUR, two),
      third.take({ ...record, node: 'gw3' }, HOUR, three),
    ])
    expect(taken.filter((one) => one)).toHaveLength(1)
    const loser = taken[0] ? third : second
    expect((await loser.find(record.identity)).kind).toBe('elsewhere')
  })

  test('a group whose session is gone without a trace has a new one', async () => {
    const [first, second, third] = await nodes()
    const record = recordOf('gw1')
    await first.take(record, HOUR, { kind: 'none' })
    await first.remove({ identity: record.identity } as SessionRecord)
    const found = await second.ofGroup(GROUP)
    expect(found).toEqual({ kind: 'none', stale: record.identity })
    expect(await second.take(recordOf('gw2'), HOUR, { kind: 'none' })).toBe(false)
    expect(await second.take(recordOf('gw2'), HOUR, found)).toBe(true)
    // Who has found the same comes too late.
    expect(await third.take(recordOf('gw3'), HOUR, found)).toBe(false)
    // The end of the former session is not that of the new one.
    await first.remove(record)
    expect((await second.ofGroup(GROUP)).kind).toBe('found')
  })

  test('a node that is stopped says so: nobody has to wait until its life is over', async () => {
    const [first, second] = await nodes()
    const record = recordOf('gw1')
    await first.alive(HOUR, AT)
    await first.take(record, HOUR, { kind: 'none' })
    expect(await second.find(record.identity)).toEqual({ kind: 'elsewhere', at: AT })
    await first.gone()
    expect(await second.find(record.identity)).toEqual({ kind: 'found', record })
  })
})
