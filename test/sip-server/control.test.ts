import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { readCommand } from '../../gateway/sip-server/control/command.js'
import { FrameFault, FrameReader, frame } from '../../gateway/sip-server/control/frame.js'
import { ControlPeer, taken } from './support/control-peer.js'
import { type Harness, SECRET, startHarness } from './support/harness.js'
import { requestText, responseText } from './support/sip-text.js'

let harness: Harness | undefined
afterEach(async () => {
  await harness?.stop()
  harness = undefined
})

async function start(): Promise<Harness> {
  harness = await startHarness()
  return harness
}

const secret = Buffer.from(SECRET).toString('latin1')

describe('frames', () => {
  const unlimited = () => 1000

  it('come out as they went in, wherever the stream is cut', () => {
    const payload = fc.string({ minLength: 1, maxLength: 40 }).map((text) => Buffer.from(text).toString('latin1'))
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 8 }), fc.nat(), (payloads, at) => {
        const stream = payloads.map(frame).join('')
        const cut = stream.length === 0 ? 0 : at % stream.length
        const reader = new FrameReader()
        const read = [...reader.push(stream.slice(0, cut), unlimited), ...reader.push(stream.slice(cut), unlimited)]
        expect(read).toEqual(payloads)
      }),
    )
  })

  it('end with a fault when the length is none or too large', () => {
    for (const text of ['abc#zzz', '#x', '0#', '-1#x', '1001#', '99999999999', ' 3#abc']) {
      expect(() => [...new FrameReader().push(text, unlimited)], text).toThrow(FrameFault)
    }
  })

  it('never fail otherwise, and commands are read from any payload', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        readCommand(text)
        try {
          for (const payload of new FrameReader().push(text, unlimited)) readCommand(payload)
        } catch (error) {
          expect(error).toBeInstanceOf(FrameFault)
        }
      }),
    )
  })
})

describe('the control port', () => {
  it('greets with addresses, a version srf understands, and the addresses again', async () => {
    const { server, udpPort, tcpPort } = await start()
    const client = await ControlPeer.open(server.control.port)
    const { tokens } = taken(await client.ask(`authenticate|${secret}|tag1,tag2`))
    const endpoints = `tcp/127.0.0.1:${tcpPort},udp/127.0.0.1:${udpPort}`
    expect(tokens.slice(1, 5)).toEqual(['response', 'id1', 'OK', endpoints])
    expect(tokens[5]).toMatch(/^v\d+\.\d+\.\d+/)
    expect(tokens.slice(6)).toEqual([endpoints])
    expect(taken(await client.ask('ping')).tokens.slice(2)).toEqual(['id2', 'OK', 'pong'])
    client.close()
  })

  const REFUSED: [string, string, string][] = [
    ['a wrong secret', '19#x|authenticate|wrong', 'x|NO|incorrect secret'],
    ['a command before authentication', '15#x|route|message', 'x|NO|not authenticated'],
    ['a single token', '7#onlyone', 'onlyone|NO|Invalid message format'],
    ['an unknown command', '14#x|frobnicate|y', 'x|NO|Unknown message type'],
  ]
  it.each(REFUSED)('answers NO and closes: %s', async (_name, framed, refusal) => {
    const { server } = await start()
    const client = await ControlPeer.open(server.control.port)
    client.raw(`${framed.slice(framed.indexOf('#') + 1).length}${framed.slice(framed.indexOf('#'))}`)
    expect(await client.receive()).toContain(`|response|${refusal}`)
    await client.closed
  })

  it('closes on a malformed length, and on a long frame of a stranger', async () => {
    const { server } = await start()
    for (const text of ['abc#zzz', '99999#']) {
      const client = await ControlPeer.open(server.control.port)
      client.raw(text)
      await client.closed
    }
  })

  it('removes one route and leaves the others', async () => {
    const { peer: openPeer, client: openClient, udpPort } = await start()
    const [peer, client] = [await openPeer(), await openClient('message', 'options')]
    expect(await client.ask('remove_route|message')).toMatch(/\|OK$/)
    peer.send(requestText(peer.port), udpPort)
    expect(await peer.receive()).toMatch(/^SIP\/2.0 503 /)
    peer.send(requestText(peer.port, { method: 'OPTIONS' }), udpPort)
    expect(await client.receive()).toContain('|sip|network|')
  })

  it('takes frames of several MiB', async () => {
    const { client: openClient } = await start()
    const client = await openClient()
    const refusal = taken(await client.ask(`sip||\r\nMESSAGE http://x SIP/2.0\r\n\r\n${'x'.repeat(4 * 1024 * 1024)}`))
    expect(refusal.tokens[3]).toBe('NOK')
  })
})

