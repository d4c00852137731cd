import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import smsModule from '../../../adapters/sms-smpp/index.js'
import type { Command } from '../../../adapters/sms-smpp/wire/types.js'
import { type ManualClock, manualClock } from '../../contract-kit/clock.js'
import { type Rig, startRig } from '../../contract-kit/rig.js'
import { type Centre, startCentre } from '../centre.js'

interface Vector {
  readonly name: string
  readonly hex: string
  readonly expect: {
    readonly answer?: string
    readonly link?: 'stay' | 'close'
    readonly text?: string
    readonly counter?: string
  }
}
const file = new URL('../../vectors/smpp/malformed.json', import.meta.url)
const vectors: readonly Vector[] = JSON.parse(readFileSync(file, 'utf8')).vectors

const STATUS: Readonly<Record<string, number>> = {
  ESME_RINVCMDLEN: 0x02,
  ESME_RINVCMDID: 0x03,
  ESME_RINVMSGLEN: 0x01,
  ESME_RINVSRCADR: 0x0a,
  ESME_RINVBNDSTS: 0x04,
  ESME_RINVTLVSTREAM: 0xc0,
}

/** `deliver_sm_resp ESME_RINVCMDLEN` or `deliver_sm_resp 0 …`, as the vectors write answers. */
function answerOf(vector: Vector) {
  const found = /^(\w+_resp|generic_nack) (0|ESME_\w+)/.exec(vector.expect.answer ?? '')
  if (!found?.[1] || found[2] === undefined) return undefined
  return { command: found[1] as Command, status: found[2] === '0' ? 0 : (STATUS[found[2]] ?? -1) }
}

