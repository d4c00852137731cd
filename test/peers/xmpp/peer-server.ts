/** An XMPP server run beside us: users with the password `secret`, a component `cpm.<domain>` with the secret `secret`. */
export interface PeerServer {
  readonly domain: string
  /** Domain of its room service. */
  readonly rooms: string
  /** Domain of its upload service (XEP-0363), which the component may use. */
  readonly upload: string
  readonly c2s: number
  readonly component: number
  start(): Promise<void>
  end(signal: NodeJS.Signals): Promise<void>
  close(): Promise<void>
}
