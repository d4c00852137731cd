export type TransportName = 'udp' | 'tcp'

export interface HostPort {
  /** IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

/** `host:port`, with brackets around IPv6. */
export function hostPort({ host, port }: HostPort): string {
  return `${bracketed(host)}:${port}`
}

export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
