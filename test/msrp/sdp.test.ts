import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildSdp, type Description, ownSessionLines, parseSdp } from '../../gateway/msrp/sdp/description.js'
import { buildMessageStream, type MessageStream, readMessageStream } from '../../gateway/msrp/sdp/message-stream.js'
import { acceptAnswer, answerStream, type OwnStream, offerStream } from '../../gateway/msrp/sdp/negotiate.js'
import { pathOf } from './rig.js'

const OFFER = `v=0
o=alice 3913 1 IN IP4 192.0.2.9
s=-
c=IN IP4 192.0.2.9
t=0 0
m=audio 49170 RTP/AVP 0 8
a=rtpmap:0 PCMU/8000
m=message 2855 TCP/MSRP *
a=path:msrp://192.0.2.9:2855/Tq83nLw0Zc5xKe;tcp
a=setup:actpass
a=accept-types:message/cpim
a=accept-wrapped-types:text/plain message/imdn+xml *
a=max-size:1048576
a=msrp-cema
a=file-selector:name:"harbour.png" type:image/png size:20480
a=sendrecv
m=video 49172 RTP/AVP 31
b=AS:1000
`.replace(/\n/g, '\r\n')

const read = (text: string): Description => {
  const description = parseSdp(text)
  if (description === undefined) throw new Error('no SDP')
  return description
}
const streamOf = (text: string): MessageStream => {
  const description = read(text)
  const found = description.media.flatMap((media) => readMessageStream(description, media) ?? [])[0]
  if (found === undefined) throw new Error('no message stream')
  return found
}
const own: OwnStream = {
  path: pathOf('msrp://198.51.100.1:2855/ours;tcp'),
  acceptTypes: ['message/cpim', 'application/im-iscomposing+xml'],
  wrappedTypes: ['*'],
  maxSize: 5000,
  reachable: true,
}

describe('descriptions', () => {
  test('other lines and streams keep their octets', () => {
    expect(buildSdp(read(OFFER))).toBe(OFFER)
  })

  test('MED-03 the message stream says what it is', () => {
    expect(streamOf(OFFER)).toEqual({
      host: '192.0.2.9',
      port: 2855,
      secure: false,
      path: pathOf('msrp://192.0.2.9:2855/Tq83nLw0Zc5xKe;tcp'),
      acceptTypes: ['message/cpim'],
      wrappedTypes: ['text/plain', 'message/imdn+xml', '*'],
      maxSize: 1_048_576,
      direction: 'sendrecv',
      setup: 'actpass',
      cema: true,
      others: ['a=file-selector:name:"harbour.png" type:image/png size:20480'],
    })
  })

  test('what is written is read back', () => {
    const type = fc.constantFrom('text/plain', 'message/cpim', '*', 'image/*')
    const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
    const stream = fc.record(
      {
        host: fc.constantFrom('192.0.2.1', '2001:db8::1', 'a.example'),
        port: fc.nat(65_535),
        secure: fc.boolean(),
        path: fc.constant(pathOf('msrps://r.example:9000/a;tcp msrp://a.example:1/b;tcp')),
        acceptTypes: fc.array(type, { minLength: 1, maxLength: 4 }),
        wrappedTypes: fc.array(type, { maxLength: 4 }),
        maxSize: optional(fc.nat()),
        direction: fc.constantFrom('sendrecv', 'sendonly', 'recvonly', 'inactive'),
        setup: optional(fc.constantFrom('active', 'passive', 'actpass', 'holdconn')),
        fingerprint: optional(fc.constant({ algorithm: 'sha-256', value: 'AB:CD:01' } as const)),
        cema: fc.boolean(),
        chatroom: optional(fc.subarray(['nickname', 'private-messages'])),
        others: fc.constantFrom([], ['a=label:1', 'i=x']),
      },
      { noNullPrototype: true },
    )
    fc.assert(
      fc.property(stream, (one) => {
        const media = buildMessageStream(one)
        const text = buildSdp({ session: ownSessionLines(1, 1, one.host), media: [media] })
        expect(streamOf(text)).toEqual(JSON.parse(JSON.stringify(one)))
      }),
    )
  })

  test('any text is read or refused, never worse', () => {
    const line = fc.oneof(fc.string(), fc.constantFrom(...OFFER.split('\r\n')))
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const description = parseSdp(['v=0', ...lines].join('\r\n'))
        for (const media of description?.media ?? []) if (description) readMessageStream(description, media)
      }),
    )
    for (const text of [
      '',
      'x',
      'v=1\r\n',
      `v=0\r\n${'a=x\r\n'.repeat(2000)}`,
      `v=0\r\n${'m=a 1 b c\r\n'.repeat(50)}`,
    ]) {
      expect(parseSdp(text)).toBeUndefined()
    }
  })

  test.each([
    ['no path', /a=path.*\r\n/, ''],
    ['a path that is none', /a=path:msrp/, 'a=path:http'],
    ['no types', /a=accept-types.*\r\n/, ''],
    ['another protocol', /TCP\/MSRP/, 'UDP/X'],
  ])('no message stream: %s', (_what, pattern, instead) => {
    const description = read(OFFER.replace(pattern, instead))
    expect(description.media.flatMap((media) => readMessageStream(description, media) ?? [])).toEqual([])
  })
})

