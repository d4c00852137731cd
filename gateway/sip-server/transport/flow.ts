export type TransportName = 'udp' | 'tcp'

export interface HostPort {
  /** IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

/** A way to one peer: the source of a datagram, or a connection. Answers go back on the flow the request came on. */
export interface Flow {
  readonly transport: TransportName
  readonly local: HostPort
  readonly remote: HostPort
  /** False once a connection is gone. Always true with UDP. */
  readonly open: boolean
  /** Sends one message. `failed` hears of a local or connection error, never of loss on the way. */
  send(bytes: Buffer, failed?: (error: Error) => void): void
}

/** `host:port`, with brackets around IPv6. */
export function hostPort({ host, port }: HostPort): string {
  return `${bracketed(host)}:${port}`
}

export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