describe('malformed input on a bound link', () => {
  let centre: Centre
  let rig: Rig
  let clock: ManualClock

  const open = async (options: Record<string, unknown> = {}) => {
    clock = manualClock()
    centre = await startCentre()
    const bind = { host: '127.0.0.1', port: centre.port, systemId: 'causeway', rate: 'unlimited', ...options }
    rig = await startRig(smsModule, { binds: [bind] }, { clock })
    await rig.ready()
  }
  beforeEach(() => open())
  afterEach(async () => {
    await rig.stop(AbortSignal.abort())
    await centre.close()
  })

  const before = vectors.filter(({ name }) => name === 'deliver-before-bind')
  const inbound = vectors.filter(
    ({ name }) => !name.startsWith('submit-resp') && !name.startsWith('frame-') && !before.some((v) => v.name === name),
  )

  it.each(inbound.map((vector) => [vector.name, vector] as const))('%s', async (_name, vector) => {
    const wanted = answerOf(vector)
    centre.write(vector.hex)
    if (vector.expect.link === 'close') {
      await rig.gateway.until(() => (rig.adapter.messages.parallel() === 0 ? true : undefined))
      if (wanted) expect((await centre.next(wanted.command)).pdu).toMatchObject(wanted)
      await centre.gone()
      return
    }
    if (wanted) {
      const { pdu } = await centre.next(wanted.command)
      expect(pdu).toMatchObject(wanted)
      expect(pdu.sequence).toBe(Buffer.from(vector.hex, 'hex').readUInt32BE(12))
    }
    await centre.read()
    expect(rig.adapter.messages.parallel()).toBe(10)
    if (vector.expect.text !== undefined) {
      expect(rig.gateway.messages[0]?.content).toMatchObject({
        text: vector.expect.text.replace(/ \(default\).*/, ''),
      })
    }
    if (vector.expect.counter !== undefined) {
      expect(await rig.metrics.metrics()).toMatch(new RegExp(`="${vector.expect.counter}"`))
    }
  })

  it('default-alphabet-octet-above-127: a profile may say Latin-1', async () => {
    await rig.stop(AbortSignal.abort())
    await centre.close()
    await open({ defaultAlphabet: 'latin1' })
    centre.write(vectors.find(({ name }) => name === 'default-alphabet-octet-above-127')?.hex ?? '')
    await centre.next('deliver_sm_resp')
    expect(rig.gateway.messages[0]?.content).toMatchObject({ text: 'Café' })
  })

  it.each([
    ['submit-resp-ok-no-body', { parts: [{ id: '', keys: [] }], reportExpected: false }],
    ['submit-resp-ok-empty-id', { parts: [{ id: '', keys: [] }], reportExpected: false }],
    ['submit-resp-id-unterminated', { parts: [{ id: 'ABC123' }], reportExpected: true }],
    ['submit-resp-id-too-long', { reportExpected: true }],
  ])('%s: the message is accepted all the same', async (name, expected) => {
    const sent = rig.send({})
    const { pdu } = await centre.next('submit_sm')
    const answer = Buffer.from(vectors.find((vector) => vector.name === name)?.hex ?? '', 'hex')
    answer.writeUInt32BE(pdu.sequence, 12)
    centre.write(answer)
    expect(await sent).toMatchObject({ kind: 'accepted', ...expected })
  })

  it('response-of-wrong-kind: the message waits for its own answer', async () => {
    const sent = rig.send({})
    const { pdu } = await centre.next('submit_sm')
    const wrong = Buffer.from(vectors.find(({ name }) => name === 'response-of-wrong-kind')?.hex ?? '', 'hex')
    wrong.writeUInt32BE(pdu.sequence, 12)
    centre.write(wrong)
    await centre.read()
    centre.say('submit_sm_resp', 0, pdu.sequence, { message_id: 'right' })
    expect(await sent).toMatchObject({ parts: [{ id: 'right' }] })
  })

  it('frame-half-then-silence: the link is closed when the peer stays silent', async () => {
    centre.write(vectors.find(({ name }) => name === 'frame-half-then-silence')?.hex ?? '')
    clock.advance(30_000)
    await centre.next('enquire_link')
    clock.advance(10_000)
    await rig.gateway.until(() => (rig.adapter.messages.parallel() === 0 ? true : undefined))
    await centre.gone()
  })

  it('three protocol errors within a minute close the link, three in a long time do not', async () => {
    const bad = vectors.find(({ name }) => name === 'deliver-empty-body')?.hex ?? ''
    for (const pause of [31_000, 31_000, 0]) {
      centre.write(bad)
      await centre.next('deliver_sm_resp')
      await centre.read()
      clock.advance(pause)
      if (pause > 0) await centre.next('enquire_link')
    }
    expect(rig.adapter.messages.parallel()).toBe(10)
    centre.write(bad)
    await rig.gateway.until(() => (rig.adapter.messages.parallel() === 0 ? true : undefined))
    await centre.gone()
  })

  it('a message before the bind is answered that the state is wrong', async () => {
    await rig.stop(AbortSignal.abort())
    await centre.close()
    centre = await startCentre({ silent: true })
    rig = await startRig(smsModule, { binds: [{ host: '127.0.0.1', port: centre.port, systemId: 'x' }] }, { clock })
    await centre.next('bind_transceiver')
    centre.write(before[0]?.hex ?? '')
    expect((await centre.next()).pdu).toMatchObject({ command: 'deliver_sm_resp', status: 0x04 })
  })
})

describe('the stream cut at every octet', () => {
  it('gives the same messages and answers', async () => {
    const octets = Buffer.concat(
      ['sm-length-short', 'enquire-link-with-body', 'nul-in-default-alphabet'].map((name) =>
        Buffer.from(vectors.find((vector) => vector.name === name)?.hex ?? '', 'hex'),
      ),
    )
    const centre = await startCentre()
    const rig = await startRig(smsModule, {
      binds: [{ host: '127.0.0.1', port: centre.port, systemId: 'x', duplicateWindow: '0s' }],
    })
    await rig.ready()
    for (let at = 1; at < octets.length; at += 1) {
      centre.write(octets.subarray(0, at))
      // The client has read the first piece when it answers what stands between; cut in a PDU it has nothing to say.
      await new Promise((resolve) => setImmediate(resolve))
      centre.write(octets.subarray(at))
      await centre.next('deliver_sm_resp')
      await centre.next('enquire_link_resp')
      await centre.next('deliver_sm_resp')
    }
    const texts = rig.gateway.messages.map(({ content }) => ('text' in content ? content.text : ''))
    expect(new Set(texts)).toEqual(new Set(['Hel', 'x@y']))
    expect(texts).toHaveLength(2 * (octets.length - 1))
    await rig.stop(AbortSignal.abort())
    await centre.close()
  })
})
