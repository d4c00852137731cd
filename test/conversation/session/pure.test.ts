import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eligibleDevices } from '../../../gateway/conversation/session/eligible.js'
import { cpimText } from '../../../gateway/conversation/session/large/cpim-text.js'
import { carryAnswer, carryOffer, type Slot } from '../../../gateway/conversation/session/slots.js'
import { parseCpim } from '../../../gateway/cpm/cpim.js'
import type { Features } from '../../../gateway/cpm/features.js'
import type { Description, Media } from '../../../gateway/msrp/sdp/description.js'

const HEADS =
  'From: <sip:a@x>\r\nTo: <sip:b@x>\r\nDateTime: 2026-01-01T00:00:00Z\r\n\r\nContent-Type: image/png\r\n\r\n'

describe('a message/cpim of octets', () => {
  test('text stays as it is; other octets are put into base64 and are the same again', () => {
    expect(cpimText(Buffer.from(`${HEADS}grüß dich`))).toBe(`${HEADS}grüß dich`)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (body) => {
        const octets = Buffer.concat([Buffer.from(HEADS), Buffer.from([0xff]), body])
        const read = parseCpim(cpimText(octets) ?? '')
        if ('fault' in read) throw new Error(read.said)
        expect(Buffer.from(read.content.body, 'base64')).toEqual(Buffer.concat([Buffer.from([0xff]), body]))
      }),
    )
  })

  test('whatever comes, it is text or nothing', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2_000 }), (octets) => void cpimText(Buffer.from(octets))))
  })
})

const media = (kind: string, port = 9): Media => ({ kind, port, proto: 'x', formats: '*', lines: [] })
const description = (...streams: Media[]): Description => ({ session: ['v=0'], media: streams })
const allowed = ({ kind }: Media): boolean => kind !== 'video'

describe('streams on both sides', () => {
  test('MED-12: whatever is offered, by whichever side, sections keep their places and never get fewer', () => {
    const stream = fc.record({ kind: fc.constantFrom('message', 'audio', 'video'), port: fc.constantFrom(0, 9) })
    const offers = fc.array(fc.tuple(fc.constantFrom('near', 'far'), fc.array(stream, { minLength: 1, maxLength: 4 })))
    fc.assert(
      fc.property(offers, (rounds) => {
        let slots: readonly Slot[] = []
        const seen = { near: 0, far: 0 }
        for (const [from, streams] of rounds) {
          const to = from === 'near' ? 'far' : 'near'
          // RFC 3264 §8: who offers keeps the sections he knows.
          const padded = [...streams.map(({ kind, port }) => media(kind, port))]
          while (padded.length < seen[from]) padded.push(media('message', 0))
          const offer = description(...padded)
          const carried = carryOffer(slots, from, offer, allowed)
          if (!carried) continue
          expect(carried.offer.media.length).toBeGreaterThanOrEqual(seen[to])
          expect(carried.offer.media.every(({ kind, port }) => port === 0 || kind !== 'video')).toBe(true)
          const back = carryAnswer(carried.slots, from, offer, carried.offer)
          expect(back.media.length).toBe(offer.media.length)
          expect(back.media.map(({ kind }) => kind)).toEqual(offer.media.map(({ kind }) => kind))
          slots = carried.slots
          seen[from] = offer.media.length
          seen[to] = carried.offer.media.length
        }
      }),
    )
  })
})

describe('which devices are invited (GRP-TERM-02)', () => {
  const device = (instance: string, features: Features) => ({
    contact: instance,
    instance,
    features,
    q: 1,
    expiresAt: 1,
  })
  const icsi = (tail: string) => ({ '+g.3gpp.icsi-ref': `urn:urn-7:3gpp-service.ims.icsi.oma.cpm.${tail}` })
  const chosen = (features: readonly Features[], offer: { icsi: string; kinds: string[] }, unwanted: string[] = []) =>
    eligibleDevices(
      features.map((each, index) => device(`d${index}`, each)),
      offer,
      { accept: [], reject: [] },
      unwanted,
    ).chosen.map(({ instance }) => instance)

  test('those with the service and one of the kinds; all where none says anything', () => {
    const session = { icsi: 'oma.cpm.session', kinds: ['message'] }
    expect(chosen([{}, {}], session)).toEqual(['d0', 'd1'])
    expect(chosen([icsi('session'), icsi('msg'), {}], session)).toEqual(['d0'])
    expect(chosen([icsi('session'), { ...icsi('session'), audio: true }], { ...session, kinds: ['audio'] })).toEqual([
      'd1',
    ])
    expect(chosen([icsi('session'), icsi('session')], session, ['D0'])).toEqual(['d1'])
  })

  test('a device with sessions takes group sessions and files, one with messages large ones', () => {
    expect(chosen([icsi('session')], { icsi: 'oma.cpm.session.group', kinds: ['message'] })).toEqual(['d0'])
    expect(chosen([icsi('session')], { icsi: 'oma.cpm.filetransfer', kinds: ['message'] })).toEqual(['d0'])
    expect(chosen([icsi('msg')], { icsi: 'oma.cpm.largemsg', kinds: ['message'] })).toEqual(['d0'])
  })
})
