import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packed, UNPACK } from '../../gateway/spool/packed.js'
import { lua, run } from '../../gateway/spool/script.js'
import { itemOf, ONE_DAY, redisForTest, spoolForTest } from './kit.js'

const ECHO = lua`${UNPACK}
local texts = {}
for i = 1, #ARGV do texts[i] = tostring(ARGV[i]) end
return texts
`
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.constant('\ud800"\\\0'))

describe('packed arguments', () => {
  it('arrive as they were, but for halves of surrogate pairs', async () => {
    const { command, prefix } = await redisForTest()
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(text, fc.nat(2 ** 31)), { maxLength: 20 }), async (args) => {
        const arrived = await run(command, ECHO, prefix, [packed(args)])
        expect(arrived).toEqual(args.map((argument) => Buffer.from(String(argument)).toString()))
      }),
    )
  })

  it('an id that is no Unicode does not stop those it is stored with', async () => {
    const spool = await spoolForTest(await redisForTest())
    const ids = ['a', 'b\udc00', 'c']
    const stored = await Promise.all(ids.map((id) => spool.put(itemOf({ id }), ONE_DAY)))
    expect(stored).toEqual(['stored', 'stored', 'stored'])
    expect(await spool.put(itemOf({ id: 'b\udc00' }), ONE_DAY)).toBe('duplicate')
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
