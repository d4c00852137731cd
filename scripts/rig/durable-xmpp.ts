import { createHash } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { SaxesParser } from 'saxes'
import { openJournal } from './journal.js'

/**
 * An XMPP server for components (XEP-0114) that may be killed at any moment and forgets nothing: every message taken is in its
 * journal before anything is answered. Each one that asks for a receipt gets one, and each is answered by the user with `re: `
 * and its text; a ping after the answer tells when the component has it, and without that it is written again. Written
 * apart from the adapter. With `--cut-every` it breaks its connections in these intervals, ms.
 *
 * A further line of its journal: `C <ms since 1970>` connections broken.
 */
interface Delivery {
  readonly key: string
  /** Id of the ping that proves it; none: written once. */
  readonly proof?: string
  readonly text: string
}

/** What matters of a stanza. */
interface Stanza {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  body: string
  readonly children: Set<string>
}

const COMPONENT = 'jabber:component:accept'
const WINDOW = 100
const RETRY_MS = 200

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    journal: { type: 'string', default: '' },
    secret: { type: 'string', default: 'secret' },
    'cut-every': { type: 'string', default: '0' },
  },
})
const { write, flush, taken } = openJournal(values.journal)
const waiting: Delivery[] = []
const links = new Set<Link>()
let lastId = 0

interface Link {
  readonly socket: Socket
  ready: boolean
  readonly underWay: Map<string, Delivery>
}

function recall(): void {
  for (const { id, wanted, from, to, text, reported, answered } of taken()) {
    const [number = ''] = id.split('/')
    lastId = Math.max(lastId, Number(number))
    if (wanted && !reported) waiting.push(receipt(id, from, to))
    if (!answered) waiting.push(reply(id, from, to, text))
  }
}

/** An id of the journal is a number of ours and the id of the stanza. */
function receipt(id: string, from: string, to: string): Delivery {
  const about = id.slice(id.indexOf('/') + 1)
  const text = `<message from="${to}/phone" to="${from}" id="r${id}"><received xmlns="urn:xmpp:receipts" id="${about}"/></message>`
  return { key: `R ${id}`, text }
}

function reply(id: string, from: string, to: string, text: string): Delivery {
  const ends = `from="${to}/phone" to="${from}"`
  const ping = `<iq type="get" ${ends} id="p${id}"><ping xmlns="urn:xmpp:ping"/></iq>`
  const message = `<message type="chat" ${ends} id="m${id}"><body>re: ${text}</body></message>`
  return { key: `M ${id}`, proof: `p${id}`, text: message + ping }
}

function take(link: Link, { name, attributes, body, children }: Stanza): string {
  const { id = '', type, from = '', to = '' } = attributes
  if (name === 'message' && type !== 'error' && body !== '') {
    const noted = `${++lastId}/${id}`
    const asks = children.has('request')
    write(`S ${noted} ${Date.now()} ${asks ? 1 : 0} ${from} ${to} ${body}`)
    if (asks) waiting.push(receipt(noted, from, to))
    waiting.push(reply(noted, from, to, body))
  } else if (name === 'message' && type === 'error') refused(link, id, children.has('resource-constraint'))
  else if (name === 'iq' && type === 'get') return `<iq type="result" id="${id}" from="${to}" to="${from}"/>`
  else if (name === 'iq') {
    const delivery = link.underWay.get(id)
    link.underWay.delete(id)
    if (delivery) write(delivery.key)
  }
  return ''
}

/** An answer that came back: again later, or never. */
function refused(link: Link, id: string, later: boolean): void {
  const proof = id.replace(/^m/, 'p')
  const delivery = link.underWay.get(proof)
  link.underWay.delete(proof)
  if (delivery === undefined) return
  if (later) setTimeout(() => waiting.push(delivery), RETRY_MS)
  else write(delivery.key.replace('M', 'X'))
}

function pump(): void {
  const [link] = [...links].filter(({ ready }) => ready)
  if (link === undefined) return
  let text = ''
  while (link.underWay.size < WINDOW && waiting.length > 0) {
    const [delivery] = waiting.splice(0, 1)
    if (delivery === undefined) break
    if (delivery.proof !== undefined) link.underWay.set(delivery.proof, delivery)
    else write(delivery.key)
    text += delivery.text
  }
  flush()
  if (text !== '') link.socket.write(text)
}

/** Calls `opened` for the stream and `stanza` for each stanza that is complete. */
function reader(opened: () => void, stanza: (stanza: Stanza) => void): (text: string) => void {
  const parser = new SaxesParser({})
  let depth = 0
  let current: Stanza | undefined
  let element = ''
  parser.on('opentag', ({ name, attributes }) => {
    depth += 1
    element = name
    if (depth === 1) opened()
    else if (depth === 2) current = { name, attributes, body: '', children: new Set() }
    else current?.children.add(name)
  })
  parser.on('text', (text) => {
    if (current && (element === 'body' || current.name === 'handshake')) current.body += text
  })
  parser.on('closetag', () => {
    depth -= 1
    element = ''
    if (depth === 1 && current) stanza(current)
    if (depth === 1) current = undefined
  })
  return (text) => void parser.write(text)
}

function serve(socket: Socket): void {
  const link: Link = { socket, ready: false, underWay: new Map() }
  const streamId = String(Math.random())
  let answers = ''
  const read = reader(
    () => {
      answers += `<stream:stream xmlns="${COMPONENT}" xmlns:stream="http://etherx.jabber.org/streams" id="${streamId}">`
    },
    (stanza) => {
      if (link.ready) answers += take(link, stanza)
      else if (
        stanza.body ===
        createHash('sha1')
          .update(streamId + values.secret)
          .digest('hex')
      ) {
        link.ready = true
        links.add(link)
        answers += '<handshake/>'
      } else socket.destroy()
    },
  )
  socket.setNoDelay(true)
  socket.setEncoding('utf8')
  socket.on('error', () => undefined)
  socket.on('close', () => {
    if (links.delete(link)) waiting.unshift(...link.underWay.values())
  })
  socket.on('data', (chunk) => {
    answers = ''
    read(String(chunk))
    flush()
    if (answers !== '') socket.write(answers)
    pump()
  })
}

function cut(): void {
  if (links.size === 0) return
  write(`C ${Date.now()}`)
  flush()
  for (const { socket } of links) socket.destroy()
}

recall()
setInterval(pump, RETRY_MS)
if (Number(values['cut-every']) > 0) setInterval(cut, Number(values['cut-every']))
const server = createServer(serve)
server.listen(Number(values.port), '127.0.0.1', () => {
  const address = server.address()
  console.log(JSON.stringify({ event: 'listening', port: typeof address === 'object' ? address?.port : 0 }))
})
