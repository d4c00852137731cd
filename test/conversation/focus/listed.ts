import { GROUP_SERVICE, messageSdp } from './phone.js'

/** An invitation with a list of its own (RFC 5366); an entry is an address, or XML as it stands. */
export function listed(entries: readonly string[], path: string): { body: string; headers: [string, string][] } {
  const list = entries
    .map((entry) => (entry.startsWith('<') ? entry : `<entry uri="${entry}" cp:copyControl="to"/>`))
    .join('')
  const body = [
    '--b',
    'Content-Type: application/sdp',
    '',
    messageSdp(path),
    '--b',
    'Content-Type: application/resource-lists+xml',
    'Content-Disposition: recipient-list',
    '',
    `<?xml version="1.0"?><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists" xmlns:cp="urn:ietf:params:xml:ns:copycontrol"><list>${list}</list></resource-lists>`,
    '--b--',
    '',
  ].join('\r\n')
  const headers: [string, string][] = [
    ['Content-Type', 'multipart/mixed;boundary=b'],
    ['Require', 'recipient-list-invite'],
    GROUP_SERVICE,
  ]
  return { body, headers }
}
