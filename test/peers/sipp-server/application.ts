import { EventEmitter, once } from 'node:events'
import Srf from 'drachtio-srf'
import type { Clock } from '../../../gateway/cpm/clock.js'
import { type SipServer, startSipServer } from '../../../gateway/sip-server/server.js'

const SECRET = 'sipp'
export const SDP =
  'v=0\r\no=gw 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n'

/** What these applications use of drachtio-srf. */
export interface Application extends EventEmitter {
  connect(options: { host: string; port: number; secret: string }): void
  disconnect(): void
  invite(handler: (request: unknown, response: Response) => void): void
  register(handler: (request: unknown, response: Response) => void): void
  createUAS(request: unknown, response: Response, options: { localSdp: string }): Promise<Dialog>
  createUAC(uri: string, options: { localSdp: string; headers?: Record<string, string> }): Promise<Dialog>
  createB2BUA(request: unknown, response: Response, uri: string, options: object): Promise<{ uas: Dialog; uac: Dialog }>
  proxyRequest(request: unknown, destination: string, options: object): Promise<unknown>
  request(uri: string, options: object, done: (error: Error | null, request?: EventEmitter) => void): void
}

export interface Response {
  send(status: number, done?: () => void): void
}

export interface Dialog extends EventEmitter {
  other: Dialog
  connected: boolean
  destroy(): Promise<unknown>
}

export interface Room {
  readonly server: SipServer
  readonly app: Application
  readonly port: number
  close(): Promise<void>
}

/** The embedded server and an application on it. */
export async function openRoom(prepare: (app: Application) => void, clock?: Clock): Promise<Room> {
  const control = { host: '127.0.0.1', port: 0, secret: SECRET }
  const server = await startSipServer({ listen: ['udp:127.0.0.1:0'], control, maxMessageBytes: 65_536 }, clock)
  const app: unknown = new Srf()
  if (!isApplication(app)) throw new Error('not a drachtio-srf application')
  prepare(app)
  app.connect({ ...server.control, secret: SECRET })
  await once(app, 'connect')
  // Commands are obeyed in order: when this one is refused, the routes are in force.
  await new Promise<void>((resolve) => app.request('http://nowhere', { method: 'OPTIONS' }, () => resolve()))
  return {
    server,
    app,
    port: Number(server.listening[0]?.split(':').at(-1)),
    async close() {
      app.disconnect()
      await server.stop()
    },
  }
}

function isApplication(value: unknown): value is Application {
  return value instanceof EventEmitter && 'createB2BUA' in value
}

/** Takes every call. */
export function answering(app: Application): void {
  app.register((_request, response) => response.send(200))
  app.invite((request, response) => {
    app.createUAS(request, response, { localSdp: SDP }).catch(() => response.send(500))
  })
}

/** Takes every call and places one to a port in its stead; when one side hangs up, so does the other. */
export function backToBack(port: () => number): (app: Application) => void {
  return (app) =>
    app.invite((request, response) => {
      app
        .createB2BUA(request, response, `sip:service@127.0.0.1:${port()}`, {})
        .then(({ uas, uac }) => {
          endWith(uas, uac)
          endWith(uac, uas)
        })
        .catch(() => undefined)
    })
}

/** One dialog may have ended before we hear of the two: its ACK and its BYE may have come together. */
function endWith(ending: Dialog, other: Dialog): void {
  const end = () => other.destroy().catch(() => undefined)
  if (ending.connected) ending.on('destroy', end)
  else end()
}

/** Forwards every call to a port and stays in its way. */
export function forwarding(port: () => number): (app: Application) => void {
  return (app) =>
    app.invite((request, response) => {
      app
        .proxyRequest(request, `sip:service@127.0.0.1:${port()}`, { recordRoute: true })
        .catch(() => response.send(500))
    })
}
