import type { Socket } from 'node:net'
import type { ControlAddress } from './options.js'

/** What we use of drachtio-srf; its own types are incomplete. */
export interface SrfApplication {
  on(event: 'error', listener: (error: Error) => void): void
  on(event: 'close', listener: () => void): void
  on(event: 'connect', listener: (error: Error | null, hostports?: string) => void): void
  use(method: string, handler: (request: SrfRequest, response: SrfResponse) => void): void
  /** Takes what no method's handler took. */
  use(handler: (request: SrfRequest, response: SrfResponse) => void): void
  connect(options: ControlAddress & { readonly reconnect: { readonly maxAttempts: number } }): void
  disconnect(): void
  request(uri: string, options: SrfOptions, callback: (error: Error | null, request?: SrfRequest) => void): void
}

/** A request to send. */
export interface SrfOptions {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body: string | undefined
  readonly proxy: string | undefined
  readonly stackDialogId: string | undefined
  /** COMPAT(drachtio-srf 5.0): it makes JSON of all options for a debug line that nobody reads. */
  toJSON(): unknown
}

/** A request of the network, or one of ours that the server has taken. */
export interface SrfRequest {
  readonly socket: Socket
  readonly agent: SrfAgent
  readonly method: string
  readonly uri: string
  readonly headers: Record<string, string>
  readonly body?: string
  readonly source_address: string
  readonly source_port: number
  readonly protocol: string
  /** Empty outside dialogs. */
  readonly stackDialogId?: string
  /** `acknowledge` sends the ACK of a final response, or the PRACK of a reliable one. */
  on(event: 'response', listener: (response: SrfResponse, acknowledge: () => void) => void): void
  on(event: 'cancel', listener: (cancel: SrfMessage) => void): void
  on(event: 'update', listener: (request: SrfRequest, response: SrfResponse) => void): void
  cancel(options: { headers: Record<string, string> }, callback: () => void): void
  /** `error`: the server has not forwarded it, and has refused it by itself or still waits for an answer. */
  proxy(
    options: {
      destination: string[]
      remainInDialog: boolean
      provisionalTimeout?: string
      headers: Record<string, string>
    },
    callback: (error: unknown, result?: { readonly finalStatus?: number }) => void,
  ): void
}

export interface SrfMessage {
  readonly headers: Record<string, string>
}

/** A response of the network, or the answer to be given to a request. */
export interface SrfResponse {
  readonly status: number
  readonly reason: string
  readonly headers: Record<string, string>
  readonly body?: string
  readonly source_address: string
  readonly stackDialogId?: string
  send(
    status: number,
    reason: string | undefined,
    options: { headers?: Record<string, string>; body?: string },
    sent?: (error: unknown) => void,
  ): void
}

/** Inside drachtio-srf: what it knows of each connection. */
export interface SrfAgent {
  readonly mapServer: ReadonlyMap<
    Socket,
    { readonly pendingNetworkInvites: Map<string, { req: SrfRequest; res: SrfResponse }> }
  >
}
