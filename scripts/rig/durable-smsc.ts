import { createServer, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { openJournal } from './journal.js'

/**
 * A message centre that may be killed at any moment and forgets nothing: every message taken and every delivery
 * acknowledged is in its journal before it is answered. Each message wanted reports for gets a receipt, and each one is
 * answered by the handset with `re: ` and its text. Speaks just enough SMPP 3.4, written apart from the adapter.
 */
interface Delivery {
  readonly key: string
  readonly pdu: (sequence: number) => Buffer
}

const SUBMIT_SM = 0x04
const DELIVER_SM = 0x05
const BINDS = [0x01, 0x02, 0x09]
const ENQUIRE_LINK = 0x15
const UNBIND = 0x06
const RESPONSE = 0x80000000
const WINDOW = 100
const RETRY_MS = 200
const TEMPORARY = [0x08, 0x14, 0x58, 0x64]

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, journal: { type: 'string', default: '' } },
})
const { write, flush, taken } = openJournal(values.journal)
const waiting: Delivery[] = []
const links = new Set<Link>()
let lastId = 0

interface Link {
  readonly socket: Socket
  readonly receives: boolean
  readonly underWay: Map<number, Delivery>
  sequence: number
}

function recall(): void {
  for (const { id, wanted, from, to, text, reported, answered } of taken()) {
    lastId = Math.max(lastId, Number(id))
    if (wanted && !reported) waiting.push(receipt(id, from, to))
    if (!answered) waiting.push(reply(id, from, to, text))
  }
}

function pdu(command: number, status: number, sequence: number, body: Buffer): Buffer {
  const head = Buffer.alloc(16)
  for (const [index, value] of [16 + body.length, command, status, sequence].entries()) {
    head.writeUInt32BE(value >>> 0, index * 4)
  }
  return Buffer.concat([head, body])
}

const cString = (text: string): Buffer => Buffer.from(`${text}\0`, 'latin1')

function deliverBody(from: string, to: string, esmClass: number, text: string): Buffer {
  const octets = Buffer.from(text, 'latin1')
  return Buffer.concat([
    cString(''),
    Buffer.from([1, 1]),
    cString(from),
    Buffer.from([1, 1]),
    cString(to),
    Buffer.from([esmClass, 0, 0]),
    cString(''),
    cString(''),
    Buffer.from([0, 0, 0, 0, octets.length]),
    octets,
  ])
}

function receipt(id: string, from: string, to: string): Delivery {
  const text = `id:${id} sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:`
  const body = deliverBody(to, from, 0x04, text)
  return { key: `R ${id}`, pdu: (sequence) => pdu(DELIVER_SM, 0, sequence, body) }
}

function reply(id: string, from: string, to: string, text: string): Delivery {
  const body = deliverBody(to, from, 0, `re: ${text}`)
  return { key: `M ${id}`, pdu: (sequence) => pdu(DELIVER_SM, 0, sequence, body) }
}

/** Reads a submit_sm of plain text (SMPP 3.4 §4.4.1). */
function readSubmit(body: Buffer): { from: string; to: string; registered: number; text: string } {
  let offset = 0
  const string = (): string => {
    const end = body.indexOf(0, offset)
    const text = body.toString('latin1', offset, end)
    offset = end + 1
    return text
  }
  const octet = (): number => body[offset++] ?? 0
  string()
  offset += 2
  const from = string()
  offset += 2
  const to = string()
  offset += 3
  string()
  string()
  const registered = octet()
  offset += 3
  const length = octet()
  return { from, to, registered, text: body.toString('latin1', offset, offset + length) }
}

function take(link: Link, command: number, status: number, sequence: number, body: Buffer): Buffer | undefined {
  if (command === SUBMIT_SM) {
    const { from, to, registered, text } = readSubmit(body)
    const id = String(++lastId)
    write(`S ${id} ${Date.now()} ${registered & 3} ${from} ${to} ${text}`)
    if ((registered & 3) !== 0) waiting.push(receipt(id, from, to))
    waiting.push(reply(id, from, to, text))
    return pdu(RESPONSE | SUBMIT_SM, 0, sequence, cString(id))
  }
  if (command === (RESPONSE | DELIVER_SM) >>> 0) {
    const delivery = link.underWay.get(sequence)
    link.underWay.delete(sequence)
    if (delivery === undefined) return undefined
    if (status === 0) write(delivery.key)
    else if (TEMPORARY.includes(status)) setTimeout(() => waiting.push(delivery), RETRY_MS)
    else write(delivery.key.replace('M', 'X'))
    return undefined
  }
  if (command === ENQUIRE_LINK || command === UNBIND) return pdu(RESPONSE | command, 0, sequence, Buffer.alloc(0))
  return undefined
}

function pump(): void {
  const able = [...links].filter((link) => link.receives)
  for (const link of able) {
    while (link.underWay.size < WINDOW && waiting.length > 0) {
      const [delivery] = waiting.splice(0, 1)
      if (delivery === undefined) break
      const sequence = ++link.sequence
      link.underWay.set(sequence, delivery)
      link.socket.write(delivery.pdu(sequence))
    }
  }
}

function serve(socket: Socket): void {
  let input: Buffer = Buffer.alloc(0)
  let link: Link | undefined
  socket.setNoDelay(true)
  socket.on('error', () => undefined)
  socket.on('close', () => {
    if (link === undefined) return
    links.delete(link)
    waiting.unshift(...link.underWay.values())
  })
  socket.on('data', (chunk) => {
    input = Buffer.concat([input, chunk])
    const answers: Buffer[] = []
    while (input.length >= 16 && input.length >= input.readUInt32BE(0)) {
      const length = input.readUInt32BE(0)
      const [command, status, sequence] = [input.readUInt32BE(4), input.readUInt32BE(8), input.readUInt32BE(12)]
      const body = input.subarray(16, length)
      input = input.subarray(length)
      if (BINDS.includes(command)) {
        link = { socket, receives: command !== 0x02, underWay: new Map(), sequence: 0 }
        links.add(link)
        answers.push(
          pdu(RESPONSE | command, 0, sequence, Buffer.concat([cString('durable'), Buffer.from([2, 16, 0, 1, 0x34])])),
        )
      } else if (link !== undefined) {
        const answer = take(link, command, status, sequence, body)
        if (answer !== undefined) answers.push(answer)
      }
    }
    flush()
    if (answers.length > 0) socket.write(Buffer.concat(answers))
    pump()
  })
}

recall()
setInterval(pump, RETRY_MS)
const server = createServer(serve)
server.listen(Number(values.port), '127.0.0.1', () => {
  const address = server.address()
  console.log(JSON.stringify({ event: 'listening', port: typeof address === 'object' ? address?.port : 0 }))
})
