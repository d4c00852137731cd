import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { joinParts } from '../../../adapters/sms-smpp/mapping/join.js'
import {
  type Assembled,
  addPart,
  DEFAULT_BOUNDS,
  finish,
  type Part,
  partKey,
  type ReassemblyState,
  shardOf,
  timedOut,
} from '../../../adapters/sms-smpp/mapping/reassembly.js'
import { decodePdu, isFault } from '../../../adapters/sms-smpp/wire/pdu.js'
import type { UserDataHeader } from '../../../adapters/sms-smpp/wire/udh.js'
import { decodeUserData, readUserData, type UserDataOptions } from '../../../adapters/sms-smpp/wire/user-data.js'
import { hex, vectors } from './vectors.js'

interface Expected {
  text?: string
  partial?: string
  missing?: number[]
  parts?: number
  atMs?: number
  from?: string
  binaryHex?: string
  destPort?: number
  srcPort?: number
  counter?: string
  onlyIf?: string
}
interface Case {
  name: string
  pdus: { atMs: number; hex: string }[]
  expect: Expected[]
}
interface About {
  from: string
  ports: UserDataHeader['ports']
}
interface Delivered extends Expected {
  atMs: number
}

const { cases } = vectors<{ cases: Case[] }>('concatenation')

/** One account: every message it hands on, the clock being the vector's. */
function receive({ pdus }: Case, options: UserDataOptions = {}): Delivered[] {
  const delivered: Delivered[] = []
  let state: ReassemblyState<About> | undefined
  const handOn = (message: Assembled<About>, atMs: number) => {
    const read = joinParts(message.parts, { defaultAlphabet: 'gsm7' })
    delivered.push({
      atMs,
      from: message.about.from,
      parts: message.parts.length,
      missing: [...message.missing],
      ...(read.kind === 'text' && { text: read.text }),
      ...(read.kind === 'binary' && { binaryHex: read.octets.toString('hex') }),
      ...(message.about.ports && { destPort: message.about.ports.destination, srcPort: message.about.ports.source }),
    })
    state = finish(state, [message.id], atMs)
  }
  for (const { atMs, hex: octets } of pdus) {
    const pdu = decodePdu(hex(octets))
    if (isFault(pdu) || (pdu.command !== 'deliver_sm' && pdu.command !== 'data_sm')) throw new Error('no deliver_sm')
    const data = readUserData(pdu, options)
    const { source_addr: from, destination_addr } = pdu.fields
    if (!data.concatenation) {
      const read = decodeUserData(data, { defaultAlphabet: 'gsm7' })
      const text = read.kind === 'text' ? { text: read.text } : {}
      delivered.push({
        atMs,
        from,
        parts: 1,
        missing: [],
        ...text,
        ...(data.oddities[0] && { counter: data.oddities[0] }),
      })
      continue
    }
    const part: Part<About> = {
      ...data,
      key: partKey(from, destination_addr, data.concatenation),
      source: from,
      total: data.concatenation.total,
      sequence: data.concatenation.sequence,
      about: { from, ports: data.ports },
    }
    const { next, result } = addPart(state, part, atMs)
    state = JSON.parse(JSON.stringify(next))
    if (result.kind === 'complete') handOn(result.message, atMs)
  }
  for (const due of [...new Set(state?.sets.map(({ dueAt }) => dueAt))].sort((a, b) => a - b)) {
    for (const message of timedOut(state, due)) handOn(message, due)
  }
  return delivered
}

function compare(delivered: Delivered[], wanted: Expected[]) {
  expect(delivered).toHaveLength(wanted.length)
  for (const [index, { partial, missing = [], parts, ...rest }] of wanted.entries()) {
    expect(delivered[index]).toMatchObject({
      ...(rest.text !== undefined && { text: rest.text }),
      ...(partial !== undefined && { text: partial }),
      ...(rest.atMs !== undefined && { atMs: rest.atMs }),
      ...(rest.from !== undefined && { from: rest.from }),
      ...(rest.binaryHex !== undefined && { binaryHex: rest.binaryHex }),
      ...(rest.destPort !== undefined && { destPort: rest.destPort, srcPort: rest.srcPort }),
      ...(rest.counter !== undefined && { counter: rest.counter }),
      ...(parts !== undefined && { parts }),
      missing,
    })
  }
}

