import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFramer, type Framed } from '../../../adapters/sms-smpp/wire/frame.js'
import { encodePdu } from '../../../adapters/sms-smpp/wire/pdu.js'

const LINK = encodePdu('enquire_link', 0, 7)
const OUTBIND = encodePdu('outbind', 0, 8, { system_id: 'SMSC1', password: 'outpw' })

const pdusOf = (framed: Framed[]) => framed.map((one) => (one.kind === 'pdu' ? one.bytes.toString('hex') : one.fault))

/** Cuts octets at the given places. */
function chunksOf(stream: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length]
  return places.slice(1).map((end, index) => stream.subarray(places[index], end))
}

describe('framer', () => {
  it('gives every PDU once, however the stream is cut', () => {
    const pdu = fc.uint8Array({ maxLength: 400 }).map((body) => {
      const bytes = Buffer.alloc(16 + body.length)
      bytes.writeUInt32BE(bytes.length, 0)
      bytes.writeUInt32BE(0x05, 4)
      bytes.set(body, 16)
      return bytes
    })
    fc.assert(
      fc.property(fc.array(pdu, { maxLength: 8 }), fc.array(fc.nat(4000), { maxLength: 40 }), (pdus, cuts) => {
        const framer = createFramer()
        const framed = chunksOf(Buffer.concat(pdus), cuts).flatMap((chunk) => framer.push(chunk))
        expect(pdusOf(framed)).toEqual(pdus.map((bytes) => bytes.toString('hex')))
        expect(framer.buffered()).toBe(0)
      }),
    )
  })

  it('does not depend on the chunks for the fault either', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.array(fc.nat(200), { maxLength: 20 }), (noise, cuts) => {
        const stream = Buffer.concat([LINK, OUTBIND, Buffer.from(noise)])
        const whole = createFramer({ maxBytes: 300 })
        const cut = createFramer({ maxBytes: 300 })
        expect(chunksOf(stream, cuts).flatMap((chunk) => cut.push(chunk))).toEqual(whole.push(stream))
        expect(cut.buffered()).toBe(whole.buffered())
      }),
    )
  })

  it('copies nothing when a chunk holds the whole PDU', () => {
    const chunk = Buffer.concat([LINK, OUTBIND])
    for (const framed of createFramer().push(chunk)) {
      expect(framed.kind === 'pdu' && framed.bytes.buffer === chunk.buffer).toBe(true)
    }
  })

  it('keeps the PDUs before a fault and is deaf after it', () => {
    const framer = createFramer()
    const framed = framer.push(Buffer.concat([LINK, Buffer.alloc(16), LINK]))
    expect(pdusOf(framed)).toEqual([LINK.toString('hex'), 'length_below_header'])
    expect(framer.push(LINK)).toEqual([])
    expect(framer.buffered()).toBe(0)
  })

  it('takes the longest legal PDU', () => {
    const bytes = Buffer.alloc(66_000)
    bytes.writeUInt32BE(bytes.length, 0)
    const framer = createFramer()
    expect(framer.push(bytes.subarray(0, 40_000))).toEqual([])
    expect(framer.buffered()).toBe(40_000)
    expect(framer.push(bytes.subarray(40_000))).toEqual([{ kind: 'pdu', bytes }])
  })
})
