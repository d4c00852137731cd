import { hash } from 'node:crypto'
import type { Socket } from 'node:net'
import type { XmlElement } from '../../../gateway/cpm/xml.js'
import type { Address, Dialer } from './dial.js'
import { child, tag, textTag } from './element.js'
import { NS } from './names.js'
import { createStreamReader, type StreamEvent, type StreamLimits } from './reader.js'

/** Where a component connects to, and as what (XEP-0114). */
export interface ConnectionOptions {
  readonly address: Address
  readonly dialer: Dialer
  readonly domain: string
  readonly secret: string
  readonly limits: StreamLimits
}

/** How a connection ended. `refused`: the server does not want us (wrong secret, unknown component). */
export interface ConnectionEnd {
  readonly refused: boolean
  readonly said: string
}

export interface ConnectionEvents {
  /** The server has taken our handshake. */
  ready(): void
  stanza(element: XmlElement): void
  /** The head of a stanza that is beyond the limits. */
  oversized(element: XmlElement): void
  /** What was read is no proper XML of a stream. */
  fault(condition: string): void
  /** Once, and nothing after it. */
  end(end: ConnectionEnd): void
}

export interface Connection {
  /** Hands octets to the system; false when so much waits already that it is wise to stop for a while. */
  write(text: string): boolean
  /** Whether more may be written: nothing much waits. */
  writable(): boolean
  pause(): void
  resume(): void
  /** Says goodbye and closes. */
  close(): void
  abort(): void
}

/** Octets that may wait in the socket before writers are held back. */
const WRITE_BUFFER = 1_048_576
const REFUSALS = new Set(['not-authorized', 'host-unknown', 'host-gone', 'invalid-namespace', 'unsupported-version'])

/**
 * One connection of a component: opens, shakes hands, then passes stanzas on. Where TLS is to be asked for (RFC 6120 §5.4), the
 * handshake goes over nothing else.
 */
export function openConnection(options: ConnectionOptions, events: ConnectionEvents): Connection {
  const { address, dialer, domain } = options
  let phase: 'tls wanted' | 'tls begins' | 'handshake' | 'ready' = dialer.upgrade ? 'tls wanted' : 'handshake'
  let socket = attach(dialer.open(address, begin))
  let ended = false

  function attach(opened: Socket): Socket {
    const read = createStreamReader(options.limits)
    opened.setNoDelay(true)
    opened.on('data', (octets: Buffer) => {
      for (const event of read(octets)) {
        // What came in the clear beside the answer to STARTTLS counts for nothing.
        if (ended || opened !== socket) return
        handle(event)
      }
    })
    opened.on('error', (error) => end(false, error.message))
    opened.on('close', () => end(false, 'connection closed'))
    return opened
  }

  function begin(): void {
    // XEP-0114 knows no version; RFC 6120 §4.7.5: features come only to those who name one.
    const version = phase === 'tls wanted' ? ' version="1.0"' : ''
    const names = `xmlns="${NS.component}" xmlns:stream="${NS.stream}"`
    socket.write(`<?xml version="1.0"?><stream:stream ${names} to="${domain}"${version}>`)
  }

  function end(refused: boolean, said: string): void {
    if (ended) return
    ended = true
    socket.destroy()
    events.end({ refused, said })
  }

  function streamError(element: XmlElement): void {
    const condition = element.children.find(({ uri }) => uri === NS.streamErrors)?.local ?? 'error without condition'
    const text = element.children.find(({ local }) => local === 'text')?.text.slice(0, 200)
    end(phase === 'handshake' && REFUSALS.has(condition), `stream error ${condition}${text ? ` (${text})` : ''}`)
  }

  function stanza(element: XmlElement): void {
    const { uri, local } = element
    if (uri === NS.stream && local === 'error') streamError(element)
    else if (phase === 'ready') events.stanza(element)
    else if (phase === 'handshake' && uri === NS.component && local === 'handshake') {
      phase = 'ready'
      events.ready()
    } else if (uri === NS.stream && local === 'features' && phase !== 'tls begins') features(element)
    else if (phase === 'tls begins' && uri === NS.tls && local === 'proceed') {
      phase = 'handshake'
      const plain = socket
      plain.removeAllListeners('data')
      if (dialer.upgrade) socket = attach(dialer.upgrade(plain, address, begin))
    } else end(false, `${local} before the handshake`)
  }

  function features(element: XmlElement): void {
    if (phase === 'handshake') return
    if (child(element, 'starttls', NS.tls) === undefined) end(false, 'the server offers no TLS')
    else {
      phase = 'tls begins'
      socket.write(tag('starttls', { xmlns: NS.tls }))
    }
  }

  function handle(event: StreamEvent): void {
    switch (event.kind) {
      case 'open':
        if (phase === 'handshake') socket.write(textTag('handshake', hash('sha1', event.id + options.secret)))
        return
      case 'stanza':
        stanza(event.element)
        return
      case 'oversized':
        if (phase === 'ready') events.oversized(event.element)
        else end(false, `${event.element.local} beyond the limits`)
        return
      case 'close':
        end(false, 'the server closed the stream')
        return
      case 'fault':
        events.fault(event.condition)
        socket.write(`${tag('stream:error', {}, tag(event.condition, { xmlns: NS.streamErrors }))}</stream:stream>`)
        end(false, `${event.condition}: ${event.said}`)
    }
  }

  return {
    write(text) {
      if (!ended) socket.write(text)
      return socket.writableLength < WRITE_BUFFER
    },
    writable: () => !ended && socket.writableLength < WRITE_BUFFER,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close() {
      if (ended) return
      ended = true
      socket.end('</stream:stream>')
      socket.setTimeout(1000, () => socket.destroy())
      events.end({ refused: false, said: 'closed' })
    },
    abort: () => end(false, 'aborted'),
  }
}
