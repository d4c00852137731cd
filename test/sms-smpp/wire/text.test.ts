import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeText, encodeUcs2, readDataCoding } from '../../../adapters/sms-smpp/wire/alphabet.js'
import { chooseAlphabet } from '../../../adapters/sms-smpp/wire/encoding.js'
import {
  DEFAULT_LANGUAGES,
  decodeGsm,
  encodeGsm,
  fillBits,
  unpackSeptets,
} from '../../../adapters/sms-smpp/wire/gsm.js'
import { LOCKING, SINGLE } from '../../../adapters/sms-smpp/wire/gsm-tables.js'
import { type SegmentOptions, segment } from '../../../adapters/sms-smpp/wire/segment.js'
import { tlvInt, tlvOctets } from '../../../adapters/sms-smpp/wire/tlv.js'
import { parseUdh } from '../../../adapters/sms-smpp/wire/udh.js'
import { packSeptets } from './pack.js'
import { hex, vectors } from './vectors.js'

interface Outbound {
  name: string
  text: string
  expect: {
    afterNFC?: string
    dataCoding: number
    parts: number
    partSeptets?: number[]
    partUnits?: number[]
    firstPartHex?: string
    partsWith16BitReference?: number
  }
}
type Table = Record<string, Record<string, string>>

const text = vectors<{ outbound: Outbound[]; packed: { text: string; septetsHex: string; packedHex: string }[] }>(
  'text',
)
const tables = vectors<{ locking: Table; single: Table }>('gsm-tables')

const OPTIONS: SegmentOptions = { method: 'udh8', maxParts: 255, reference: 0x1234, defaultAlphabet: 'gsm7' }

function segments(written: string, options: Partial<SegmentOptions> = {}) {
  const done = segment(written, { ...OPTIONS, ...options })
  if ('tooLong' in done) throw new Error('too long')
  return done
}

/** What a phone shows: headers off, octets joined, decoded. */
function shown(written: string, options: Partial<SegmentOptions> = {}): string {
  const { dataCoding, esmClassBits, parts } = segments(written, options)
  let languages = DEFAULT_LANGUAGES
  const bodies = parts.map((part) => {
    const octets = tlvOctets(part, 'message_payload') ?? part.octets
    if (esmClassBits === 0) return octets
    const header = parseUdh(octets)
    languages = header?.languages ?? languages
    return octets.subarray(header?.octets)
  })
  const decoded = decodeText(Buffer.concat(bodies), dataCoding, { defaultAlphabet: 'gsm7', ...options, languages })
  if (decoded.kind !== 'text') throw new Error(decoded.kind)
  return decoded.text
}

describe('national tables', () => {
  for (const [language, table] of Object.entries(tables.locking)) {
    it(`holds the locking table of language ${language}`, () => {
      for (let septet = 0; septet < 128; septet += 1) {
        if (septet === 0x1b) continue
        const point = table[septet.toString(16).padStart(2, '0')]
        const character = point ? String.fromCodePoint(Number.parseInt(point, 16)) : '\ufffd'
        expect(decodeGsm(Buffer.from([septet]), { locking: Number(language), single: 0 })).toBe(character)
      }
    })
  }
  for (const [language, table] of Object.entries(tables.single)) {
    it(`holds the single shift table of language ${language}`, () => {
      for (const [septet, point] of Object.entries(table)) {
        const character = String.fromCodePoint(Number.parseInt(point, 16))
        expect(decodeGsm(hex(`1b${septet}`), { locking: 0, single: Number(language) })).toBe(character)
      }
    })
  }
  it('reads an unknown septet after an escape from the locking table, and two escapes as a space', () => {
    expect(decodeGsm(hex('1b411b1b42'))).toBe('A B')
    expect(decodeGsm(hex('1b5b'), { locking: 1, single: 1 })).toBe('Ä')
  })
  it('writes back every character of every pair of tables', () => {
    for (const locking of Object.keys(LOCKING).map(Number)) {
      for (const single of Object.keys(SINGLE).map(Number)) {
        const languages = { locking, single }
        const all = [...(LOCKING[locking] ?? '')].filter((c) => c !== '\x1b' && c !== '\ufffd').join('')
        expect(decodeGsm(encodeGsm(all, languages) ?? Buffer.alloc(0), languages)).toBe(all)
      }
    }
  })
})

