import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { isMixed, mixedSection, toMixer } from '../../../gateway/conversation/focus/mixer.js'
import { judgeOffer, type StreamRules } from '../../../gateway/conversation/focus/streams.js'
import { type Description, parseSdp } from '../../../gateway/msrp/sdp/description.js'
import { header, type SipText } from '../../../scripts/rig/sip-text.js'
import { dial } from '../../msrp/peer.js'
import { assemble, hears } from './assemble.js'
import { answer, messageSdp, newPath, place, type Talk, talkOf } from './phone.js'
import { type FocusStage, FRIENDS, openFocusStage, uri } from './stage.js'
import { watch } from './watch.js'

const any = (): boolean => true
const MIXER = { media: { mixer: { audio: '192.0.2.9:40000', video: '192.0.2.9:40002' } } }
const AUDIO = ['m=audio 4000 RTP/AVP 0 97', 'a=rtpmap:97 AMR/8000', 'a=sendrecv']
const VIDEO = ['m=video 5000 RTP/AVP 96', 'a=rtpmap:96 H264/90000']
const OFF = { audio: 'm=audio 0 RTP/AVP 0', message: 'm=message 0 TCP/MSRP *' }

const sections = (text: SipText | string): readonly string[] =>
  [...(typeof text === 'string' ? text : text.body.toString()).matchAll(/^m=(\w+) (\d+)/gm)].map(
    ([, kind, port]) => `${kind}${port === '0' ? ' off' : ''}`,
  )

/** What the phone describes: its message stream as it was, and more. */
const described = (path: string, ...more: string[]): string => messageSdp(path, { more })
/** The same m= line of a message stream, with its first path. */
const pathOf = (talk: Talk): string => talk.path

/** A re-INVITE; again when one of the focus is not quite over (RFC 3261 §14.1). */
async function change(talk: Talk, sdp: string): Promise<SipText> {
  const changed = await talk.dialog.request('INVITE', [], sdp)
  if (changed.status === 491) return change(talk, sdp)
  if (changed.status < 300) talk.dialog.acknowledge(changed)
  return changed
}

/** Takes a re-INVITE of the focus; gives its streams. */
async function offered(talk: Talk, sdp?: (offer: string) => string): Promise<readonly string[]> {
  const { request, answer: reply } = await talk.next('INVITE')
  const offer = request.body.toString()
  reply(200, [], sdp?.(offer) ?? described(pathOf(talk), ...audioOf(offer)))
  return sections(offer)
}

/** Answers each further section of an offer as it is offered. */
const audioOf = (offer: string): string[] => {
  const parsed = parseSdp(offer)
  return (parsed?.media.slice(1) ?? []).map(
    ({ kind, port, proto, formats }) => `m=${kind} ${port === 0 ? 0 : 6000} ${proto} ${formats}`,
  )
}

