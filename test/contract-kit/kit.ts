import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AdapterModule, SendOutcome } from '../../adapters/contract/index.js'
import type { MessageId, Uri } from '../../gateway/cpm/ids.js'
import { type Rig, startRig } from './rig.js'

/** A simulated service, as the kit needs it. Waits for a new connection should be short: the kit runs in real time. */
export interface KitPeer {
  /** Options of the adapter, as in the configuration file, that lead to this peer. */
  readonly options: unknown
  /** A user of the service. */
  readonly user: Uri
  /** A CPM user, by the address users of the service know. */
  readonly home: Uri
  /** Users of the service whose messages end so; absent where the service has no such thing. */
  readonly busy?: Uri
  readonly refused?: Uri
  /** Never answers a message; `options` that wait for an answer a short time only. */
  readonly silent?: { readonly user: Uri; readonly options: unknown }
  /** Takes a message and then reports a failure. */
  readonly failing?: Uri
  /** Takes messages and delivers none of them; of a service whose messages can be taken back. */
  readonly holding?: Uri
  /** Makes every answer come later than an adapter with these options waits for it. */
  readonly slow?: { readonly options: unknown; begin(): void }
  /** Takes so many more parts of messages, and breaks the connection at the next one instead of taking it. */
  interruptAfter?(parts: number): void
  /** All that users of the service got so far, before it went away as well: one text after the other. */
  received(): string
  /** How many messages (or parts) the service has been offered. */
  offered(): number
  /** The user writes to `home`. Resolves when the service has the final answer. */
  say(text: string): Promise<'taken' | 'refused'>
  /** The user writes and wants to be told of the delivery. Absent: the service has no such thing. */
  readonly asking?: {
    readonly options: unknown
    say(text: string): Promise<'taken' | 'refused'>
    /** What he was told first. */
    told(): Promise<'delivered' | 'failed'>
  }
  /** Goes away without a word, and comes back at the same place. */
  down(): Promise<void>
  up(): Promise<void>
  close(): Promise<void>
}

const text = (outcome: SendOutcome) => ('said' in outcome ? `${outcome.kind}: ${outcome.said}` : outcome.kind)
const taken = (outcome: SendOutcome) => outcome.kind === 'accepted' || outcome.kind === 'delivered'
const TAKEN = /^(accepted: |delivered$)/
const LONG = `${'Grüße an alle, 今日は 👋 '.repeat(12)}Ende`