describe('IWF-MSG-02 joined messages', () => {
  for (const one of cases) {
    it(`puts together ${one.name}`, () => {
      if (one.name === 'udh-without-flag') {
        compare(receive(one, { udhWithoutFlag: true }), one.expect.slice(0, 1))
        expect(receive(one)).toHaveLength(2)
      } else compare(receive(one, { gsm7Packed: one.name === 'packed-septets' }), one.expect)
    })
  }

  const part = (key: string, sequence: number, text: string, total = 2, source = ''): Part<null> => ({
    key,
    source,
    total,
    sequence,
    octets: Buffer.from(text),
    dataCoding: 0,
    languages: { locking: 0, single: 0 },
    about: null,
  })

  it('completes again when a complete message was not handed on', () => {
    const first = addPart(undefined, part('k', 1, 'a'), 0)
    const second = addPart(first.next, part('k', 2, 'b'), 1)
    const again = addPart(second.next, part('k', 2, 'b'), 60_000)
    expect(second.result.kind).toBe('complete')
    expect(again.result).toEqual(second.result)
    expect(timedOut(again.next, 300_000)).toHaveLength(1)
  })

  it('takes a repeated part of a closed set as a duplicate', () => {
    const old = addPart(undefined, part('k', 1, 'old'), 0)
    const young = addPart(old.next, part('k', 1, 'new'), 1)
    expect(addPart(young.next, part('k', 1, 'old'), 2).result.kind).toBe('duplicate')
    expect(addPart(young.next, part('k', 2, 'end'), 2).result).toMatchObject({ kind: 'complete' })
  })

  it('forgets finished messages after a while', () => {
    const first = addPart(undefined, part('k', 1, 'a'), 0)
    const { next, result } = addPart(first.next, part('k', 2, 'b'), 1)
    const after = finish(next, result.kind === 'complete' ? [result.message.id] : [], 1)
    expect(addPart(after, part('k', 1, 'a'), 600_000).result.kind).toBe('duplicate')
    expect(addPart(after, part('k', 1, 'a'), 600_001).result.kind).toBe('waiting')
    expect(finish(after, [], 600_001)).toBeUndefined()
  })

  it('ends the oldest when too many wait, and holds no more than that', () => {
    const bounds = { ...DEFAULT_BOUNDS, maxOpen: 3 }
    let state: ReassemblyState<null> | undefined
    const overdue: string[] = []
    for (let index = 0; index < 20; index += 1) {
      const { next, result } = addPart(state, part(`k${index}`, 1, 'x'), index, bounds)
      overdue.push(...result.overdue.map(({ key }) => key))
      state = next
      expect(state.sets.length).toBeLessThanOrEqual(6)
    }
    expect(overdue).toEqual(Array.from({ length: 17 }, (_, index) => `k${index}`))
  })

  it('a source that crowds loses its own messages, not those of others', () => {
    let state: ReassemblyState<null> | undefined
    for (let index = 0; index < 200; index += 1) {
      const source = index % 4 === 0 && index < 40 ? `quiet${index}` : 'loud'
      state = addPart(state, part(`k${index}`, 1, 'x', 2, source), index).next
    }
    const open = state?.sets.filter(({ closed }) => !closed) ?? []
    expect(open).toHaveLength(50)
    expect(open.filter(({ source }) => source.startsWith('quiet'))).toHaveLength(10)
    expect(addPart(state, part('k0', 2, 'y', 2, 'quiet0'), 300).result.kind).toBe('complete')
  })

  it('holds 50 open messages of one source, 10 000 of an account, and no more', () => {
    const states = new Map<number, ReassemblyState<null>>()
    const take = (source: string, key: string) => {
      const shard = shardOf(source)
      states.set(shard, addPart(states.get(shard), part(key, 1, 'x', 2, source), 0).next)
    }
    const open = () => [...states.values()].flatMap(({ sets }) => sets.filter(({ closed }) => !closed))
    for (let index = 0; index < 300; index += 1) take('447700900123', `one ${index}`)
    expect(open()).toHaveLength(50)
    for (let index = 0; index < 20_000; index += 1) take(`4477${index}`, `many ${index}`)
    expect(open()).toHaveLength(10_000)
  })

  it('gives the text back whatever the order and the repetitions', () => {
    const order = fc
      .integer({ min: 2, max: 8 })
      .chain((total) =>
        fc.tuple(
          fc.constant(total),
          fc.shuffledSubarray([...Array(total).keys()], { minLength: total }),
          fc.array(fc.nat(total - 1)),
        ),
      )
    fc.assert(
      fc.property(order, ([total, arrival, repeats]) => {
        let state: ReassemblyState<null> | undefined
        const texts: string[] = []
        for (const [now, index] of [...arrival, ...repeats].entries()) {
          const { next, result } = addPart(state, part('k', index + 1, `part ${index} `, total), now)
          state = next
          if (result.kind !== 'complete') continue
          const read = joinParts(result.message.parts, { defaultAlphabet: 'gsm7' })
          texts.push(read.kind === 'text' ? read.text : '')
          state = finish(state, [result.message.id], now)
        }
        expect(texts).toEqual([Array.from({ length: total }, (_, index) => `part ${index} `).join('')])
      }),
    )
  })
})
