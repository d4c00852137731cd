import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LinkedContent } from '../../../adapters/contract/links.js'
import { startXmppServer, type XmppServer } from '../../../adapters/im-xmpp/simulator/index.js'
import type { MessageId, Uri } from '../../../gateway/cpm/ids.js'
import { recordingSide, startWorld, type World } from '../../peers/xmpp/world.js'

const ALICE = 'sip:alice@cpm.example' as Uri
const BOB = 'xmpp:bob@xmpp.example' as Uri
const PICTURE = { type: 'image/png', base64: Buffer.from('a picture').toString('base64') }

/** Where the XMPP server has no upload service, the gateway's own contents take its place. */
describe('files of CPM users at the gateway', () => {
  let server: XmppServer
  let world: World
  let room: boolean | 'unknown'
  let kept: LinkedContent[]

  beforeEach(async () => {
    server = await startXmppServer()
    room = true
    kept = []
    const links = {
      maxBytes: 1_000,
      length: 40,
      async keep(_: string, content: LinkedContent) {
        if (room === 'unknown') throw new Error('the store is away')
        if (room) kept.push(content)
        return room ? `https://m.example/content/${kept.length}` : undefined
      },
    }
    world = await startWorld(
      { components: [{ port: server.port, domain: 'cpm.xmpp.example', secret: 'secret' }] },
      { links },
    )
    await world.ready()
  })
  afterEach(async () => {
    await world.stop(AbortSignal.timeout(1_000))
    await server.stop()
  })

  test('IWF-MSG-01 a picture arrives as a link to it', async () => {
    expect((await world.send({ from: ALICE, to: BOB, content: PICTURE })).kind).toBe('accepted')
    expect(server.messages.map(({ text }) => text)).toEqual(['https://m.example/content/1'])
    expect(kept).toMatchObject([{ type: 'image/png', octets: Buffer.from('a picture') }])
    expect(world.adapter.capabilities.media).toContain('image/*')
  })

  test('a picture there is no room for waits; one that is too large is not carried', async () => {
    for (room of [false, 'unknown'] as const)
      expect(await world.send({ from: ALICE, to: BOB, content: PICTURE })).toMatchObject({ kind: 'busy' })
    const large = { type: 'image/png', base64: Buffer.alloc(2_000).toString('base64') }
    expect(await world.send({ from: ALICE, to: BOB, content: large })).toMatchObject({ kind: 'refused' })
    expect(server.messages).toEqual([])
  })

  test('IWF-SESS-02 a picture that is said in a session arrives as a link as well', async () => {
    const invitation = { id: 'i', from: ALICE, to: BOB, expiresAt: Date.now() + 5_000 }
    const answer = await world.adapter.sessions?.invite(invitation, recordingSide(), new AbortController().signal)
    if (answer?.kind !== 'accepted') throw new Error(JSON.stringify(answer))
    const said = await answer.side.say({
      messageId: 'p' as MessageId,
      from: { address: ALICE },
      content: PICTURE,
      sentAt: Date.now(),
      reports: { delivered: false, failed: false, displayed: false },
    })
    expect(said).toEqual({ kind: 'taken' })
    expect(server.messages.map(({ text }) => text)).toEqual(['https://m.example/content/1'])
  })
})
