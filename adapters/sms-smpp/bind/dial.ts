import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Account } from '../profile.js'

/** How to reach the centre of an account: plain TCP, or TLS from the first octet on. */
export function dialer(account: Pick<Account, 'host' | 'port' | 'tls'>): (ready: () => void) => Socket {
  const { host, port, tls } = account
  if (!tls) {
    return (ready) => connectTcp({ host, port }, ready)
  }
  const servername = tls.servername ?? (isIP(host) ? undefined : host)
  const options = {
    host,
    port,
    ca: tls.ca,
    cert: tls.cert,
    key: tls.key,
    rejectUnauthorized: tls.verify,
    ...(servername === undefined ? {} : { servername }),
  }
  return (ready) => connectTls(options, ready)
}
