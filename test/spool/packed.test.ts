import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packed, UNPACK } from '../../gateway/spool/packed.js'
import { lua, run } from '../../gateway/spool/script.js'
import { itemOf, ONE_DAY, redisForTest, spoolForTest } from './kit.js'

const ECHO = lua`${UNPACK}
local arrived = {}
for i = 4, #ARGV do arrived[#arrived + 1] = tostring(ARGV[i]) end
for _ = 1, ARGV[3] do arrived[#arrived + 1] = text() end
return arrived
`
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.constant('\ud800"\\\0'))

describe('packed arguments', () => {
  it('arrive as they were, but for halves of surrogate pairs', async () => {
    const { command, prefix } = await redisForTest()
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(text, fc.nat(2 ** 31)), { maxLength: 20 }),
        fc.array(text),
        async (args, texts) => {
          const arrived = await run(command, ECHO, prefix, packed([{ name: 'put', args, texts }]))
          expect(arrived).toEqual([...args, ...texts].map((argument) => Buffer.from(String(argument)).toString()))
        },
      ),
    )
  })

  it('an id that is no Unicode does not stop those it is stored with', async () => {
    const spool = await spoolForTest(await redisForTest())
    const ids = ['a', 'b\udc00', 'c']
    const stored = await Promise.all(ids.map((id) => spool.put(itemOf({ id }), ONE_DAY)))
    expect(stored).toEqual(['stored', 'stored', 'stored'])
    expect(await spool.put(itemOf({ id: 'b\udc00' }), ONE_DAY)).toBe('duplicate')
  })

  it('an operation that Redis refuses fails alone', async () => {
    const redis = await redisForTest()
    const spool = await spoolForTest(redis)
    await redis.command.set(`${redis.prefix}:lane:broken`, 'no stream')
    const lanes = ['work', 'broken', 'work']
    const stored = await Promise.allSettled(lanes.map((lane) => spool.put(itemOf({ lane }), ONE_DAY)))
    expect(stored.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await redis.command.xlen(`${redis.prefix}:lane:work`)).toBe(2)
  })

  it('operations of many megabytes are stored, those larger than a whole call should be too', async () => {
    const spool = await spoolForTest(await redisForTest())
    const large = (id: string) => itemOf({ id, payload: { octets: 'x'.repeat(5_000_000) } })
    const stored = await Promise.all(['a', 'b', 'c'].map((id) => spool.put(large(id), ONE_DAY)))
    expect(stored).toEqual(['stored', 'stored', 'stored'])
    const huge = itemOf({ id: 'd', payload: { octets: 'x'.repeat(9_000_000) } })
    expect(await spool.put(huge, ONE_DAY)).toBe('stored')
  })
})
