import { escapeXml, parseXml, type XmlFault } from '../cpm/xml.js'

export const IS_COMPOSING_TYPE = 'application/im-iscomposing+xml'
const NAMESPACE = 'urn:ietf:params:xml:ns:im-iscomposing'
const LIMITS = { chars: 4096, depth: 3, elements: 20, attributes: 10 }
/** RFC 3994 §3: an active state that is not refreshed ends after so long when the sender gave no time. */
const DEFAULT_REFRESH_S = 120
const MIN_REFRESH_S = 60
const MAX_REFRESH_S = 86_400

/** Whether somebody is writing (RFC 3994). */
export interface IsComposing {
  readonly state: 'active' | 'idle'
  /** What is being written, a media type. */
  readonly contentType?: string
  /** Seconds after which an active state that was not repeated is idle again. */
  readonly refreshS: number
}

/** Reads an isComposing document. An unknown state counts as idle (RFC 3994 §3). */
export function parseIsComposing(text: string): IsComposing | XmlFault {
  const root = parseXml(text, LIMITS)
  if ('kind' in root) return root
  if (root.uri !== NAMESPACE || root.local !== 'isComposing') {
    return { kind: 'fault', fault: 'malformed', said: 'no isComposing' }
  }
  const value = (name: string): string | undefined =>
    root.children.find(({ uri, local }) => uri === NAMESPACE && local === name)?.text.trim()
  const state = value('state')
  if (state === undefined) return { kind: 'fault', fault: 'malformed', said: 'no state' }
  const contentType = value('contenttype')
  const refresh = value('refresh') ?? ''
  return {
    state: state === 'active' ? 'active' : 'idle',
    refreshS: /^\d{1,9}$/.test(refresh) ? clamp(Number(refresh)) : DEFAULT_REFRESH_S,
    ...(contentType && { contentType }),
  }
}

export function buildIsComposing({ state, contentType, refreshS }: IsComposing): string {
  const type = contentType === undefined ? '' : `<contenttype>${escapeXml(contentType)}</contenttype>`
  const refresh = state === 'active' ? `<refresh>${clamp(refreshS)}</refresh>` : ''
  return `<?xml version="1.0" encoding="UTF-8"?>\r\n<isComposing xmlns="${NAMESPACE}"><state>${state}</state>${type}${refresh}</isComposing>`
}

const clamp = (seconds: number): number => Math.min(Math.max(Math.floor(seconds), MIN_REFRESH_S), MAX_REFRESH_S)
