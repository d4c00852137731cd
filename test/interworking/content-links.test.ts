import { expect, test } from 'vitest'
import type { ServiceId } from '../../gateway/cpm/ids.js'
import { createContentLinks } from '../../gateway/interworking/content-links.js'
import { memoryNotes } from './support.js'

const [SMS, MMS] = ['sms', 'mms'] as ServiceId[] as [ServiceId, ServiceId]
const picture = { type: 'image/png', octets: Buffer.from('png') }

function links(notes = memoryNotes(), room = true) {
  const kept: string[] = []
  const contents = {
    keep: async (id: string) => kept.push(id) > 0 && room,
    fetch: async () => undefined,
  }
  const of = createContentLinks({ contents, notes, url: 'https://m.example/c', life: 1_000, maxBytes: 10 })
  return { of, kept }
}

test('the same content has the same address, over restarts too; others have others', async () => {
  const notes = memoryNotes()
  const first = await links(notes).of(SMS).keep('m1/0', picture)
  expect(first).toMatch(/^https:\/\/m\.example\/c\/[\w-]{24}$/)
  expect(first).toHaveLength(links(notes).of(SMS).length)
  expect(await links(notes).of(SMS).keep('m1/0', picture)).toBe(first)
  const others = [links(notes).of(SMS).keep('m1/1', picture), links(notes).of(MMS).keep('m1/0', picture)]
  for (const other of await Promise.all(others)) expect(other).not.toBe(first)
  // Without the secret nobody can tell.
  expect(await links().of(SMS).keep('m1/0', picture)).not.toBe(first)
})

test('what is too large or has no room gets none', async () => {
  const large = { type: 'image/png', octets: Buffer.alloc(11) }
  const { of, kept } = links()
  expect(await of(SMS).keep('m1/0', large)).toBeUndefined()
  expect(kept).toEqual([])
  expect(await links(memoryNotes(), false).of(SMS).keep('m1/0', picture)).toBeUndefined()
})
