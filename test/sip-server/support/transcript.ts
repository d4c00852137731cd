import { readFileSync } from 'node:fs'

/** One record of a recorded dialogue with the real server; see the README beside the vectors. */
export interface TranscriptRecord {
  readonly channel: string
  readonly direction: string
  /** Binary text; control frames without their length. */
  readonly text: string
}

/** Reads a recording; notes are left out. */
export function readTranscript(name: string): TranscriptRecord[] {
  const text = readFileSync(new URL(`../../vectors/drachtio/${name}.txt`, import.meta.url), 'latin1')
  const records: TranscriptRecord[] = []
  const head = /^%% \d+ \+[\d.]+ms (?:note .*|(\S+) (\S+) (\d+))\n/gm
  for (let found = head.exec(text); found; found = head.exec(text)) {
    const [, channel, direction, length] = found
    if (channel === undefined || direction === undefined) continue
    const body = text.slice(head.lastIndex, head.lastIndex + Number(length))
    head.lastIndex += Number(length)
    records.push({ channel, direction, text: channel.startsWith('ctl') ? body.slice(body.indexOf('#') + 1) : body })
  }
  return records
}
