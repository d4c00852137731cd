import { readFileSync } from 'node:fs'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Account } from '../profile.js'

/** A certificate or key: PEM text as it is, anything else is the name of a file. */
const pem = (value: string | undefined) =>
  value === undefined || value.includes('-----BEGIN') ? value : readFileSync(value, 'utf8')

/** How to reach the centre of an account: plain TCP, or TLS from the first octet on. Reads certificates once. */
export function dialer(account: Pick<Account, 'host' | 'port' | 'tls'>): (ready: () => void) => Socket {
  const { host, port, tls } = account
  if (!tls) {
    return (ready) => connectTcp({ host, port }, ready)
  }
  const servername = tls.servername ?? (isIP(host) ? undefined : host)
  const options = {
    host,
    port,
    ca: pem(tls.ca),
    cert: pem(tls.cert),
    key: pem(tls.key),
    rejectUnauthorized: tls.verify,
    ...(servername === undefined ? {} : { servername }),
  }
  return (ready) => connectTls(options, ready)
}
