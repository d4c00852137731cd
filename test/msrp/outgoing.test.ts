import { expect, test } from 'vitest'
import { OctetPipe } from '../../gateway/msrp/octet-pipe.js'
import { OutgoingMessage } from '../../gateway/msrp/outgoing.js'
import { HEAD_LIMITS } from '../../gateway/msrp/wire/head.js'
import { MsrpReader } from '../../gateway/msrp/wire/parse.js'
import { pathOf } from './rig.js'

const PATH = pathOf('msrp://a.example:2855/x;tcp')
const unanswered = { open: () => undefined, sent: () => undefined }

function outgoing(body: OctetPipe) {
  const common = { id: 'm', toPath: PATH, fromPath: PATH, contentType: 'a/b', body }
  return new OutgoingMessage(
    { ...common, successReport: false, failureReport: 'yes', chunkBytes: 1_000_000 },
    () => undefined,
  )
}

/** The bodies of all messages in a stream, and how each ended. */
function chunksOf(stream: Buffer): readonly (readonly [string, string])[] {
  const reader = new MsrpReader(HEAD_LIMITS)
  const chunks: [string, string][] = []
  let body = ''
  reader.feed(stream)
  for (let event = reader.next(); event; event = reader.next()) {
    if (event.kind === 'body') body += event.octets.toString('latin1')
    if (event.kind === 'end') {
      chunks.push([body, event.flag])
      body = ''
    }
  }
  return chunks
}

test('an end line in the body, wherever slices cut it, ends no chunk but by our own hand', () => {
  const marker = '\r\n-------012345678901234567890123$\r\n'
  for (let before = 4096 - marker.length; before <= 4096; before++) {
    const pipe = new OctetPipe()
    const message = outgoing(pipe)
    pipe.push(Buffer.alloc(5000, 'x'))
    const out = [...(message.next(unanswered) ?? [])]
    const transaction = Buffer.concat(out).toString('latin1').slice(5, 28)
    const rest = 5000 - 2048
    // The peer has seen the transaction id, and somebody writes it into the body.
    const forged = `\r\n-------${transaction}$\r\nMSRP evil SEND\r\n`
    const body = 'x'.repeat(5000) + 'y'.repeat(before - rest) + forged + 'z'.repeat(3000)
    pipe.push(Buffer.from(body.slice(5000)))
    pipe.end()
    while (!message.done) out.push(...(message.next(unanswered) ?? []))
    const chunks = chunksOf(Buffer.concat(out))
    expect(chunks.map(([text]) => text).join('')).toBe(body)
    expect(chunks.map(([, flag]) => flag)).toEqual(['+', '$'])
  }
})