/** What every adapter keeps, whatever its service. Run it in a test file of the adapter, with its simulator. */
export function adapterContract<Options>(name: string, module: AdapterModule<Options>, open: () => Promise<KitPeer>) {
  describe(`adapter contract: ${name}`, () => {
    let peer: KitPeer
    let rig: Rig

    beforeEach(async () => {
      peer = await open()
      rig = await startRig(module, peer.options)
      await rig.ready()
    })
    afterEach(async () => {
      await rig.stop(AbortSignal.timeout(5_000))
      await peer.close()
    })

    const write = (body: string, to: Uri = peer.user) =>
      rig.send({ from: peer.home, to, content: { type: 'text/plain', text: body } })

    it('IWF-MSG-01 hands a message to the service', async () => {
      const outcome = await write('good morning')
      expect(text(outcome)).toMatch(TAKEN)
      expect(peer.received()).toContain('good morning')
    })

    it('says in one line of the trace what is asked, and what was answered', async () => {
      const message = { from: peer.home, to: peer.user, content: { type: 'text/plain', text: 'a secret' } }
      const outcomes = [await rig.send(message), peer.refused && (await rig.send({ ...message, to: peer.refused }))]
      const lines = [rig.describe(message), ...outcomes.map((outcome) => outcome && text(outcome))]
      for (const line of lines) {
        if (line === undefined) continue
        expect(line).toMatch(/^[^\r\n]{1,1000}$/)
        expect(line).not.toContain('a secret')
      }
    })

    it('IWF-MSG-01 carries Unicode and a long text whole', async () => {
      expect(text(await write(LONG))).toMatch(TAKEN)
      expect(peer.received()).toContain(LONG)
    })

    it('an attempt after an interruption sends the rest and not the whole', async ({ skip }) => {
      if (!peer.interruptAfter) return skip()
      peer.interruptAfter(1)
      const message = { messageId: 'resumed' as MessageId, from: peer.home, to: peer.user }
      const content = { type: 'text/plain', text: LONG }
      const first = await rig.send({ ...message, content })
      if (first.kind !== 'uncertain' || !first.progress) throw new Error(text(first))
      expect(first.progress.parts).toHaveLength(1)
      await rig.ready()
      const attempt = { number: 2, possibleDuplicate: true, progress: JSON.parse(JSON.stringify(first.progress)) }
      const second = await rig.send({ ...message, content }, attempt)
      if (second.kind !== 'accepted') throw new Error(text(second))
      expect(second.parts[0]).toEqual(first.progress.parts[0])
      expect(peer.received()).toBe(LONG)
    })

    it('IWF-MSG-02 hands a message of the service to the gateway, and acknowledges it when it is stored', async () => {
      let store = () => {}
      const stored = new Promise<void>((resolve) => {
        store = resolve
      })
      let asked = false
      rig.gateway.answerMessages(async () => {
        asked = true
        await stored
        return { kind: 'stored' }
      })
      let acknowledged = false
      const said = peer.say('hello to you').then((answer) => {
        acknowledged = true
        return answer
      })
      await expect.poll(() => asked).toBe(true)
      expect(acknowledged).toBe(false)
      store()
      expect(await said).toBe('taken')
      const message = await rig.gateway.until(() => rig.gateway.messages[0])
      expect(message).toMatchObject({ from: peer.user, to: peer.home, replyable: true })
      expect(message.content).toMatchObject({ text: 'hello to you' })
    })

    it('a message that could not be stored comes again and is not lost', async () => {
      let tries = 0
      rig.gateway.answerMessages(async () => {
        tries += 1
        if (tries === 1) throw new Error('the store is down')
        return { kind: 'stored' }
      })
      expect(await peer.say('try twice')).toBe('taken')
      expect(rig.gateway.messages).toHaveLength(1)
      expect(tries).toBe(2)
    })

    it('a message for nobody is refused in the terms of the service', async () => {
      rig.gateway.answerMessages(async () => ({ kind: 'refused', reason: 'unknown-recipient' }))
      expect(await peer.say('anybody there?')).toBe('refused')
    })

    it('two messages with the same text are two messages', async () => {
      await peer.say('ok')
      await peer.say('ok')
      await rig.gateway.until(() => rig.gateway.messages[1])
      expect(rig.gateway.messages).toHaveLength(2)
    })

    it.for(['delivered', 'failed'] as const)('IWF-REP-01 a user who asked is told: %s', async (state, { skip }) => {
      if (!peer.asking) return skip()
      const telling = await startRig(module, peer.asking.options)
      await telling.ready()
      await rig.stop(AbortSignal.abort())
      expect(await peer.asking.say('did you get it?')).toBe('taken')
      const { id, from, wantsReport } = await telling.gateway.until(() => telling.gateway.messages[0])
      expect(wantsReport).toBe(true)
      const told = peer.asking.told()
      const outcome = await telling.adapter.messages.report?.({ id, to: from, state }, new AbortController().signal)
      expect(outcome && text(outcome)).toMatch(TAKEN)
      expect(await told).toBe(state)
      await telling.stop(AbortSignal.abort())
    })

    it('IWF-REP-02 a report names the message by a key of its acceptance', async ({ skip }) => {
      if (!rig.adapter.capabilities.reports.delivered) skip()
      const outcome = await write('please report')
      if (outcome.kind !== 'accepted') throw new Error(`not accepted but ${text(outcome)}`)
      expect(outcome.reportExpected).toBe(true)
      const report = await rig.gateway.until(() => rig.gateway.reports[0])
      expect(report.state).toBe('delivered')
      expect(report.keys.some((key) => outcome.parts[0]?.keys.includes(key))).toBe(true)
    })

    it('IWF-REP-02 a failure report has a reason', async ({ skip }) => {
      if (!peer.failing) return skip()
      await write('will fail', peer.failing)
      const report = await rig.gateway.until(() => rig.gateway.reports[0])
      expect(report.state).toBe('failed')
      expect(report.reason).toBeDefined()
    })

    it('what is accepted and not delivered can be changed and taken back, and too late is said', async ({ skip }) => {
      const { cancel, replace } = rig.adapter.messages
      if (!peer.holding || !cancel || !replace) return skip()
      const outcome = await write('not so', peer.holding)
      if (outcome.kind !== 'accepted' || outcome.handle === undefined) throw new Error(text(outcome))
      const expiresAt = Date.now() + 60_000
      const { handle } = outcome
      const message = { messageId: 'm' as MessageId, from: peer.home, to: peer.holding, handle, expiresAt }
      const never = new AbortController().signal
      const content = { type: 'text/plain', text: 'but so' }
      expect(await replace(message, content, never)).toMatchObject({ kind: 'done' })
      expect(await cancel(message, never)).toMatchObject({ kind: 'done' })
      expect(await cancel(message, never)).toMatchObject({ kind: 'too-late' })
      expect(await replace(message, content, never)).toMatchObject({ kind: 'too-late' })
      await peer.down()
      expect(await cancel(message, never)).toMatchObject({ kind: 'unavailable' })
    })

    it('a service that does not take it now makes it busy, with a time to come again', async ({ skip }) => {
      if (!peer.busy) return skip()
      const outcome = await write('now?', peer.busy)
      if (outcome.kind !== 'busy') throw new Error(text(outcome))
      expect(outcome.retryAfterMs).toBeGreaterThan(0)
    })

    it('a service that will never take it makes it refused', async ({ skip }) => {
      if (!peer.refused) return skip()
      expect((await write('ever?', peer.refused)).kind).toBe('refused')
    })

    it('a lost answer makes it uncertain', async ({ skip }) => {
      if (!peer.silent) return skip()
      const impatient = await startRig(module, peer.silent.options)
      await impatient.ready()
      const outcome = await impatient.send({ from: peer.home, to: peer.silent.user })
      await impatient.stop(AbortSignal.abort())
      expect(outcome.kind).toBe('uncertain')
    })

    it('an answer after its time settles what was uncertain', async ({ skip }) => {
      if (!peer.slow) return skip()
      const impatient = await startRig(module, peer.slow.options)
      await impatient.ready()
      peer.slow.begin()
      const messageId = 'late' as MessageId
      const outcome = await impatient.send({ messageId, from: peer.home, to: peer.user })
      expect(outcome.kind).toBe('uncertain')
      const late = await impatient.gateway.until(() => impatient.gateway.settled[0])
      await impatient.stop(AbortSignal.abort())
      expect(late.messageId).toBe(messageId)
      expect(taken(late.outcome)).toBe(true)
    })

    it('a message whose life is over is never offered', async () => {
      const outcome = await rig.send({ from: peer.home, to: peer.user, expiresAt: Date.now() - 1 })
      expect(outcome).toMatchObject({ kind: 'refused', reason: 'expired' })
      expect(peer.offered()).toBe(0)
    })

    it('what cannot be an address of the service is none', () => {
      expect(rig.adapter.addresses.toService('xyz:nobody' as Uri)).toBeUndefined()
      expect(rig.adapter.addresses.toService(peer.user)).toBe(peer.user)
    })

    it('a peer that goes away closes the flow, and its return opens it', async () => {
      await peer.down()
      await rig.gateway.until(() => (rig.adapter.health().state === 'up' ? undefined : true))
      expect(rig.adapter.messages.parallel()).toBe(0)
      const meanwhile = await write('anybody?')
      expect(meanwhile.kind).toBe('busy')
      await peer.up()
      await rig.ready()
      expect(rig.adapter.health().state).toBe('up')
      expect(taken(await write('back again'))).toBe(true)
    })

    it('a peer that restarts under load costs no message, and none that it took is sent again', async () => {
      const bodies = Array.from({ length: 100 }, (_, index) => `<r${index}>`)
      const doubtful = new Set<string>()
      const carry = async (body: string): Promise<void> => {
        for (let number = 1; ; number += 1) {
          const content = { type: 'text/plain', text: body }
          const outcome = await rig.send({ from: peer.home, to: peer.user, content }, { number })
          if (taken(outcome)) return
          if (outcome.kind === 'uncertain') doubtful.add(body)
          else if (outcome.kind !== 'busy') throw new Error(text(outcome))
          await rig.ready()
        }
      }
      const carried = Promise.all(bodies.map(carry))
      await peer.down()
      await peer.up()
      await carried
      const received = peer.received()
      for (const body of bodies) {
        const copies = received.split(body).length - 1
        expect(copies).toBeGreaterThanOrEqual(1)
        if (!doubtful.has(body)) expect(copies).toBe(1)
      }
    })

    it('stopping under load loses nothing: each message has an outcome, and busy ones were not offered', async () => {
      const giveUp = new AbortController()
      const bodies = Array.from({ length: 300 }, (_, index) => `<m${index}>`)
      const sending = bodies.map((body) =>
        rig.send(
          { from: peer.home, to: peer.user, content: { type: 'text/plain', text: body } },
          undefined,
          giveUp.signal,
        ),
      )
      await sending[0]
      giveUp.abort()
      await rig.stop()
      const outcomes = await Promise.all(sending)
      const received = peer.received()
      for (const [index, outcome] of outcomes.entries()) {
        if (taken(outcome)) expect(received).toContain(bodies[index])
        else if (outcome.kind === 'busy') expect(received).not.toContain(bodies[index])
        else expect(outcome.kind).toBe('uncertain')
      }
      expect(rig.adapter.health().state).toBe('stopped')
    })
  })
}
