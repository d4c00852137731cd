import { expect, test } from 'vitest'
import { header } from '../../../scripts/rig/sip-text.js'
import { listed } from './listed.js'
import { answer, newPath, talkOf } from './phone.js'
import { LISTS, openFocusStage, uri } from './stage.js'
import { watch } from './watch.js'

const any = (): boolean => true
const REF = 'resource-lists/users/sip:alice@cpm.example/index/~~/resource-lists/list'
const ANCHOR = 'http://xcap.cpm.example/lists/friends'
const STORED = [`<entry-ref ref="${REF}"/>`, `<external anchor="${ANCHOR}"/>`, '<entry uri="bob"/>']

test('GRP-ORIG-04: an entry that points to a stored list, or is no address, is refused by itself; who else is listed is invited', async () => {
  const stage = await openFocusStage()
  const [alice, bob] = [await stage.phone('alice'), await stage.phone('bob')]
  const path = newPath()
  const { body, headers } = listed([...STORED, uri('bob')], path)
  const call = alice.call(LISTS, body, headers)
  const bobs = await answer(bob, await bob.calls.next('INVITE', any))
  const alices = await talkOf(alice, { path, call })
  const subscription = await watch(stage, 'alice', alices.identity)
  const { text } = await subscription.until({
    [uri('bob')]: 'connected',
    ...Object.fromEntries([REF, ANCHOR, 'bob'].map((entry) => [entry, 'disconnected failed'])),
  })
  expect(text.match(/SIP;cause=404/g)).toHaveLength(3)
  await alices.dialog.bye()
  await bobs.next('BYE')
  await stage.quiet()
})

test('GRP-ORIG-04: a list of nothing else is not found', async () => {
  const stage = await openFocusStage()
  const { body, headers } = listed(STORED, newPath())
  expect((await (await stage.phone('alice')).call(LISTS, body, headers).final).status).toBe(404)
  await stage.quiet()
})

test('CF-GRP-03: each invitation says who else is invited openly, and nothing of others (RFC 5366 §7, RFC 5364 §5)', async () => {
  const stage = await openFocusStage()
  const [alice, bob, dave] = [await stage.phone('alice'), await stage.phone('bob'), await stage.phone('dave')]
  const path = newPath()
  const entries = [
    `<entry uri="${uri('bob')}" cp:copyControl="to"/>`,
    `<entry uri="${uri('carol')}" cp:copyControl="cc" cp:anonymize="true"/>`,
    `<entry uri="${uri('dave')}" cp:copyControl="bcc"/>`,
  ]
  const { body, headers } = listed(entries, path)
  const call = alice.call(LISTS, body, headers)
  const [toBob, toDave] = [await bob.calls.next('INVITE', any), await dave.calls.next('INVITE', any)]
  for (const { invite } of [toBob, toDave]) {
    expect(header(invite, 'content-type')).toMatch(/^multipart\/mixed;boundary=/)
    const text = invite.body.toString()
    expect(text).toContain('Content-Disposition: recipient-list-history; handling=optional')
    expect(text.match(/<entry [^>]*>/g)).toEqual([
      `<entry uri="${uri('bob')}" cp:copyControl="to"/>`,
      '<entry uri="sip:anonymous@anonymous.invalid" cp:copyControl="cc" cp:anonymize="true"/>',
    ])
  }
  const bobs = await answer(bob, toBob)
  const alices = await talkOf(alice, { path, call })
  toDave.refuse(603)
  await alices.dialog.bye()
  await bobs.next('BYE')
  await stage.quiet()
})

test('GRP-ORIG-04: what is kept of a session is not written anew for each entry of a long list', async () => {
  let written = 0
  const stage = await openFocusStage({
    lists: { maxParticipants: 500 },
    notes: (store) => ({
      ...store,
      async put(note) {
        if (note.key.startsWith('session:')) written++
        await store.put(note)
      },
    }),
  })
  const [alice, bob] = [await stage.phone('alice'), await stage.phone('bob')]
  const many = Array.from({ length: 300 }, (_, index) => `tel:+1206555${1_000 + index}`)
  const path = newPath()
  const { body, headers } = listed([...many, uri('bob')], path)
  const placed = { path, call: alice.call(LISTS, body, headers) }
  await answer(bob, await bob.calls.next('INVITE', any))
  await talkOf(alice, placed)
  expect(written).toBeLessThan(5)
})
