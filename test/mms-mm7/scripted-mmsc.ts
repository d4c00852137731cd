import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { createServer as createTls, type ServerOptions } from 'node:https'
import type { Socket } from 'node:net'
import { isFault, type Received, readMessage } from '../../adapters/mms-mm7/wire/index.js'

/** A request that came to the scripted MMSC. */
export interface Heard {
  readonly headers: IncomingHttpHeaders
  readonly url: string
  readonly received: Received
  readonly connection: Socket
}

/** What it does with a request: raw octets of an answer (and the connection is closed), or something worse. */
export type Act = Buffer | 'silence' | 'cut'

/** An MMSC that answers with the octets a test gives it, and closes the connection after each. */
export interface ScriptedMmsc {
  readonly url: string
  readonly heard: readonly Heard[]
  /** Decides from now on; gets the number of the request, from 0. */
  act(decide: (heard: Heard, index: number) => Act): void
  close(): Promise<void>
}

/** `unsaid`: closes the connection without having said so. */
export async function scriptedMmsc(
  answer: Act,
  options: { readonly tls?: ServerOptions; readonly unsaid?: boolean } = {},
): Promise<ScriptedMmsc> {
  const { tls } = options
  const heard: Heard[] = []
  let decide: (heard: Heard, index: number) => Act = () => answer
  const handle: Parameters<typeof createServer>[1] = async (request) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const received = readMessage(request.headers['content-type'], Buffer.concat(chunks))
    if (isFault(received)) throw new Error(received.said)
    const entry = { headers: request.headers, url: request.url ?? '', received, connection: request.socket }
    const index = heard.push(entry) - 1
    const act = decide(entry, index)
    if (act === 'cut') request.socket.destroy()
    else if (act !== 'silence') request.socket.end(options.unsaid ? act : closing(act))
  }
  const server = tls ? createTls(tls, handle) : createServer(handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/mm7`,
    heard,
    act(next) {
      decide = next
    },
    async close() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** The answer, saying that the connection is closed after it. */
export const closing = (answer: Buffer): Buffer =>
  Buffer.from(answer.toString('latin1').replace('\r\n', '\r\nConnection: close\r\n'), 'latin1')
