import { expect, test } from 'vitest'
import type { Uri } from '../../gateway/cpm/ids.js'
import type { Archive, ArchiveEntry } from '../../gateway/spool/archive.js'
import type { BoxEntry, Boxes } from '../../gateway/spool/boxes.js'
import { openStage } from './stage.js'

const ALICE = 'sip:alice@cpm.example' as Uri
const BOB = 'sip:bob@cpm.example' as Uri

test('GAP-05 as it comes, messages wait in the store that is built in, and no history is kept', async () => {
  const stage = await openStage({ preferences: { bob: { history: true } } })
  const alice = await stage.device('alice')
  expect((await alice.say({ to: BOB, text: 'later' })).answer.status).toBe(202)
  const bob = await stage.device('bob')
  expect((await bob.nextText('what waited', () => true)).text).toBe('later')
  expect(await stage.history.read(BOB, {})).toEqual({ items: [] })
})

test('GAP-05 GAP-01 both work on stores of another kind, behind their ports', async () => {
  const { boxes, archive, boxed } = elsewhere()
  const conversation = { history: { offered: true } }
  const preferences = { alice: { history: true }, bob: { history: true } }
  const stage = await openStage({ boxes, archive, conversation, preferences })
  const alice = await stage.device('alice')
  for (const text of ['one', 'two']) expect((await alice.say({ to: BOB, text })).answer.status).toBe(202)
  expect(boxed().length).toBe(2)
  const bob = await stage.device('bob')
  for (const text of ['one', 'two']) expect((await bob.nextText(text, () => true)).text).toBe(text)
  const { items } = await stage.history.read(BOB, {})
  expect(items.map(({ content }) => 'text' in content && content.text)).toEqual(['two', 'one'])
  expect((await stage.history.read(ALICE, {})).items.length).toBe(2)
})

/** Stores of the test's own: nothing of Redis in them. */
function elsewhere() {
  let entries: { readonly owner: string; readonly entry: BoxEntry }[] = []
  const first = async (owner: string, folder: string, most: number) =>
    entries.flatMap(({ entry, ...of }) => (of.owner === owner && entry.folder === folder ? [entry] : [])).slice(0, most)
  const remove = (owner: string, ids: readonly string[]): number => {
    const before = entries.length
    entries = entries.filter((each) => each.owner !== owner || !ids.includes(each.entry.id))
    return before - entries.length
  }
  const boxes: Boxes = {
    async put(owner, entry) {
      entries.push({ owner, entry })
      return 'kept'
    },
    first,
    async next(owner, removed, folder, most) {
      remove(owner, [removed])
      return first(owner, folder, most)
    },
    find: async (owner, id) => entries.find((each) => each.owner === owner && each.entry.id === id)?.entry,
    remove: async (owner, ids) => remove(owner, ids),
    replace: async () => false,
    count: async (owner, folder) => (await first(owner, folder, 1_000)).length,
    due: async () => [],
  }
  const kept: { readonly owner: string; readonly entry: ArchiveEntry }[] = []
  const archive: Archive = {
    add: async (owner, entry) => void kept.unshift({ owner, entry }),
    list: async (owner) => kept.flatMap((each) => (each.owner === owner ? [each.entry] : [])),
    clear: async () => {},
  }
  return { boxes, archive, boxed: () => entries }
}
