import { join } from 'node:path'
import { dialectOf, writeMessage } from '../../adapters/mms-mm7/wire/index.js'
import { ROOT } from '../rig/gateway.js'
import { noisePng } from '../rig/picture.js'
import { run } from '../rig/program.js'
import { usageOf } from '../rig/usage.js'

export interface FloorResult {
  readonly perSecond: number
  /** CPU time of the relay a message, ms. */
  readonly cpuMs: number
}

const PARALLEL = 32

/** The octets of messages with a picture, over HTTP through a bare relay to the same MMSC: what nobody can be faster than. */
export async function runFloor(mmscUrl: string, messages: number, pictureSide: number): Promise<FloorResult> {
  const relay = run(process.execPath, [join(ROOT, 'dist/scripts/benchmark/relay.js'), '--to', mmscUrl])
  try {
    const { port } = await relay.log.next('the relay', (line) => line.event === 'listening')
    const { contentType, body } = submit(pictureSide)
    const octets = new Uint8Array(body)
    let next = 0
    const worker = async (): Promise<void> => {
      while (next++ < messages) {
        const headers = { 'content-type': contentType }
        const answer = await fetch(`http://127.0.0.1:${port}/mm7`, { method: 'POST', headers, body: octets })
        if (!(await answer.text()).includes('1000')) throw new Error('the MMSC did not take it')
      }
    }
    const before = usageOf(relay.pid).cpuSeconds
    const begun = performance.now()
    await Promise.all(Array.from({ length: PARALLEL }, worker))
    const seconds = (performance.now() - begun) / 1000
    const cpu = usageOf(relay.pid).cpuSeconds - before
    return { perSecond: messages / seconds, cpuMs: (cpu * 1000) / messages }
  } finally {
    await relay.end('SIGKILL')
  }
}

function submit(pictureSide: number) {
  const { type, name, octets } = noisePng(pictureSide)
  const number = (value: string) => ({ kind: 'Number', value }) as const
  return writeMessage({
    transactionId: 'floor',
    dialect: dialectOf('REL-6-MM7-1-4'),
    message: {
      operation: 'SubmitReq',
      senderIdentification: { senderAddress: number('+15550000000') },
      recipients: { to: [number('+15560000000')] },
    },
    content: { parts: [{ type, name, contentId: name, location: name, octets }] },
  })
}
