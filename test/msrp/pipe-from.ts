import { OctetPipe } from '../../gateway/msrp/octet-pipe.js'

const READ_AHEAD_BYTES = 64 * 1024

/** A pipe that is filled from anything that gives octets, a file for example, no faster than it is emptied. */
export function pipeFrom(source: AsyncIterable<Uint8Array>): OctetPipe {
  let resume: (() => void) | undefined
  const pipe = new OctetPipe(() => {
    if (pipe.length < READ_AHEAD_BYTES) resume?.()
  })
  const fill = async (): Promise<void> => {
    for await (const piece of source) {
      if (pipe.failure) return
      pipe.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength))
      if (pipe.length >= READ_AHEAD_BYTES) {
        await new Promise<void>((resolve) => {
          resume = resolve
        })
      }
    }
    pipe.end()
  }
  fill().catch((error: unknown) => pipe.fail(error instanceof Error ? error.message : String(error)))
  return pipe
}
