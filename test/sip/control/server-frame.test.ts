import { readdirSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readServerFrame } from '../../../gateway/sip/control/server-frame.js'
import { readTranscript } from '../../sip-server/support/transcript.js'

const names = readdirSync(new URL('../../vectors/drachtio/', import.meta.url)).flatMap(
  (file) => /^(.*)\.txt$/.exec(file)?.[1] ?? [],
)
const said = names.flatMap((name) =>
  readTranscript(name).filter(({ channel, direction }) => channel.startsWith('ctl') && direction === 'server->client'),
)
const utf8 = (text: string): string => Buffer.from(text, 'latin1').toString()

test('every frame a drachtio-server was heard to say can be read', () => {
  expect(said.length).toBeGreaterThan(500)
  const kinds = new Map<string, number>()
  for (const { text } of said) {
    const { kind } = readServerFrame(utf8(text))
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  expect([...kinds.keys()].sort()).toEqual(['other', 'reply', 'request', 'response'])
})

test('a request, its source and its headers by long name in lower case', () => {
  const frame = readServerFrame(
    [
      'u|sip|network|300|udp|192.0.2.1|5080|10:00:00.000000|t1||127.0.0.1|5060|',
      'MESSAGE sip:alice@cpm.example;x=%20 SIP/2.0',
      'v: SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bK-1',
      'Route: <sip:a>',
      'ROUTE : <sip:b>,\t<sip:c>',
      'Subject: folded',
      '  here',
      'no header',
      'l: 2',
      '',
      'hi and more',
    ].join('\r\n'),
  )
  expect(frame).toMatchObject({
    kind: 'request',
    method: 'MESSAGE',
    uri: 'sip:alice@cpm.example;x=%20',
    transactionId: 't1',
    dialogId: '',
    transport: 'udp',
    host: '192.0.2.1',
    port: 5080,
    body: 'hi',
  })
  if (frame.kind !== 'request') throw new Error(frame.kind)
  expect(frame.headers.get('via')).toBe('SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bK-1')
  expect(frame.headers.get('route')).toBe('<sip:a>,<sip:b>,\t<sip:c>')
  expect(frame.headers.get('subject')).toBe('folded here')
  expect(frame.headers.has('no header')).toBe(false)
  expect(frame.headers.has('contact')).toBe(false)
})

test('a response of the network, and one the server made itself', () => {
  const response = (source: string) =>
    readServerFrame(`u|sip|network|0|${source}|1|t1||\r\nSIP/2.0 408 Timeout\r\n\r\n`)
  expect(response('udp|127.0.0.1|5080')).toMatchObject({
    kind: 'response',
    status: 408,
    reason: 'Timeout',
    host: '127.0.0.1',
  })
  expect(response('udp||0')).toMatchObject({ kind: 'response', status: 408, host: '', port: 0 })
})

test('replies, with a status line when something was forwarded', () => {
  expect(readServerFrame('u|response|7|NOK|no way')).toMatchObject({
    kind: 'reply',
    commandId: '7',
    ok: false,
    tokens: ['no way'],
  })
  expect(readServerFrame('u|response|7|OK|network|3|udp|h|1|t|||continue\r\nSIP/2.0 200 OK\r\n\r\n')).toMatchObject({
    ok: true,
    startLine: 'SIP/2.0 200 OK',
  })
})

test('what is of no concern, and what cannot be read', () => {
  expect(readServerFrame('u|sip|application|0|udp||0|1|unsolicited|d|\r\nBYE sip:a SIP/2.0\r\n\r\n').kind).toBe('other')
  expect(readServerFrame('u|cdr:attempt|network|1\r\nINVITE sip:a SIP/2.0\r\n\r\n').kind).toBe('other')
  expect(readServerFrame('u|sip|network|0|udp|h|1|1|t1||').kind).toBe('malformed')
  expect(readServerFrame('u|sip|network|0\r\nMESSAGE sip:a SIP/2.0\r\n\r\n').kind).toBe('malformed')
  expect(readServerFrame('u|sip|network|0|udp|h|1|1|t1||\r\nMESSAGE\r\n\r\n').kind).toBe('malformed')
  expect(readServerFrame('u|response').kind).toBe('malformed')
  expect(readServerFrame('').kind).toBe('other')
})

test('a mutilated frame never throws, nor do its headers', () => {
  const frames = said.map(({ text }) => utf8(text))
  fc.assert(
    fc.property(
      fc.constantFrom(...frames),
      fc.array(
        fc.tuple(fc.noBias(fc.nat(9_999)), fc.nat(8), fc.constantFrom('|', '\r\n', '\r', ':', ' ', '', '\0', 'ü')),
        {
          maxLength: 5,
        },
      ),
      (text, changes) => {
        let mutilated = text
        for (const [at, drop, put] of changes) {
          const place = Math.floor((at / 10_000) * mutilated.length)
          mutilated = mutilated.slice(0, place) + put + mutilated.slice(place + drop)
        }
        const frame = readServerFrame(mutilated)
        if ('headers' in frame) for (const name of ['via', 'from', 'content-length']) frame.headers.get(name)
      },
    ),
    { numRuns: 500 },
  )
})
