import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { createLedger } from '../../../adapters/sms-smpp/bind/ledger.js'
import { createRepeats } from '../../../adapters/sms-smpp/bind/repeats.js'
import { manualClock } from '../../contract-kit/clock.js'
import { memoryStore } from '../../contract-kit/store.js'

const WINDOW = 60_000
const rethrow = (error: unknown) => {
  throw error
}

describe('repetition or second message', () => {
  it('the same text again, unanswered, is the same message; answered, it is another', () => {
    const repeats = createRepeats('a', WINDOW, manualClock())
    const first = repeats.name('s1', 'hello', [])
    expect(repeats.name('s1', 'hello', []).id).toBe(first.id)
    first.answered(true)
    const second = repeats.name('s1', 'hello', [])
    expect(second.id).not.toBe(first.id)
    expect(repeats.name('s2', 'hello', []).id).not.toBe(first.id)
  })

  it('a message not stored keeps its name when it comes again', () => {
    const repeats = createRepeats('a', WINDOW, manualClock())
    const stored = repeats.name('s1', 'hello', [])
    stored.answered(true)
    const refused = repeats.name('s1', 'hello', [])
    refused.answered(false)
    expect(repeats.name('s1', 'hello', []).id).toBe(refused.id)
    expect(refused.id).not.toBe(stored.id)
  })

  it('after a lost session, its last message of that text is recognised, and once only', () => {
    const repeats = createRepeats('a', WINDOW, manualClock())
    repeats.name('s1', 'hello', []).answered(true)
    const last = repeats.name('s1', 'hello', [])
    repeats.ended('s1', false)
    const again = repeats.name('s2', 'hello', ['s1'])
    expect(again.alsoKnownAs).toEqual([last.id])
    again.answered(true)
    expect(repeats.name('s2', 'hello', ['s1']).alsoKnownAs).toEqual([])
    expect(repeats.name('s2', 'another', ['s1']).alsoKnownAs).toEqual([])
  })

  it('after a killed process, the names are the same as there', () => {
    const before = createRepeats('a', WINDOW, manualClock())
    const stored = before.name('s1', 'hello', [])
    const after = createRepeats('a', WINDOW, manualClock())
    expect(after.name('s2', 'hello', ['s1']).alsoKnownAs).toEqual([stored.id])
  })

  it('a name is not used twice, even after its text was forgotten', () => {
    const clock = manualClock()
    const repeats = createRepeats('a', WINDOW, clock)
    const names = new Set<string>()
    for (let index = 0; index < 50_010; index += 1) repeats.name('s', `text ${index}`, []).answered(true)
    for (let index = 0; index < 20; index += 1) {
      const { id, answered } = repeats.name('s', 'text 0', [])
      answered(true)
      names.add(id)
    }
    names.add(createRepeats('a', WINDOW, clock).name('s', 'text 0', []).id)
    expect(names.size).toBe(21)
  })
})

describe('sessions an account has lost', () => {
  const entry = { host: hostname(), pid: process.pid, born: 1, id: 'killed' }

  it('one of our own process is lost when it did not end cleanly, for the window', async () => {
    const clock = manualClock()
    const ledger = createLedger('a', WINDOW, memoryStore(clock), clock, rethrow)
    ledger.opened('s1')
    ledger.opened('s2')
    ledger.closed('s1', false)
    ledger.closed('s2', true)
    expect(await ledger.lost()).toEqual(['s1'])
    clock.advance(WINDOW)
    expect(await ledger.lost()).toEqual([])
  })

  it('one of a killed process is known to the next process from the store', async () => {
    const clock = manualClock()
    const store = memoryStore(clock)
    const seenAt = clock.now()
    await store.update('sessions/a', WINDOW, () => ({ next: [{ ...entry, seenAt }], result: undefined }))
    clock.advance(1000)
    const ledger = createLedger('a', WINDOW, store, clock, rethrow)
    ledger.opened('s2')
    expect(await ledger.lost()).toEqual(['killed'])
  })

  it('one of another host is lost when it has not been seen for a while', async () => {
    const clock = manualClock()
    const store = memoryStore(clock)
    const other = { ...entry, host: 'another', id: 'far', seenAt: clock.now() }
    await store.update('sessions/a', WINDOW, () => ({ next: [other], result: undefined }))
    const ledger = createLedger('a', WINDOW, store, clock, rethrow)
    ledger.opened('s2')
    expect(await ledger.lost()).toEqual([])
    clock.advance(20_000)
    expect(await ledger.lost()).toEqual(['far'])
    ledger.stop()
    expect(clock.pending()).toBe(0)
  })
})
