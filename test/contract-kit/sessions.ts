import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type {
  AdapterModule,
  SessionAnswer,
  SessionInvitation,
  SessionMessage,
  SessionPort,
  SessionSide,
} from '../../adapters/contract/index.js'
import type { MessageId, Uri } from '../../gateway/cpm/ids.js'
import { manualClock } from './clock.js'
import { type RecordingSide, recordingSide } from './recording-side.js'
import { type Rig, startRig } from './rig.js'

/** A simulated service with sessions, as the kit needs it, and one user of it. */
export interface KitSessionPeer {
  /** Options of the adapter, as in the configuration file, that lead to this peer. */
  readonly options: unknown
  /** A user of the service. */
  readonly user: Uri
  /** A CPM user, by the address users of the service know. */
  readonly home: Uri
  /** What the user does with invitations from now on; a service without answers of its own takes all of them. */
  readonly answers?: (how: 'accept' | 'decline' | 'nothing') => void
  /** He answers the last invitation now, whatever has become of it; resolves when the service has taken the answer. */
  answersLate?(how: 'accept' | 'decline'): Promise<void>
  /** Invitations are in the name of this CPM group; absent: they are to a session of two. */
  readonly group?: Uri
  /** The user says something in the session that stands; resolves when it was sent. */
  say(text: string): Promise<void>
  /** All that the user was told so far, one text after the other. */
  received(): string
  /** The user leaves. Absent: the service knows no leaving. */
  leave?(): Promise<void>
  /** Whether the user was told of the end. Absent: the service cannot say it. */
  wasLeft?(): boolean
  /** The user begins a session with `home`; what he says first is `text`, where the service begins it so. Resolves when it was sent. */
  invite(text: string): Promise<void>
  /** What became of his invitation, where the service says so. */
  readonly invited?: () => Promise<'accepted' | 'refused'>
  /** Goes away without a word. */
  down(): Promise<void>
  /** The connection breaks, and can be had again at once. */
  cut?(): Promise<void>
  close(): Promise<void>
}

