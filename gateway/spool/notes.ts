import { batched } from './batch.js'
import { keysOf } from './keys.js'
import { life } from './operation.js'
import type { RedisHandle } from './redis.js'
import { run } from './script.js'
import { SWAP } from './scripts/swap.js'
import { type NoteStore, SpoolUnavailable } from './spool.js'
import { available } from './unavailable.js'

/** Each lost race means that somebody else won one; so many in a row means something else. */
const MAX_RACES = 1_000

/** Notes in Redis. Those that are read in one turn of the event loop are read by one command. */
export function createNotes({ command, prefix }: RedisHandle): NoteStore {
  const keys = keysOf(prefix)
  const read = batched<string>(
    (names) => command.mget(...names),
    (name) => name.length,
  )

  async function get(key: string): Promise<string | undefined> {
    const value = await available(read(keys.note(key)))
    return typeof value === 'string' ? value : undefined
  }

  return {
    get,
    async put({ key, value, lifeMs }) {
      await available(command.set(keys.note(key), value, 'PX', life(lifeMs)))
    },
    async putIfAbsent({ key, value, lifeMs }) {
      return (await available(command.set(keys.note(key), value, 'PX', life(lifeMs), 'NX'))) === 'OK'
    },
    async remove(key) {
      await available(command.del(keys.note(key)))
    },
    async update(key, lifeMs, change) {
      for (let race = 0; race < MAX_RACES; race += 1) {
        const before = await get(key)
        const { next, result } = change(before === undefined ? undefined : JSON.parse(before))
        const after = next === undefined ? undefined : JSON.stringify(next)
        if (after === undefined && before === undefined) return result
        const expected = before === undefined ? ['0'] : ['1', before]
        const wanted = after === undefined ? ['0'] : ['1', after, life(lifeMs)]
        if ((await available(run(command, SWAP, prefix, [key, ...expected, ...wanted]))) === 1) return result
      }
      throw new SpoolUnavailable(`note ${key} changes too fast`)
    },
  }
}
