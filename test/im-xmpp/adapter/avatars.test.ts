import { hash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LinkedContent } from '../../../adapters/contract/links.js'
import { startXmppServer, type XmppServer } from '../../../adapters/im-xmpp/simulator/index.js'
import { attribute, child } from '../../../adapters/im-xmpp/stream/element.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { XmlElement } from '../../../gateway/cpm/xml.js'
import { type Inbox, inbox } from '../../../scripts/rig/inbox.js'
import { startWorld, type World } from '../../peers/xmpp/world.js'

const ALICE = 'alice@cpm.xmpp.example'
const ALICE_URI = 'sip:alice@cpm.example' as Uri
const BOB_URI = 'xmpp:bob@xmpp.example' as Uri
const PICTURE = Buffer.from('\x89PNG\r\n\x1a\n a face', 'latin1')
const DIGEST = hash('sha1', PICTURE)
const LARGE = Buffer.concat([PICTURE, Buffer.alloc(140_000)])

describe('avatars', () => {
  let server: XmppServer
  let world: World
  let stanzas: Inbox<XmlElement>
  let kept: [string, LinkedContent][]

  beforeEach(async () => {
    server = await startXmppServer()
    stanzas = inbox<XmlElement>((element) => JSON.stringify(element))
    server.events.on('stanza', (element) => stanzas.push(element))
    kept = []
    const links = {
      maxBytes: 1_000_000,
      length: 40,
      keep: async (key: string, content: LinkedContent) => {
        kept.push([key, content])
        return `https://m.example/content/${key.slice(-6)}`
      },
    }
    world = await startWorld(
      { components: [{ port: server.port, domain: 'cpm.xmpp.example', secret: 'secret' }] },
      { links },
    )
    await world.ready()
    await world.adapter.presence?.watch(ALICE_URI, BOB_URI)
    server.write(`<presence from='bob@xmpp.example' to='${ALICE}' type='subscribed'/>`)
  })
  afterEach(async () => {
    await world.stop(AbortSignal.timeout(1_000))
    await server.stop()
  })

  const shows = (digest: string, resource = 'phone') =>
    server.write(
      `<presence from='bob@xmpp.example/${resource}' to='${ALICE}'><x xmlns='vcard-temp:x:update'><photo>${digest}</photo></x></presence>`,
    )
  const questions = () => stanzas.items.filter((each) => each.local === 'iq' && child(each, 'vCard') !== undefined)
  /** What bob's card has from now on; the first answer is the answer, before the one the simulated server has by itself. */
  const card = (photo: string) =>
    server.events.on('stanza', (element) => {
      if (element.local !== 'iq' || child(element, 'vCard') === undefined) return
      const [id, to] = [attribute(element, 'id'), attribute(element, 'to')]
      server.write(
        `<iq type='result' id='${id}' from='${to}' to='${ALICE}'><vCard xmlns='vcard-temp'><PHOTO>${photo}</PHOTO></vCard></iq>`,
      )
    })
  const icon = async (fits: (link: string | undefined) => boolean) => {
    const event = await world.presence.next(
      'the picture',
      (each) => each.kind === 'changed' && each.state.kind === 'active' && fits(each.state.presence.person?.icon),
    )
    return event.kind === 'changed' && event.state.kind === 'active' ? event.state.presence.person?.icon : undefined
  }
  const settled = () => server.say({ to: ALICE, text: 'done' })

  test('CPM-IWF-013 XEP-0153 the avatar of an XMPP user is a status-icon, asked for once, and gone when he takes it away', async () => {
    card(`<TYPE>text/html</TYPE><BINVAL>${PICTURE.toString('base64')}</BINVAL>`)
    shows(DIGEST)
    expect(await icon((link) => link !== undefined)).toBe(`https://m.example/content/${DIGEST.slice(-6)}`)
    expect(kept).toEqual([[`avatar ${DIGEST}`, { type: 'image/png', octets: PICTURE }]])
    shows(DIGEST, 'laptop')
    await settled()
    expect(questions().map((each) => attribute(each, 'to'))).toEqual(['bob@xmpp.example'])
    shows('')
    await icon((link) => link === undefined)
  })

  test.each([
    [
      'another picture than was spoken of',
      `<BINVAL>${Buffer.from('\x89PNG\r\nother', 'latin1').toString('base64')}</BINVAL>`,
      DIGEST,
    ],
    ['no picture', `<BINVAL>${Buffer.from('<script>').toString('base64')}</BINVAL>`, hash('sha1', '<script>')],
    ['more than a picture of that size needs', `<BINVAL>${LARGE.toString('base64')}</BINVAL>`, hash('sha1', LARGE)],
    ['an address', '<EXTVAL>http://127.0.0.1/x.png</EXTVAL>', DIGEST],
    ['nothing', '', DIGEST],
  ])('what is no avatar is none: %s', async (_, photo, digest) => {
    card(photo)
    shows(digest)
    await settled()
    await settled()
    expect(questions()).toHaveLength(1)
    expect(kept).toEqual([])
    expect(JSON.stringify(world.presence.items)).not.toContain('icon')
  })

  test('somebody who changes it all the time, or is not watched, is not asked all the time', async () => {
    for (let index = 0; index < 20; index++) shows(hash('sha1', String(index)))
    server.write(
      `<presence from='eve@evil.example/x' to='${ALICE}'><x xmlns='vcard-temp:x:update'><photo>${DIGEST}</photo></x></presence>`,
    )
    await settled()
    expect(questions().length).toBeLessThanOrEqual(3)
    expect(questions().some((each) => attribute(each, 'to') === 'eve@evil.example')).toBe(false)
  })

  test('CPM-IWF-014 the status-icon of a CPM user is in his card for those who have been shown it', async () => {
    const link = 'https://pictures.example/alice.png'
    const presence = { tuples: [{ id: 'a', open: true }], person: { activities: [], moods: [], icon: link } }
    await world.adapter.presence?.notify(ALICE_URI, BOB_URI, { kind: 'active', presence })
    const seenBy = async (from: string) => {
      server.write(`<iq type='get' id='${from}' from='${from}/x' to='${ALICE}'><vCard xmlns='vcard-temp'/></iq>`)
      return JSON.stringify(await stanzas.next('the card', (each) => attribute(each, 'id') === from))
    }
    expect(await seenBy('bob@xmpp.example')).toContain(link)
    expect(await seenBy('eve@xmpp.example')).not.toContain(link)
    await world.adapter.presence?.notify(ALICE_URI, BOB_URI, { kind: 'ended', reason: 'rejected' })
    expect(await seenBy('bob@xmpp.example')).not.toContain(link)
  })
})
