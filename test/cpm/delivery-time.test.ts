import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type DecodeContext, decodeCpmBody } from '../../gateway/cpm/decode.js'
import { encodeMessageBody } from '../../gateway/cpm/encode.js'
import type { Uri } from '../../gateway/cpm/ids.js'

const now = Date.UTC(2026, 10, 20, 12)
const HOUR = 3_600_000
const context: DecodeContext = {
  from: 'sip:alice@home.example' as Uri,
  addresses: [],
  target: 'tel:+15550101' as Uri,
  now,
  defaultLifeMs: 24 * HOUR,
  maxLifeMs: 24 * HOUR,
  domain: 'home.example',
}
const decode = (body: string) => decodeCpmBody({ contentType: 'message/cpim', body, header: () => undefined }, context)
const withTime = (time: string) =>
  decode(
    'From: <sip:alice@home.example>\r\nTo: <tel:+15550101>\r\nNS: c <tag:causeway.invalid,2026:cpim>\r\n' +
      `c.Deliver-At: ${time}\r\n\r\nContent-Type: text/plain\r\n\r\nhi`,
  )

it('the header of our own namespace says when a message is to arrive, under whatever prefix', () => {
  expect(withTime('2026-11-20T14:00:00+01:00')).toMatchObject({ message: { deliverAt: now + HOUR } })
})

it('a time that is over asks for nothing; one that is none, or after the end of its life, is refused', () => {
  expect(withTime('2026-11-20T11:00:00Z')).not.toHaveProperty('message.deliverAt')
  expect(withTime('tomorrow')).toMatchObject({ kind: 'fault', fault: 'malformed' })
  expect(withTime('2026-11-21T12:00:00Z')).toMatchObject({ kind: 'fault', fault: 'malformed' })
})

it('what is written is read again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 24 * HOUR - 1 }), (wait) => {
      const read = withTime(new Date(now + wait).toISOString())
      if (read.kind !== 'message') throw new Error(read.kind)
      expect(decode(encodeMessageBody(read.message).body)).toMatchObject({ message: { deliverAt: now + wait } })
    }),
  )
})

it('never throws', () => {
  fc.assert(fc.property(fc.string(), (time) => void withTime(time.replace(/[\r\n]/g, ''))))
})