describe('a brief client', () => {
  it('gets no copies of the requests and responses it has sent', async () => {
    const { server, peer: openPeer, udpPort } = await start()
    const peer = await openPeer()
    const client = await ControlPeer.open(server.control.port)
    await client.ask(`authenticate|${secret}|green,brief`)
    await client.ask('route|message')

    client.send(`sip||\r\nMESSAGE sip:alice@127.0.0.1:${peer.port} SIP/2.0\r\n\r\n`)
    const request = await peer.receive()
    peer.send(responseText(request, '200 OK'), udpPort)
    const sent = await client.receive()
    expect(sent).not.toContain('\r\n')
    expect(sent.split('|').slice(11)).toEqual(['Msg sent:', ''])
    expect(taken(await client.receive()).message).toMatch(/^SIP\/2.0 200 OK\r\n/)

    peer.send(requestText(peer.port), udpPort)
    const { tokens } = taken(await client.receive())
    client.send(`sip|${tokens[8]}|\r\nSIP/2.0 202 Accepted\r\n\r\n`)
    expect(await peer.receive()).toMatch(/^SIP\/2.0 202 Accepted\r\n/)
    const answered = await client.receive()
    expect(answered).not.toContain('\r\n')
    expect(answered.split('|').slice(10)).toEqual([tokens[8], '', '', 'Msg sent:', ''])
    client.close()
  })
})

describe('a terse client', () => {
  it('hears of its requests by their responses, or by NOK, and nothing of its answers', async () => {
    const { server, peer: openPeer, udpPort } = await start()
    const peer = await openPeer()
    const client = await ControlPeer.open(server.control.port)
    await client.ask(`authenticate|${secret}|terse`)
    await client.ask('route|message')

    peer.send(requestText(peer.port), udpPort)
    const { tokens } = taken(await client.receive())
    client.send(`sip|${tokens[8]}|\r\nSIP/2.0 202 Accepted\r\n\r\n`)
    expect(await peer.receive()).toMatch(/^SIP\/2.0 202 Accepted\r\n/)

    const id = client.send(`sip||\r\nMESSAGE sip:alice@127.0.0.1:${peer.port} SIP/2.0\r\n\r\n`)
    peer.send(responseText(await peer.receive(), '200 OK'), udpPort)
    const heard = taken(await client.receive())
    expect(heard.tokens.slice(1, 3)).toEqual(['sip', 'network'])
    expect(heard.tokens[8]).toBe(id)
    expect(heard.message).toBe('SIP/2.0 200 OK\r\n\r\n')

    client.send(`sip||\r\nMESSAGE sip:alice@127.0.0.1:${peer.port} SIP/2.0\r\n\r\n`)
    peer.send(responseText(await peer.receive(), '480 Gone'), udpPort)
    expect(taken(await client.receive()).message).toMatch(/^SIP\/2.0 480 Gone\r\nVia: /)

    const refused = client.send('sip||\r\nMESSAGE http://x SIP/2.0\r\n\r\n')
    expect((await client.receive()).split('|').slice(1, 4)).toEqual(['response', refused, 'NOK'])

    // Where a dialog may come of it, the OK tells which.
    const watching = client.send(
      `sip||\r\nSUBSCRIBE sip:alice@127.0.0.1:${peer.port} SIP/2.0\r\nEvent: presence\r\n\r\n`,
    )
    expect((await client.receive()).split('|').slice(1, 4)).toEqual(['response', watching, 'OK'])
    client.close()
  })
})

describe('a client that keeps its subscriptions itself', () => {
  it('costs no dialog for each, and gets what comes in them', async () => {
    const { server, peer: openPeer, udpPort } = await start()
    const peer = await openPeer()
    const client = await ControlPeer.open(server.control.port)
    await client.ask(`authenticate|${secret}|own-subscriptions`)
    await client.ask('route|subscribe')
    const extra = [`Contact: <sip:alice@127.0.0.1:${peer.port}>`, 'Event: presence']
    const asked = { method: 'SUBSCRIBE', callId: 'watch', extra, body: '' }

    peer.send(requestText(peer.port, asked), udpPort)
    const { tokens } = taken(await client.receive())
    client.send(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\nTo: <sip:bob@home.example>;tag=ours\r\nExpires: 60\r\n\r\n`)
    expect(await peer.receive()).toMatch(/^Contact: <sip:127\.0\.0\.1:\d+/im)
    await client.receive()
    expect((await server.stats()).dialogs).toBe(0)

    const within = requestText(peer.port, { ...asked, cseq: '2 SUBSCRIBE', to: '<sip:bob@home.example>;tag=ours' })
    peer.send(within, udpPort)
    expect(taken(await client.receive()).message).toMatch(/^SUBSCRIBE /)
    client.close()
  })
})