describe('packed septets', () => {
  for (const { text: written, septetsHex, packedHex } of text.packed) {
    it(`packs ${written}`, () => {
      expect(encodeGsm(written)?.toString('hex')).toBe(septetsHex)
      expect(packSeptets(hex(septetsHex)).toString('hex')).toBe(packedHex)
      expect(unpackSeptets(hex(packedHex)).toString('hex')).toBe(septetsHex)
    })
  }
  it('keeps what it packs, whatever the fill', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 127 })), fc.nat(12), (septets, header) => {
        const fill = fillBits(header)
        expect([...unpackSeptets(packSeptets(Buffer.from(septets), fill), fill)]).toEqual(septets)
      }),
    )
  })
})

describe('IWF-MSG-01 outbound text', () => {
  for (const { name, text: written, expect: wanted } of text.outbound) {
    it(`writes ${name}`, () => {
      const { dataCoding, parts } = segments(written)
      expect(dataCoding).toBe(wanted.dataCoding)
      expect(parts).toHaveLength(wanted.parts)
      const header = wanted.parts > 1 ? 6 : 0
      const sizes = parts.map((part) => part.octets.length - header)
      expect(sizes).toEqual(wanted.partSeptets ?? wanted.partUnits?.map((units) => units * 2))
      const first = wanted.firstPartHex
      if (first !== undefined) {
        const octets = parts[0]?.octets.subarray(header).toString('hex') ?? ''
        expect(first.endsWith('…') ? octets.startsWith(first.slice(0, -1)) : octets === first).toBe(true)
      }
      if (wanted.partsWith16BitReference !== undefined) {
        expect(segments(written, { method: 'udh16' }).parts).toHaveLength(wanted.partsWith16BitReference)
      }
      expect(shown(written)).toBe(wanted.afterNFC ?? written)
    })
  }

  it('makes typographic characters plain only where that saves UCS2', () => {
    const options = { defaultAlphabet: 'gsm7', transliterate: true } as const
    expect(chooseAlphabet('it’s…', options)).toMatchObject({ text: "it's...", encoding: { dataCoding: 0 } })
    expect(chooseAlphabet('ж’', options)).toMatchObject({ text: 'ж’', encoding: { dataCoding: 8 } })
  })

  it('names the national language in the header, and counts its octets', () => {
    const { dataCoding, esmClassBits, parts } = segments('ç'.repeat(77), { languages: [2] })
    expect({ dataCoding, esmClassBits, count: parts.length }).toEqual({ dataCoding: 0, esmClassBits: 0x40, count: 1 })
    expect(parts[0]?.octets.toString('hex', 0, 6)).toBe('032401021b09')
    const joined = segments('ç'.repeat(78), { languages: [2] })
    expect(joined.parts.map(({ octets }) => octets.length)).toEqual([9 + 148, 9 + 8])
    expect(shown('नमस्ते दुनिया', { languages: [6] })).toBe('नमस्ते दुनिया')
    expect(segments('नमस्ते दुनिया', { languages: [6] }).dataCoding).toBe(0)
  })

  it('cuts in front of a joined character, but not when no part can hold it', () => {
    const units = (written: string) => segments(written).parts.map(({ octets }) => (octets.length - 6) / 2)
    expect(units(`${'ж'.repeat(60)}👨‍👩‍👧‍👦${'ж'.repeat(20)}`)).toEqual([60, 31])
    expect(units(`${'ж'.repeat(66)}🇸🇪ж`)).toEqual([66, 5])
    expect(units(`ж${'\u0316'.repeat(99)}`)).toEqual([67, 33])
    expect(segments(`${'a'.repeat(152)}\r\n${'a'.repeat(9)}`).parts[0]?.octets).toHaveLength(6 + 153)
  })

  it('segments by SAR parameters and by message_payload', () => {
    const sar = segments('a'.repeat(161), { method: 'sar' })
    expect(sar.esmClassBits).toBe(0)
    expect(sar.parts.map(({ octets }) => octets.length)).toEqual([153, 8])
    expect(sar.parts.map((part) => tlvInt(part, 'sar_segment_seqnum'))).toEqual([1, 2])
    expect(sar.parts.map((part) => tlvInt(part, 'sar_total_segments'))).toEqual([2, 2])
    expect(sar.parts.map((part) => tlvInt(part, 'sar_msg_ref_num'))).toEqual([0x1234, 0x1234])
    const payload = segments('a'.repeat(161), { method: 'payload', maxParts: 1 })
    expect(payload.parts.map((part) => tlvOctets(part, 'message_payload')?.length)).toEqual([161])
    expect(segments('ç'.repeat(100), { method: 'sar', languages: [2] }).dataCoding).toBe(8)
  })

  it('refuses more parts than allowed', () => {
    expect(segment('a'.repeat(307), { ...OPTIONS, maxParts: 2 })).toEqual({ tooLong: true })
    expect(segment('a'.repeat(160), { ...OPTIONS, maxParts: 1 })).not.toEqual({ tooLong: true })
  })

  it('shows the same text after segmentation and joining', () => {
    const words = fc.array(
      fc.oneof(
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom('€', '[', '👨‍👩‍👧‍👦', 'é', '🇸🇪', 'नि', '👍🏽', 'a'.repeat(40)),
      ),
      { maxLength: 60 },
    )
    const options = fc.record({
      method: fc.constantFrom('udh8', 'udh16', 'sar', 'payload'),
      languages: fc.constantFrom([], [1, 2, 3], [6]),
    })
    fc.assert(
      fc.property(words, options, (parts, chosen) => {
        const written = parts.join('')
        expect(shown(written, chosen)).toBe(written.normalize('NFC'))
        for (const { octets } of segments(written, chosen).parts) expect(octets.length).toBeLessThanOrEqual(160)
      }),
      { numRuns: 300 },
    )
  })
})

