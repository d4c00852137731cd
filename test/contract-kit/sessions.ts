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
  /** The user says something in the session that stands. */
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
    let take: (theirs: SessionSide) => SessionAnswer

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

    function invite(ours: SessionSide = recordingSide(), withdrawn = new AbortController().signal) {
      const { sessions } = rig.adapter
      if (!sessions) throw new Error('the adapter has no sessions')
      const invitation: SessionInvitation = {
        id: randomUUID(),
        from: peer.home,
        fromName: 'Alice',
        to: peer.user,
        subject: 'Lunch',
        expiresAt: Date.now() + 60_000,
      }
      return sessions.invite(invitation, ours, withdrawn)
    }
    const spoken = (text: string): SessionMessage => ({
      messageId: randomUUID() as MessageId,
      from: { address: peer.home, name: 'Alice' },
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
