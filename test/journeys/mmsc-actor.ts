import { expect } from 'vitest'
import {
  type HandsetMessage,
  type Mmsc,
  mediaOf,
  type Submitted,
  startMmsc,
} from '../../adapters/mms-mm7/simulator/index.js'
import { type Inbox, inbox } from '../../scripts/rig/inbox.js'
import { inboundUrl } from '../../scripts/rig/mmsc-config.js'
import { type Picture, SMALL_PICTURE } from '../../scripts/rig/picture.js'
import { freePort } from '../../scripts/rig/ports.js'
import type { Step } from './harness.js'

/** The simulated MMSC in a play. */
export interface MmscActor {
  readonly port: number
  /** Where it reaches the gateway. */
  readonly inbound: number
  /** A message comes, with this picture and no other medium, or with none. */
  receives(expected: Partial<Pick<Submitted, 'from' | 'text' | 'subject'>> & { to: string; picture?: Picture }): Step
  /** A message comes; `check` looks at it. */
  receivesTo(to: string, check: (submitted: Submitted) => void): Step
  hasTaken(count: number, to: string): Step
  /** A phone writes, with a picture if one is given; the gateway answers with `status` in the end. */
  phoneWrites(message: HandsetMessage, picture?: Picture, status?: number): Step
  does(act: (mmsc: Mmsc) => unknown): Step
  goesDown(): Step
  comesUp(): Step
  close(): Promise<void>
}

export async function mmscActor(): Promise<MmscActor> {
  const [port, inbound] = [await freePort(), await freePort()]
  const submits: Inbox<Submitted> = inbox(({ from, to, text }) => `${from} > ${to}: ${text}`)
  const all: Submitted[] = []
  const start = async (): Promise<Mmsc> => {
    const started = await startMmsc({ port, vasp: inboundUrl(inbound), retryMs: 100, firstId: 1 + all.length })
    started.events.on('submit', (submitted) => {
      all.push(submitted)
      submits.push(submitted)
    })
    return started
  }
  let mmsc = await start()
  const next = (to: string): Promise<Submitted> =>
    submits.next(`a SubmitReq to ${to}`, (submitted) => submitted.to.includes(to), 20_000)
  return {
    port,
    inbound,
    receives:
      ({ to, picture, ...expected }) =>
      async () => {
        const submitted = await next(to)
        expect(submitted).toMatchObject(expected)
        const media = mediaOf(submitted.parts).map(({ octets }) => Buffer.from(octets))
        expect(media).toEqual(picture ? [picture.octets] : [])
      },
    receivesTo: (to, check) => async () => check(await next(to)),
    hasTaken: (count, to) => async () =>
      expect(all.filter((submitted) => submitted.to.includes(to)).length).toBe(count),
    phoneWrites:
      (message, picture = undefined, status = 1000) =>
      async () => {
        const parts = picture ? { parts: [{ type: picture.type, name: picture.name, octets: picture.octets }] } : {}
        expect(await mmsc.deliver({ ...message, ...parts })).toBe(status)
      },
    does: (act) => async () => act(mmsc),
    goesDown: () => () => mmsc.stop(),
    comesUp: () => async () => {
      mmsc = await start()
    },
    close: () => mmsc.stop(),
  }
}

/** What a device shows of a message with the rig's small picture. */
export function showsPicture(body: string, picture: Picture = SMALL_PICTURE): boolean {
  return body.replace(/\s/g, '').includes(picture.base64.replace(/\s/g, ''))
}