describe('decodeText', () => {
  const read = (octets: string, dataCoding: number, defaultAlphabet: 'gsm7' | 'latin1' | 'ascii' | 'utf8' = 'gsm7') =>
    decodeText(hex(octets), dataCoding, { defaultAlphabet })

  it('reads each alphabet', () => {
    expect(read('436166e9', 0)).toMatchObject({ text: 'Caf\ufffd', unmapped: 1 })
    expect(read('436166e9', 0, 'latin1')).toMatchObject({ text: 'Café', unmapped: 0 })
    expect(read('436166c3a9', 0, 'utf8')).toMatchObject({ text: 'Café' })
    expect(read('436166e9', 1)).toMatchObject({ text: 'Caf\ufffd' })
    expect(read('bfe0d8', 6)).toMatchObject({ text: 'Пр\u0438' })
    expect(read('f9ecc5ed', 7)).toMatchObject({ text: 'של\ufffdם' })
    expect(read('82b1', 5)).toMatchObject({ text: 'こ' })
    expect(read('c7d1', 14)).toMatchObject({ text: '한' })
    expect(read('0102', 4)).toMatchObject({ kind: 'binary' })
    expect(read('00', 0x20)).toEqual({ kind: 'compressed' })
  })

  it('reads UTF-16 in either order, with halves', () => {
    expect(read('feff0436', 8)).toMatchObject({ text: 'ж' })
    expect(read('fffe3604', 8)).toMatchObject({ text: 'ж' })
    expect(read('d83ddc4b', 8)).toMatchObject({ text: '👋' })
    expect(read('d83d0041', 8)).toMatchObject({ text: '\ufffdA' })
    expect(read('043604', 8)).toMatchObject({ text: 'ж\ufffd' })
  })

  it('knows the GSM groups', () => {
    expect(readDataCoding(0x10)).toEqual({ alphabet: 'default', messageClass: 0, waiting: false })
    expect(readDataCoding(0x18)).toEqual({ alphabet: 'ucs2', messageClass: 0, waiting: false })
    expect(readDataCoding(0x15)).toEqual({ alphabet: 'binary', messageClass: 1, waiting: false })
    expect(readDataCoding(0xf5)).toEqual({ alphabet: 'binary', messageClass: 1, waiting: false })
    expect(readDataCoding(0xf0)).toEqual({ alphabet: 'default', messageClass: 0, waiting: false })
    expect(readDataCoding(0xc8)).toEqual({ alphabet: 'default', messageClass: undefined, waiting: true })
    expect(readDataCoding(0xe8)).toEqual({ alphabet: 'ucs2', messageClass: undefined, waiting: true })
    expect(readDataCoding(0x3f).alphabet).toBe('compressed')
  })

  it('reads any octets in any coding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 255 }), (octets, dataCoding) => {
        decodeText(Buffer.from(octets), dataCoding, { defaultAlphabet: 'gsm7', languages: { locking: 9, single: 99 } })
      }),
    )
  })

  it('keeps text through UTF-16', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (written) => {
        const text = `x${written}`
        expect(decodeText(encodeUcs2(text), 8, { defaultAlphabet: 'gsm7' })).toMatchObject({ text })
      }),
    )
  })
})
