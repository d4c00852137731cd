import { afterEach, describe, expect, it } from 'vitest'
import { taken } from './support/control-peer.js'
import { type Harness, startHarness } from './support/harness.js'
import { headerOf } from './support/sip-text.js'
import { readTranscript, type TranscriptRecord } from './support/transcript.js'

let harness: Harness | undefined
afterEach(async () => {
  await harness?.stop()
  harness = undefined
})

/** Headers whose values hold no address, tag or number made by either server. */
const STABLE = [
  'Max-Forwards',
  'Content-Type',
  'Content-Length',
  'X-Trace',
  'X-Note',
  'Expires',
  'Event',
  'User-Agent',
  'X-Custom',
]

function shape(message: string) {
  const method = message.startsWith('SIP/') ? '' : message.slice(0, message.indexOf(' '))
  const start = method === '' ? message.split('\r\n')[0] : method
  return {
    start,
    headers: STABLE.map((name) => headerOf(message, name)),
    body: message.slice(message.indexOf('\r\n\r\n')),
  }
}

/** What both servers must have in common in a frame. */
function frameShape(payload: string) {
  const { tokens, message } = taken(payload)
  return {
    count: tokens.length,
    type: tokens[1],
    fourth: tokens[3] === 'OK' ? 'OK' : '',
    source: tokens[1] === 'sip' ? tokens[2] : '',
    ...shape(message),
  }
}

function only(records: TranscriptRecord[], channel: string, direction: string, begins: RegExp): TranscriptRecord[] {
  return records.filter(
    (record) => record.channel === channel && record.direction === direction && begins.test(record.text),
  )
}

describe('as recorded from the real server', () => {
  it.each([
    'message-in-202',
    'message-utf8',
    'register-in',
    'options-in-out',
    'publish-in-out',
    'notify-out-of-dialog',
  ])('incoming requests of %s', async (name) => {
    const records = readTranscript(name)
    const requests = only(records, 'sip-udp', 'peer->server', /^[A-Z]+ sip:/)
    const delivered = only(records, 'ctl1', 'server->client', /^\S{36}\|sip\|network\|.*\r\n[A-Z]+ sip:/)
    const answers = only(records, 'ctl1', 'client->server', /^\S{36}\|sip\|[^|]+\|\r\nSIP\//)
    const confirmed = only(records, 'ctl1', 'server->client', /^\S{36}\|response\|[^|]+\|OK\|.*\r\nSIP\//)
    const sent = only(records, 'sip-udp', 'server->peer', /^SIP\//)
    harness = await startHarness()
    const peer = await harness.peer()
    const client = await harness.client('message', 'register', 'options', 'publish', 'notify', 'info')
    for (const [index, request] of requests.entries()) {
      peer.send(request.text, harness.udpPort)
      const frame = await client.receive()
      expect(frameShape(frame)).toEqual(frameShape(delivered[index]?.text ?? ''))
      const answer = answers[index]?.text ?? ''
      client.send(`sip|${taken(frame).tokens[8]}|${answer.slice(answer.indexOf('\r\n'))}`)
      expect(shape(await peer.receive())).toEqual(shape(sent[index]?.text ?? ''))
      if (confirmed[index]) expect(frameShape(await client.receive())).toEqual(frameShape(confirmed[index].text))
      else await client.receive()
    }
  })

  it.each([
    'message-out-200',
    'message-out-404',
    'message-utf8',
    'options-in-out',
    'publish-in-out',
    'notify-out-of-dialog',
  ])('outgoing requests of %s', async (name) => {
    const records = readTranscript(name)
    const commands = only(records, 'ctl1', 'client->server', /^\S{36}\|sip\|\|/)
    const sent = only(records, 'sip-udp', 'server->peer', /^[A-Z]+ sip:/)
    const answers = only(records, 'sip-udp', 'peer->server', /^SIP\//)
    const confirmed = only(records, 'ctl1', 'server->client', /^\S{36}\|response\|[^|]+\|OK\|.*\r\n[A-Z]+ sip:/)
    const delivered = only(records, 'ctl1', 'server->client', /^\S{36}\|sip\|network\|.*\r\nSIP\//)
    harness = await startHarness()
    const [peer, client] = [await harness.peer(), await harness.client()]
    expect(commands.length).toBeGreaterThan(0)
    for (const [index, command] of commands.entries()) {
      client.send(command.text.slice(37).replaceAll('127.0.0.1:5180', `127.0.0.1:${peer.port}`))
      const request = await peer.receive()
      expect(shape(request)).toEqual(shape(sent[index]?.text ?? ''))
      expect(frameShape(await client.receive())).toEqual(frameShape(confirmed[index]?.text ?? ''))
      const [start = ''] = (answers[index]?.text ?? '').split('\r\n')
      peer.send(answerTo(request, start, answers[index]?.text ?? ''), harness.udpPort)
      expect(frameShape(await client.receive())).toEqual(frameShape(delivered[index]?.text ?? ''))
    }
  })
})

/** The recorded answer with the identifiers of our request in the place of the recorded ones. */
function answerTo(request: string, start: string, recorded: string): string {
  const ours = ['Via', 'From', 'Call-ID', 'CSeq'].map((name) => `${name}: ${headerOf(request, name)}`)
  const kept = recorded
    .slice(recorded.indexOf('\r\n') + 2, recorded.indexOf('\r\n\r\n'))
    .split('\r\n')
    .filter((line) => !/^(Via|From|Call-ID|CSeq):/i.test(line))
  return `${start}\r\n${[...ours, ...kept].join('\r\n')}${recorded.slice(recorded.indexOf('\r\n\r\n'))}`
}
