import { hash, randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { XmlElement } from '../../../gateway/cpm/xml.js'
import { errorReply } from '../mapping/errors.js'
import { type ReadMessage, readMessage } from '../mapping/from-message.js'
import { writeMessage } from '../mapping/to-message.js'
import { attribute, child, tag } from '../stream/element.js'
import { NS } from '../stream/names.js'
import { createStreamReader } from '../stream/reader.js'
import { fateOf } from './magic.js'
import { type ServerOptions, type ServerSettings, serverOptionsSchema } from './options.js'

/** A message that a component has sent to a user of the server. */
export interface Arrived extends ReadMessage {
  readonly from: string
  readonly to: string
}

export interface Said {
  /** Bare JID of a user of the server; default `bob`. */
  readonly from?: string
  readonly to: string
  readonly text: string
  readonly receipt?: boolean
}

/** An XMPP server as components see it (XEP-0114), whose users answer by themselves. */
export interface XmppServer {
  readonly port: number
  /** Messages taken, in order. */
  readonly messages: readonly Arrived[]
  readonly counts: { offered: number; receipts: number }
  /** `message`: one was offered. `stanza`: anything a component sent. `component`: one has connected. */
  readonly events: EventEmitter<{ message: [Arrived]; stanza: [XmlElement]; component: [string] }>
  change(settings: Partial<ServerSettings>): void
  /** A user writes. Resolves when the component has handled it: refused when it came back. */
  say(said: Said): Promise<'taken' | 'refused'>
  /** Writes to the component as it is. */
  write(text: string): void
  stop(): Promise<void>
}

const LIMITS = { stanzaChars: 1_048_576, depth: 50, elements: 10_000, attributes: 100 }

export async function startXmppServer(options: ServerOptions = {}): Promise<XmppServer> {
  let settings = serverOptionsSchema.parse(options)
  const messages: Arrived[] = []
  const counts = { offered: 0, receipts: 0 }
  const events: XmppServer['events'] = new EventEmitter()
  const asked = new Map<string, (answer: 'taken' | 'refused') => void>()
  const sockets = new Set<Socket>()
  let current: Socket | undefined
  let swallowPings = 0

  const settle = (id: string | undefined, answer: 'taken' | 'refused') => {
    const resolve = id === undefined ? undefined : asked.get(id)
    if (id !== undefined) asked.delete(id)
    resolve?.(answer)
  }

  function message(socket: Socket, stanza: XmlElement): void {
    const read = readMessage(stanza)
    const [from, to] = [attribute(stanza, 'from') ?? '', attribute(stanza, 'to') ?? '']
    const arrived = { ...read, from, to }
    if (read.type === 'error') settle(read.id, 'refused')
    if (read.type === 'error' || read.text === undefined) {
      if (read.received !== undefined) counts.receipts += 1
      return void events.emit('message', arrived)
    }
    counts.offered += 1
    const returned = (condition: string, type: 'cancel' | 'wait') =>
      socket.write(errorReply(stanza, { condition, type }))
    const fate = fateOf(to.split('@', 1)[0] ?? '')
    if (fate === 'busy') return void returned('resource-constraint', 'wait')
    if (fate === 'away') return void returned('recipient-unavailable', 'wait')
    if (fate === 'refused') return void returned('item-not-found', 'cancel')
    if (messages.length < settings.keep) messages.push(arrived)
    events.emit('message', arrived)
    if (fate === 'silent') swallowPings += 1
    if (fate === 'failing') setImmediate(() => setImmediate(() => returned('remote-server-not-found', 'cancel')))
    if (fate !== 'taken' || !read.wantsReceipt || read.id === undefined) return
    const receipt = tag('received', { xmlns: NS.receipts, id: read.id })
    socket.write(writeMessage({ id: randomUUID(), from: `${to}/phone`, to: from, type: 'chat', more: receipt }))
  }

  function iq(socket: Socket, stanza: XmlElement): void {
    const [id, from, to, type] = ['id', 'from', 'to', 'type'].map((name) => attribute(stanza, name))
    if (type === 'result' || type === 'error') {
      settle(id, 'taken')
      return
    }
    const pong = tag('iq', { type: 'result', id, from: to, to: from })
    if (child(stanza, 'ping', NS.ping) === undefined) {
      return void socket.write(errorReply(stanza, { condition: 'service-unavailable', type: 'cancel' }))
    }
    if (swallowPings > 0) swallowPings -= 1
    else if (settings.answerDelayMs === 0) socket.write(pong)
    else setTimeout(() => socket.write(pong), settings.answerDelayMs)
  }

  function serve(socket: Socket): void {
    const read = createStreamReader(LIMITS)
    const id = randomUUID()
    let ready = false
    let domain = ''
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.on('data', (octets: Buffer) => {
      for (const event of read(octets)) {
        if (event.kind === 'open') {
          domain = event.to
          socket.write(
            `<?xml version="1.0"?><stream:stream xmlns="${NS.component}" xmlns:stream="${NS.stream}" from="${domain}" id="${id}">`,
          )
        } else if (event.kind !== 'stanza') socket.end('</stream:stream>')
        else if (!ready) {
          ready = event.element.text === hash('sha1', id + settings.secret)
          if (!ready) {
            const refused = tag('not-authorized', { xmlns: NS.streamErrors })
            return void socket.end(`<stream:error>${refused}</stream:error></stream:stream>`)
          }
          current = socket
          socket.write('<handshake/>')
          events.emit('component', domain)
        } else {
          events.emit('stanza', event.element)
          if (event.element.local === 'message') message(socket, event.element)
          else if (event.element.local === 'iq') iq(socket, event.element)
        }
      }
    })
  }

  const server = createServer(serve)
  server.listen(settings.port, settings.host)
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    messages,
    counts,
    events,
    change(next) {
      settings = { ...settings, ...next }
    },
    say({ from = `bob@${settings.domain}`, to, text, receipt }) {
      const [id, pingId] = [randomUUID(), randomUUID()]
      const sender = `${from}/phone`
      const answered = new Promise<'taken' | 'refused'>((resolve) => {
        const once = (answer: 'taken' | 'refused') => {
          asked.delete(id)
          asked.delete(pingId)
          resolve(answer)
        }
        asked.set(id, once)
        asked.set(pingId, once)
      })
      // The component handles what one user sends in order (RFC 6120 §10.1): the answer to the second means the first is done.
      current?.write(
        writeMessage({ id, from: sender, to, type: 'chat', body: text, receipt: receipt === true }) +
          tag('iq', { type: 'get', id: pingId, from: sender, to }, tag('ping', { xmlns: NS.ping })),
      )
      return answered
    },
    write: (text) => void current?.write(text),
    async stop() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
