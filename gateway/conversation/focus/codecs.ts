import type { Media } from '../../msrp/sdp/description.js'

/** Payload types whose meaning is fixed (RFC 3551 §6), as far as they are still met. */
const STATIC: Readonly<Record<string, string>> = {
  0: 'pcmu/8000',
  3: 'gsm/8000',
  4: 'g723/8000',
  8: 'pcma/8000',
  9: 'g722/8000',
  18: 'g729/8000',
  26: 'jpeg/90000',
  31: 'h261/90000',
  34: 'h263/90000',
}
/** Tones, comfort noise and repairs: with nothing else there is nothing to hear. */
const BESIDE = /^(telephone-event|tone|cn|red|rtx|ulpfec|flexfec)\//

/** What a section of RTP can be sent in, as name and clock rate. */
function codecsOf({ formats, lines }: Media): ReadonlySet<string> {
  const named = new Map(
    lines.flatMap((line) => {
      const [, format, codec] = /^a=rtpmap:(\d+)\s+([^\s/]+\/\d+)/i.exec(line) ?? []
      return format === undefined || codec === undefined ? [] : [[format, codec.toLowerCase()] as const]
    }),
  )
  const codecs = formats.split(/\s+/).map((format) => named.get(format) ?? STATIC[format] ?? `payload type ${format}`)
  return new Set(codecs.filter((codec) => !BESIDE.test(codec)))
}

/** Whether what one side of a stream speaks the other one understands: nothing is transcoded here (`MED-41`). */
export function haveCodecInCommon(one: Media, other: Media): boolean {
  const known = codecsOf(other)
  return [...codecsOf(one)].some((codec) => known.has(codec))
}
