import { once } from 'node:events'
import { createServer } from 'node:net'

/** A port that was free a moment ago, for a listener whose peer must know it beforehand. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const closed = once(server, 'close')
  server.close()
  await closed
  return typeof address === 'object' && address ? address.port : 0
}
