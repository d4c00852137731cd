import { Agent, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { leaves, type Written } from './mime.js'
import { readEnvelope, statusOf } from './soap.js'

export interface VaspSettings {
  readonly vasp?: string | undefined
  readonly vaspUser?: string | undefined
  readonly vaspPassword: string
  readonly timeoutMs: number
}

const MAX_ANSWER = 65_536

/** The VASP as the centre reaches it: what goes there is one POST each, over kept connections. */
export interface Vasp {
  /** Resolves with the StatusCode of the answer; undefined when there is none (no connection, no SOAP, too late). */
  offer(written: Written): Promise<number | undefined>
  close(): void
}

export function openVasp(settings: () => VaspSettings): Vasp {
  const agent = new Agent({ keepAlive: true })

  const post = (url: URL, { type, body }: Written): Promise<string> =>
    new Promise((resolve, reject) => {
      const { vaspUser, vaspPassword, timeoutMs } = settings()
      const credentials =
        vaspUser === undefined ? undefined : Buffer.from(`${vaspUser}:${vaspPassword}`).toString('base64')
      const headers = {
        'content-type': type,
        'content-length': body.length,
        soapaction: '""',
        ...(credentials !== undefined && { authorization: `Basic ${credentials}` }),
      }
      const tls = url.protocol === 'https:'
      const options = { method: 'POST', headers, signal: AbortSignal.timeout(timeoutMs), ...(!tls && { agent }) }
      const request = (tls ? httpsRequest : httpRequest)(url, options, (response) => {
        const chunks: Buffer[] = []
        let length = 0
        response.on('data', (chunk: Buffer) => {
          length += chunk.length
          if (length > MAX_ANSWER) response.destroy(new Error('the answer is too long'))
          else chunks.push(chunk)
        })
        response.on('error', reject)
        response.on('end', () => {
          const [root] = leaves(response.headers['content-type'] ?? 'text/xml', Buffer.concat(chunks))
          resolve(Buffer.from(root?.octets ?? []).toString('utf8'))
        })
      })
      request.on('error', reject)
      request.end(body)
    })

  return {
    async offer(written) {
      const { vasp } = settings()
      if (vasp === undefined) return undefined
      try {
        return statusOf(readEnvelope(await post(new URL(vasp), written)))
      } catch {
        return undefined // whatever it was: it is offered again
      }
    },
    close: () => agent.destroy(),
  }
}