/** Connects to a stream of the focus. */
async function connected(theirs: string, own: string) {
  const peer = await dial(Number(/:(\d+)\//.exec(theirs)?.[1]))
  onTestFinished(() => peer.close())
  peer.says(`MSRP bind1 SEND\nTo-Path: ${theirs}\nFrom-Path: ${own}\nMessage-ID: b\nByte-Range: 1-0/0\n-------bind1$\n`)
  expect((await peer.hears()).first).toBe('200 OK')
  return peer
}

const isHearing = (user: string, roster: string): boolean =>
  roster.split('<user ').some((one) => one.includes(`"${user}"`) && one.includes('<media id="audio">'))

const trio = (stage: FocusStage) => assemble(stage, ['alice', 'bob', 'carol'])

describe('changing the streams of a session', () => {
  test('GRP-GAP-02 MED-47 MED-28 MED-32 MED-39 MED-21 MOD-01 MOD-04 MOD-06 MOD-07 MOD-09 MOD-11 MOD-13 FLOW-12 FLOW-13 UP-02: a stream that nobody uses is accepted at once, and offered to all others', async () => {
    const stage = await openFocusStage(MIXER)
    const { alice, bob, carol } = await trio(stage)
    const changed = await change(alice.talk, described(pathOf(alice.talk), ...AUDIO))
    expect(changed.status).toBe(200)
    expect(sections(changed)).toEqual(['message', 'audio'])
    const body = changed.body.toString()
    expect(body).toMatch(/m=audio 40000 RTP\/AVP 0 97\r\nc=IN IP4 192\.0\.2\.9\r\na=rtpmap:97 AMR\/8000/)
    expect(await offered(bob.talk)).toEqual(['message', 'audio'])
    expect(await offered(carol.talk, () => described(pathOf(carol.talk), OFF.audio))).toEqual(['message', 'audio'])
    await alice.talk.says('still here')
    await Promise.all([hears(bob.talk, 'still here'), hears(carol.talk, 'still here')])
  })

  test('MED-30 MED-38 MOD-11: a stream that others use is joined without a word to them', async () => {
    const stage = await openFocusStage(MIXER)
    const { alice, bob, carol } = await trio(stage)
    await change(alice.talk, described(pathOf(alice.talk), ...AUDIO))
    await offered(bob.talk)
    await offered(carol.talk, () => described(pathOf(carol.talk), OFF.audio))
    const joined = await change(carol.talk, described(pathOf(carol.talk), ...AUDIO))
    expect(sections(joined)).toEqual(['message', 'audio'])
    expect([alice, bob].map(({ talk }) => talk.dialog.requests.items)).toEqual([[], []])
  })

  test('MED-29 MED-31 MED-42: what its originator no longer offers is taken from those who use it, and from nobody else', async () => {
    const stage = await openFocusStage(MIXER)
    const { alice, bob, carol } = await trio(stage)
    await change(alice.talk, described(pathOf(alice.talk), ...AUDIO))
    await offered(bob.talk)
    await offered(carol.talk, () => described(pathOf(carol.talk), OFF.audio))
    const changed = await change(alice.talk, described(pathOf(alice.talk), OFF.audio))
    expect(sections(changed)).toEqual(['message', 'audio off'])
    expect(await offered(bob.talk)).toEqual(['message', 'audio off'])
    expect(carol.talk.dialog.requests.items).toEqual([])
  })

  test('MED-23 MED-30 MED-42: without the right it is only his own', async () => {
    const stage = await openFocusStage(MIXER)
    const { alice, bob, carol } = await trio(stage)
    await change(alice.talk, described(pathOf(alice.talk), ...AUDIO))
    await Promise.all([offered(bob.talk), offered(carol.talk)])
    const changed = await change(bob.talk, described(pathOf(bob.talk), OFF.audio))
    expect(sections(changed)).toEqual(['message', 'audio off'])
    expect([alice, carol].map(({ talk }) => talk.dialog.requests.items)).toEqual([[], []])
  })

  test('MED-28 MED-30: a new stream of one who may not add any is refused, and the rest goes on', async () => {
    const stage = await openFocusStage({ ...MIXER, policies: { addStreams: 'originator' } })
    const { alice, bob } = await trio(stage)
    const changed = await change(bob.talk, described(pathOf(bob.talk), ...AUDIO))
    expect(sections(changed)).toEqual(['message', 'audio off'])
    expect(alice.talk.dialog.requests.items).toEqual([])
  })

  test('MED-22 MED-27 MED-33 MOD-02: with no stream left 488, and all stays as it was', async () => {
    const stage = await openFocusStage()
    const { alice, bob } = await trio(stage)
    expect((await change(bob.talk, described(newPath(), '').replace('m=message 9', 'm=message 0'))).status).toBe(488)
    const unknown = described(pathOf(bob.talk), 'm=application 9 UDP/UNKNOWN 5', ...AUDIO)
    expect(sections(await change(bob.talk, unknown))).toEqual(['message', 'application off', 'audio off'])
    await alice.talk.says('as before')
    await hears(bob.talk, 'as before')
  })

  test('MED-25 MOD-05: a refresh, or the same streams with other characteristics, is nobody else’s business', async () => {
    const stage = await openFocusStage()
    const { alice, bob, carol } = await trio(stage)
    expect((await change(bob.talk, described(pathOf(bob.talk)))).status).toBe(200)
    const narrower = described(pathOf(bob.talk)).replace('wrapped-types:*', 'wrapped-types:text/plain')
    expect((await change(bob.talk, narrower)).status).toBe(200)
    await alice.talk.says('R0lG', { type: 'image/gif' })
    await alice.talk.says('text')
    await hears(bob.talk, 'text')
    expect(bob.talk.heard.items).toEqual([])
    expect([alice, carol].map(({ talk }) => talk.dialog.requests.items)).toEqual([[], []])
  })

  test('UP-04: who has left the message stream gets no messages; who comes back with another path does', async () => {
    const stage = await openFocusStage(MIXER)
    const { alice, bob, carol } = await trio(stage)
    await change(alice.talk, described(pathOf(alice.talk), ...AUDIO))
    await Promise.all([offered(bob.talk), offered(carol.talk)])
    const silent = described(pathOf(bob.talk), ...AUDIO).replace('m=message 9', 'm=message 0')
    expect(sections(await change(bob.talk, silent))).toEqual(['message off', 'audio'])
    await alice.talk.says('not for Bob')
    await hears(carol.talk, 'not for Bob')
    const path = newPath()
    const back = await change(bob.talk, described(path, ...AUDIO))
    expect(sections(back)).toEqual(['message', 'audio'])
    expect(bob.talk.heard.items).toEqual([])
    expect(/^a=path:(\S+)/m.exec(back.body.toString())?.[1]).not.toBe(
      /^a=path:(\S+)/m.exec(bob.talk.focus.body.toString())?.[1],
    )
  })

  test('MED-24 MED-36 MOD-03: a member may refuse what is offered, and stays in', async () => {
    const stage = await openFocusStage(MIXER)
    const { alice, bob, carol } = await trio(stage)
    await change(alice.talk, described(pathOf(alice.talk), ...AUDIO))
    const { answer: refuse } = await bob.talk.next('INVITE')
    refuse(488)
    await offered(carol.talk)
    await alice.talk.says('stay')
    await hears(bob.talk, 'stay')
  })

  test('MED-40: one who refuses to give up a stream gets nothing on it any more; the rest goes on', async () => {
    const stage = await openFocusStage()
    const { alice, bob, carol } = await trio(stage)
    const second = (talk: Talk, path = newPath()) =>
      described(pathOf(talk), ...messageSdp(path).split('\r\n').slice(5, -1))
    expect(sections(await change(alice.talk, second(alice.talk)))).toEqual(['message', 'message'])
    const own = newPath()
    let toBob = ''
    await Promise.all([
      offered(bob.talk, (offer) => {
        toBob = offer
        return second(bob.talk, own)
      }),
      offered(carol.talk, () => second(carol.talk)),
    ])
    const [, path = ''] = [...toBob.matchAll(/^a=path:(\S+)/gm)].map(([, found = '']) => found)
    const onSecond = await connected(path, own)
    // Alice has begun it, and may take the second stream from all.
    await change(alice.talk, described(pathOf(alice.talk), OFF.message))
    const { request, answer: refuse } = await bob.talk.next('INVITE')
    expect(sections(request)).toEqual(['message', 'message off'])
    refuse(488)
    expect(await offered(carol.talk, () => described(pathOf(carol.talk), OFF.message))).toEqual([
      'message',
      'message off',
    ])
    await onSecond.closed
    await alice.talk.says('on the one that is left')
    await Promise.all([hears(bob.talk, 'on the one that is left'), hears(carol.talk, 'on the one that is left')])
  })

  test('MED-41: a change that others who use the stream could not follow is refused with 488; who joins it without their codecs does not get it', async () => {
    const stage = await openFocusStage(MIXER)
    const { alice, bob, carol } = await trio(stage)
    const roster = await watch(stage, 'alice', alice.talk.identity)
    await change(alice.talk, described(pathOf(alice.talk), ...AUDIO))
    const pcmu = 'm=audio 6000 RTP/AVP 0'
    await offered(bob.talk, () => described(pathOf(bob.talk), pcmu))
    await offered(carol.talk, () => described(pathOf(carol.talk), OFF.audio))
    // His answer has arrived.
    while (!isHearing(uri('bob'), (await roster.next()).text)) {}
    const amrOnly = ['m=audio 4000 RTP/AVP 97', 'a=rtpmap:97 AMR/8000']
    expect((await change(alice.talk, described(pathOf(alice.talk), ...amrOnly))).status).toBe(488)
    const joined = await change(carol.talk, described(pathOf(carol.talk), ...amrOnly))
    expect(sections(joined)).toEqual(['message', 'audio off'])
    // What they have in common will do, by whatever number.
    const wider = ['m=audio 4000 RTP/AVP 97 98', 'a=rtpmap:97 AMR/8000', 'a=rtpmap:98 PCMU/8000']
    expect(sections(await change(alice.talk, described(pathOf(alice.talk), ...wider)))).toEqual(['message', 'audio'])
    expect(bob.talk.dialog.requests.items).toEqual([])
    await alice.talk.says('as before')
    await Promise.all([hears(bob.talk, 'as before'), hears(carol.talk, 'as before')])
  })

  test('UP-02 UP-03 UP-05: without a mixer audio is refused, and so is what a floor decides over', async () => {
    const stage = await openFocusStage()
    const { alice } = await assemble(stage, ['alice', 'bob'], { more: AUDIO })
    expect(sections(alice.talk.focus)).toEqual(['message', 'audio off'])
    const floor = await openFocusStage(MIXER)
    const floored = [...AUDIO, 'a=label:10', 'm=application 9 TCP/BFCP *', 'a=floorid:1 mstrm:10', ...VIDEO]
    const seats = await assemble(floor, ['alice', 'bob'], {
      more: floored,
      answers: { more: ['m=video 7000 RTP/AVP 96'] },
    })
    expect(sections(seats.alice.talk.focus)).toEqual(['message', 'audio off', 'application off', 'video'])
    expect(sections(seats.bob.talk.focus)).toEqual(['message', 'video'])
  })

  test('MED-09 FLOW-06: one who is added later is offered what is in use', async () => {
    const stage = await openFocusStage(MIXER)
    const { alice, bob, carol } = await trio(stage)
    await change(alice.talk, described(pathOf(alice.talk), ...AUDIO))
    await Promise.all([offered(bob.talk), offered(carol.talk)])
    const dave = await stage.phone('dave')
    await alice.talk.dialog.request('REFER', [
      ['Refer-To', `<${uri('dave')}>`],
      ['Refer-Sub', 'false'],
    ])
    const toDave = await dave.calls.next('INVITE', any)
    expect(sections(toDave.invite)).toEqual(['message', 'audio'])
    await answer(dave, toDave, { more: [OFF.audio] })
    const erin = await stage.phone('erin', { registers: true })
    expect(header(await place(erin, FRIENDS).call.final, 'contact')).not.toContain('isfocus')
    const tablet = await stage.phone('bob')
    const second = await talkOf(tablet, place(tablet, alice.talk.identity, { more: AUDIO }))
    expect(sections(second.focus)).toEqual(['message', 'audio'])
  })
})

describe('judging an offer', () => {
  const rules: StreamRules = {
    inUse: new Set(['message']),
    supports: () => true,
    follow: () => true,
    allows: () => true,
    mayAdd: true,
    mayRemove: true,
  }
  const offer = (...lines: string[]): Description =>
    parseSdp(['v=0', 's=-', ...lines].join('\r\n')) ?? { session: [], media: [] }

  test('MED-31 MED-32: the second of a kind is a stream of its own, in its place for good', () => {
    const two = offer('m=message 9 TCP/MSRP *', 'm=message 9 TCP/MSRP *')
    expect(judgeOffer(two, ['message'], rules)?.added.map(({ key }) => key)).toEqual(['message#2'])
    const second = offer('m=message 0 TCP/MSRP *', 'm=message 9 TCP/MSRP *')
    const inUse = new Set(['message', 'message#2'])
    const judged = judgeOffer(second, ['message', 'message#2'], { ...rules, inUse })
    expect(judged?.accepted.map(({ key }) => key)).toEqual(['message#2'])
    expect([...(judged?.removed ?? [])]).toEqual(['message'])
  })

  test('whatever is offered, no stream is answered twice, none that was not offered, and none above the limit', () => {
    const line = fc.record({ kind: fc.constantFrom('message', 'audio', 'video'), port: fc.constantFrom(0, 9) })
    const key = fc.option(fc.constantFrom('message', 'message#2', 'audio', 'video'), { nil: undefined })
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 10 }),
        fc.uniqueArray(key, { maxLength: 10 }),
        fc.boolean(),
        (lines, own, may) => {
          const media = lines.map(({ kind, port }) => ({ kind, port, proto: 'X', formats: '*', lines: [] }))
          const judged = judgeOffer({ session: [], media }, own, { ...rules, mayAdd: may, mayRemove: may })
          const keys = judged?.accepted.map((stream) => stream.key) ?? []
          expect(new Set(keys).size).toBe(keys.length)
          expect(judged?.accepted.every(({ index, media: one }) => media[index] === one && one.port > 0) ?? true).toBe(
            true,
          )
          if (judged && !may) expect(judged.added).toEqual([])
        },
      ),
    )
  })

  test('the mixer takes plain RTP of its kinds', () => {
    const mixer = toMixer({ audio: '[2001:db8::9]:40000' })
    const section = (kind: string, proto: string) => ({ kind, port: 4000, proto, formats: '0', lines: [] })
    expect(isMixed(mixer, section('audio', 'RTP/AVP'))).toBe(true)
    expect(isMixed(mixer, section('audio', 'RTP/SAVP'))).toBe(false)
    expect(isMixed(mixer, section('video', 'RTP/AVP'))).toBe(false)
    expect(mixedSection(mixer, section('audio', 'RTP/AVP'), 'recvonly')?.lines).toEqual([
      'c=IN IP6 2001:db8::9',
      'a=recvonly',
    ])
  })
})
