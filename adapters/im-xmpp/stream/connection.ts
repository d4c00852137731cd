import { hash } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import type { XmlElement } from '../../../gateway/cpm/xml.js'
import { tag, textTag } from './element.js'
import { NS } from './names.js'
import { createStreamReader, type StreamEvent, type StreamLimits } from './reader.js'

/** Where a component connects to, and as what (XEP-0114). */
export interface ConnectionOptions {
  readonly host: string
  readonly port: number
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

/** One connection of a component: opens, shakes hands, then passes stanzas on. */
export function openConnection(options: ConnectionOptions, events: ConnectionEvents): Connection {
  const read = createStreamReader(options.limits)
  const socket: Socket = connect({ host: options.host, port: options.port })
  let ready = false
  let ended = false

  function end(refused: boolean, said: string): void {
    if (ended) return
    ended = true
    socket.destroy()
    events.end({ refused, said })
  }

  function stanza(element: XmlElement): void {
    if (element.uri === NS.stream && element.local === 'error') {
      const condition = element.children.find(({ uri }) => uri === NS.streamErrors)?.local ?? 'error without condition'
      const text = element.children.find(({ local }) => local === 'text')?.text.slice(0, 200)
      end(!ready && REFUSALS.has(condition), `stream error ${condition}${text ? ` (${text})` : ''}`)
    } else if (ready) events.stanza(element)
    else if (element.local === 'handshake' && element.uri === NS.component) {
      ready = true
      events.ready()
    } else end(false, `${element.local} before the handshake`)
  }

  function handle(event: StreamEvent): void {
    switch (event.kind) {
      case 'open':
        socket.write(textTag('handshake', hash('sha1', event.id + options.secret)))
        return
      case 'stanza':
        stanza(event.element)
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

  socket.setNoDelay(true)
  socket.on('connect', () => {
    socket.write(
      `<?xml version="1.0"?><stream:stream xmlns="${NS.component}" xmlns:stream="${NS.stream}" to="${options.domain}">`,
    )
  })
  socket.on('data', (octets: Buffer) => {
    for (const event of read(octets)) {
      if (ended) return
      handle(event)
    }
  })
  socket.on('error', (error) => end(false, error.message))
  socket.on('close', () => end(false, 'connection closed'))

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
