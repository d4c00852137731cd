import type { ApplicationUsage } from './application-usage.js'

/** The document `xcap-caps/global/index` (RFC 4825 §12): what this server can do. */
export const CAPABILITIES = { auid: 'xcap-caps', document: 'index', mediaType: 'application/xcap-caps+xml' } as const

export function capabilitiesDocument(usages: readonly ApplicationUsage[]): string {
  const list = (name: string, of: string, values: readonly string[]): string =>
    `<${name}>${values.map((value) => `<${of}>${value}</${of}>`).join('')}</${name}>`
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n<xcap-caps xmlns="urn:ietf:params:xml:ns:xcap-caps">' +
    list('auids', 'auid', [CAPABILITIES.auid, ...usages.map(({ auid }) => auid)]) +
    '<extensions/>' +
    list('namespaces', 'namespace', ['urn:ietf:params:xml:ns:xcap-caps', ...usages.map(({ namespace }) => namespace)]) +
    '</xcap-caps>\n'
  )
}
