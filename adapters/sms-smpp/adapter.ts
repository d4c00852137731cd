import type { AdapterContext, ServiceCapabilities } from '../contract/index.js'
import type { SmsOptions } from './profile.js'

/** What SMS can carry: text for numbers, with delivery receipts. */
export function capabilitiesOf(options: SmsOptions, _context: AdapterContext): ServiceCapabilities {
  const media = ['text/plain']
  if (options.unsupportedContent === 'text-part')
    media.push('multipart/mixed', 'multipart/alternative', 'multipart/related')
  if (options.unsupportedContent === 'link') media.push('application/vnd.gsma.rcs-ft-http+xml')
  return {
    schemes: ['tel'],
    media,
    maxBytes: 255 * 153,
    reports: { delivered: options.binds.some((account) => account.receipts === 'expected'), displayed: false },
    sessions: false,
    presence: false,
  }
}