/** What every adapter with sessions keeps, whatever its service (`IWF-SESS-01` to `IWF-SESS-04`). */
export function sessionContract<Options>(
  name: string,
  module: AdapterModule<Options>,
  open: () => Promise<KitSessionPeer>,
) {
  describe(`session contract: ${name}`, () => {
    let peer: KitSessionPeer
    let rig: Rig
    let inbound: { readonly invitation: SessionInvitation; readonly theirs: SessionSide }[]
    let alice: RecordingSide
    let take: (theirs: SessionSide) => SessionAnswer | Promise<SessionAnswer>

    beforeEach(async () => {
      peer = await open()
      inbound = []
      alice = recordingSide()
      take = () => ({ kind: 'accepted', side: alice })
      const receiveInvitation: SessionPort['invite'] = async (invitation, theirs) => {
        inbound.push({ invitation, theirs })
        return take(theirs)
      }
      rig = await startRig(module, peer.options, { offers: { receiveInvitation } })
      await rig.ready()
    })
    afterEach(async () => {
      await rig.stop(AbortSignal.timeout(5_000))
      await peer.close()
    })

    const alicesPart = { address: 'sip:alice@cpm.example' as Uri, name: 'Alice' }
    function invite(ours: SessionSide = recordingSide(), withdrawn = new AbortController().signal) {
      const { sessions } = rig.adapter
      if (!sessions) throw new Error('the adapter has no sessions')
      const invitation: SessionInvitation = {
        id: randomUUID(),
        from: peer.home,
        fromName: 'Alice',
        to: peer.user,
        ...(peer.group && { group: { address: peer.group, name: 'Friends', participants: [alicesPart] } }),
        subject: 'Lunch',
        expiresAt: Date.now() + 60_000,
      }
      return sessions.invite(invitation, ours, withdrawn)
    }
    const spoken = (text: string): SessionMessage => ({
      messageId: randomUUID() as MessageId,
      from: alicesPart,
      content: { type: 'text/plain', text },
      sentAt: Date.now(),
      reports: { delivered: false, failed: false, displayed: false },
    })
    const textOf = (message: SessionMessage | undefined) =>
      message && 'text' in message.content ? message.content.text : undefined
    async function standing() {
      peer.answers?.('accept')
      const ours = recordingSide()
      const answer = await invite(ours)
      if (answer.kind !== 'accepted') throw new Error(`refused: ${answer.reason} ${answer.said}`)
      return { ours, side: answer.side }
    }

    it('says that it has sessions', () => {
      expect(rig.adapter.capabilities.sessions).toBe(true)
    })

    it('IWF-SESS-01 IWF-SESS-02 a user who accepts hears what is said, and is heard by his address', async () => {
      const { ours, side } = await standing()
      expect(await side.say(spoken('good morning'))).toEqual({ kind: 'taken' })
      await expect.poll(peer.received).toContain('good morning')
      await peer.say('hello to you')
      await expect.poll(() => textOf(ours.heard[0])).toBe('hello to you')
      expect(ours.heard[0]?.from.address).toBe(peer.user)
    })

    it('two things with the same text are two things', async () => {
      const { ours } = await standing()
      await peer.say('ok')
      await peer.say('ok')
      await expect.poll(() => ours.heard.length).toBe(2)
      expect(ours.heard[0]?.messageId).not.toBe(ours.heard[1]?.messageId)
    })

    it('IWF-SESS-02 a user who declines makes it refused by the recipient', async ({ skip }) => {
      if (!peer.answers) return skip()
      peer.answers('decline')
      expect(await invite()).toMatchObject({ kind: 'refused', reason: 'refused-by-recipient' })
    })

    it('IWF-SESS-02 an invitation that is taken back is settled, and ends nothing else', async ({ skip }) => {
      if (!peer.answers) return skip()
      peer.answers('nothing')
      const withdraw = new AbortController()
      const answer = invite(recordingSide(), withdraw.signal)
      withdraw.abort()
      expect((await answer).kind).toBe('refused')
      await standing()
    })

    it('our end reaches him; nothing is taken afterwards', async () => {
      const { side, ours } = await standing()
      await side.leave()
      const { wasLeft } = peer
      if (wasLeft) await expect.poll(wasLeft).toBe(true)
      expect((await side.say(spoken('too late'))).kind).toBe('refused')
      expect(ours.ends).toEqual([])
      expect(peer.received()).not.toContain('too late')
    })

    it('his end reaches us, once', async ({ skip }) => {
      if (!peer.leave) return skip()
      const { side, ours } = await standing()
      await peer.leave()
      await expect.poll(() => ours.ends.length).toBe(1)
      expect((await side.say(spoken('still there?'))).kind).toBe('refused')
      await side.leave()
      expect(ours.ends).toHaveLength(1)
    })

    it('IWF-SESS-03 he begins a session with a CPM user: who and whom, and both ways from then on', async () => {
      await peer.invite('anybody home?')
      await expect.poll(() => inbound.length).toBe(1)
      expect(inbound[0]?.invitation).toMatchObject({ from: peer.user, to: peer.home })
      expect(await peer.invited?.()).toBe(peer.invited && 'accepted')
      await inbound[0]?.theirs.say(spoken('yes, here'))
      await expect.poll(peer.received).toContain('yes, here')
      await peer.say('fine')
      await expect.poll(() => alice.heard.map(textOf)).toContain('fine')
      await inbound[0]?.theirs.leave()
    })

    it('IWF-SESS-04 a refusal reaches him, and ends it', async () => {
      take = () => ({ kind: 'refused', reason: 'refused-by-recipient', said: 'she has declined' })
      await peer.invite('anybody home?')
      await expect.poll(() => inbound.length).toBe(1)
      if (peer.invited) expect(await peer.invited()).toBe('refused')
      expect(alice.heard).toEqual([])
    })

    it('IWF-SESS-02 an answer after the invitation was taken back is no session', async ({ skip }) => {
      if (!peer.answers || !peer.answersLate) return skip()
      peer.answers('nothing')
      const withdraw = new AbortController()
      const ours = recordingSide()
      const answer = invite(ours, withdraw.signal)
      withdraw.abort()
      expect((await answer).kind).toBe('refused')
      take = () => ({ kind: 'refused', reason: 'sender-not-allowed', said: 'it is over' })
      await peer.answersLate('accept')
      expect(ours.heard).toEqual([])
      expect(ours.ends).toEqual([])
      await peer.answersLate('decline')
    })

    it('IWF-SESS-02 an answer given twice, or changed, is the first one', async ({ skip }) => {
      if (!peer.answersLate) return skip()
      const { ours, side } = await standing()
      await peer.answersLate('accept')
      await peer.answersLate('decline')
      expect(ours.ends).toEqual([])
      expect(await side.say(spoken('once'))).toEqual({ kind: 'taken' })
      await expect.poll(peer.received).toContain('once')
      expect(peer.received().split('once')).toHaveLength(2)
      await peer.say('still here')
      await expect.poll(() => ours.heard.map(textOf)).toEqual(['still here'])
    })

    it('an answer after the end begins nothing', async ({ skip }) => {
      if (!peer.answersLate) return skip()
      const { ours, side } = await standing()
      await side.leave()
      take = () => ({ kind: 'refused', reason: 'sender-not-allowed', said: 'it is over' })
      await peer.answersLate('accept')
      await peer.answersLate('decline')
      expect(ours.heard).toEqual([])
      expect(ours.ends).toEqual([])
      expect((await side.say(spoken('too late'))).kind).toBe('refused')
    })

    it('IWF-SESS-04 he is gone before the answer to his invitation: the session ends as soon as it begins', async ({
      skip,
    }) => {
      if (!peer.leave) return skip()
      let decide: (answer: SessionAnswer) => void = () => {}
      take = () =>
        new Promise((resolve) => {
          decide = resolve
        })
      const inviting = peer.invite('anybody home?')
      await expect.poll(() => inbound.length).toBe(1)
      await peer.leave()
      decide({ kind: 'accepted', side: alice })
      await inviting
      await expect.poll(() => alice.ends.length).toBe(1)
      expect((await inbound[0]?.theirs.say(spoken('hello?')))?.kind).toBe('refused')
    })

    it('what is said at once, both ways, comes in order and each once', async () => {
      const words = Array.from({ length: 30 }, (_, index) => `word ${index};`)
      const { ours, side } = await standing()
      const said = words.map((text) => side.say(spoken(text)))
      const heard = words.map((text) => peer.say(text))
      expect((await Promise.all(said)).every(({ kind }) => kind === 'taken')).toBe(true)
      await Promise.all(heard)
      await expect.poll(() => ours.heard.length).toBe(words.length)
      expect(ours.heard.map(textOf)).toEqual(words)
      expect(peer.received().match(/word \d+;/g)).toEqual(words)
    })

    it('a connection that breaks in the middle ends a session once for both, or not at all; the next one stands', async ({
      skip,
    }) => {
      if (!peer.cut) return skip()
      const { ours, side } = await standing()
      await peer.cut()
      await rig.gateway.until(() => (rig.adapter.health().state === 'up' ? undefined : true))
      await rig.ready()
      const goesOn = (await side.say(spoken('still there?'))).kind === 'taken'
      expect(ours.ends.length).toBe(goesOn ? 0 : 1)
      await side.leave()
      expect(ours.ends.length).toBe(goesOn ? 0 : 1)
      const next = await standing()
      expect(await next.side.say(spoken('again'))).toEqual({ kind: 'taken' })
      await expect.poll(peer.received).toContain('again')
    })

    it('a session in which nobody says anything for an hour stands, or is over for both', async () => {
      const clock = manualClock(Date.now())
      await rig.stop(AbortSignal.abort())
      rig = await startRig(module, peer.options, { clock, offers: { receiveInvitation: async () => take(alice) } })
      await rig.ready()
      const { ours, side } = await standing()
      clock.advance(3_600_000)
      await rig.ready()
      const goesOn = (await side.say(spoken('anybody?'))).kind === 'taken'
      await expect.poll(() => ours.ends.length).toBe(goesOn ? 0 : 1)
      const { wasLeft } = peer
      if (wasLeft) await expect.poll(wasLeft).toBe(!goesOn)
    })

    it('an adapter that stops under load leaves nobody waiting, and loses nothing that was taken', async () => {
      const words = Array.from({ length: 50 }, (_, index) => `last ${index};`)
      const { ours, side } = await standing()
      const said = words.map((text) => side.say(spoken(text)))
      await rig.stop(AbortSignal.timeout(2_000))
      const outcomes = await Promise.all(said)
      await expect.poll(() => ours.ends.length).toBe(1)
      const taken = words.filter((_, index) => outcomes[index]?.kind === 'taken')
      await expect.poll(() => taken.filter((text) => !peer.received().includes(text))).toEqual([])
      expect((await side.say(spoken('after'))).kind).toBe('refused')
    })

    it('a service that goes away leaves nobody waiting', async () => {
      const { side } = await standing()
      await peer.down()
      await rig.gateway.until(() => (rig.adapter.health().state === 'up' ? undefined : true))
      expect((await side.say(spoken('anybody?'))).kind).toBe('refused')
      expect((await invite()).kind).toBe('refused')
      await side.leave()
    })

    it('an adapter that stops ends its sessions', async () => {
      const { ours } = await standing()
      await rig.stop(AbortSignal.timeout(2_000))
      await expect.poll(() => ours.ends.length).toBe(1)
    })
  })
}
