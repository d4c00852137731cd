import { readdirSync, readFileSync } from 'node:fs'

const FOLDER = new URL('../../vectors/drachtio/', import.meta.url)

/** One step of a recorded dialogue with the real server; the README beside the vectors explains the files. */
export interface Step {
  readonly seq: number
  /** Milliseconds since the step before. */
  readonly gap: number
  /** said: to the server, by a client or a peer. heard: from the server. note: a remark, `text` being it. */
  readonly kind: 'said' | 'heard' | 'note'
  /** `ctl1` …, `sip-udp`, `sip-tcp`; empty for a note. */
  readonly channel: string
  /** Who speaks with the server: `peer`, `peerA` …, `client`. */
  readonly peer: string
  /** Binary text. */
  readonly text: string
}

export const RECORDINGS: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.txt'))
  .map((name) => name.slice(0, -4))
  .sort()

const HEAD = /^%% (\d+) \+([\d.]+)ms (?:note (.*)|(\S+) (\S+)->(\S+)( \(directly\))? (\d+))\n/gm

export function readRecording(name: string): readonly Step[] {
  const text = readFileSync(new URL(`${name}.txt`, FOLDER), 'latin1')
  const head = new RegExp(HEAD)
  const steps: Step[] = []
  let before = 0
  for (let found = head.exec(text); found; found = head.exec(text)) {
    const [, seq, at, note, channel = '', from, to, directly, length] = found
    const body = text.slice(head.lastIndex, head.lastIndex + Number(length ?? 0))
    head.lastIndex += body.length
    // Said by one peer to another: the server had no part in it.
    if (directly !== undefined) continue
    const common = { seq: Number(seq), gap: Number(at) - before }
    before = Number(at)
    if (note !== undefined) steps.push({ ...common, kind: 'note', channel: '', peer: '', text: note })
    else if (from === 'server')
      steps.push({ ...common, kind: 'heard', channel, peer: to ?? '', text: payload(channel, body) })
    else steps.push({ ...common, kind: 'said', channel, peer: from ?? '', text: body })
  }
  return steps
}

function payload(channel: string, frame: string): string {
  return channel.startsWith('ctl') ? frame.slice(frame.indexOf('#') + 1) : frame
}