describe('offer and answer', () => {
  const offered = streamOf(OFFER)

  test('an offer lets either side connect, or only us when nobody can reach us', () => {
    expect(offerStream(own)).toMatchObject({ setup: 'actpass', host: '198.51.100.1', port: 2855, cema: true })
    expect(offerStream({ ...own, reachable: false })).toMatchObject({ setup: 'active' })
  })

  test.each([
    ['actpass', true, 'passive'],
    ['actpass', false, 'active'],
    ['active', true, 'passive'],
    ['active', false, undefined],
    ['passive', true, 'active'],
    ['holdconn', true, undefined],
    [undefined, true, 'passive'],
  ] as const)('offered %s, reachable %s: %s', (setup, reachable, role) => {
    const { setup: _left, ...rest } = offered
    const result = answerStream({ ...rest, ...(setup && { setup }) }, { ...own, reachable })
    expect(result?.answer.setup).toBe(role)
    expect(result?.negotiated.role).toBe(role)
  })

  test.each([
    ['sendrecv', undefined, 'sendrecv'],
    ['sendonly', undefined, 'recvonly'],
    ['recvonly', undefined, 'sendonly'],
    ['inactive', undefined, 'inactive'],
    ['sendrecv', 'recvonly', 'recvonly'],
    ['sendonly', 'sendonly', 'inactive'],
  ] as const)('offered %s, wanted %s: answered %s', (direction, wanted, answered) => {
    const result = answerStream({ ...offered, direction }, { ...own, ...(wanted && { direction: wanted }) })
    expect(result?.answer.direction).toBe(answered)
  })

  test('MED-03 no type in common, TLS on one side only: the stream is refused', () => {
    expect(answerStream({ ...offered, acceptTypes: ['text/plain'] }, own)).toBeUndefined()
    expect(answerStream({ ...offered, secure: true }, own)).toBeUndefined()
    expect(answerStream({ ...offered, port: 0 }, own)).toBeUndefined()
    expect(answerStream({ ...offered, acceptTypes: ['application/*'] }, own)).toBeDefined()
  })

  test('msrp-cema: the address of c= and m= counts; without it, it has to be the path’s', () => {
    const moved = { ...offered, host: '203.0.113.5', port: 40_000, setup: 'passive' as const }
    expect(answerStream(moved, own)?.negotiated.connectTo).toEqual({ host: '203.0.113.5', port: 40_000 })
    expect(answerStream({ ...moved, cema: false }, own)).toBeUndefined()
    expect(answerStream({ ...moved, cema: false, setup: 'active' }, own)?.negotiated.role).toBe('passive')
    expect(answerStream({ ...offered, cema: false, setup: 'passive' }, own)?.negotiated.connectTo).toBeUndefined()
  })

  test('the answer settles who connects, where, and how much may be sent', () => {
    const offer = offerStream(own)
    const answer = { ...offered, setup: 'active' as const }
    expect(acceptAnswer(offer, answer)).toEqual({ role: 'passive', remotePath: offered.path, maxSize: 1_048_576 })
    expect(acceptAnswer(offer, { ...answer, setup: 'passive' })?.role).toBe('active')
    const { setup: _left, ...old } = answer
    expect(acceptAnswer(offer, old)?.role).toBe('active')
    expect(acceptAnswer(offer, { ...answer, port: 0 })).toBeUndefined()
  })
})
