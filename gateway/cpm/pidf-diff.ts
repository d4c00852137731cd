import { PERSON_SELECTOR, PIDF_NAMESPACES, type PidfPart, pidfParts, XML_DECLARATION } from './pidf.js'
import type { PresenceState } from './presence.js'
import { escapeXml } from './xml.js'

/** Presence as a whole or as what has changed (RFC 5262). */
export const PIDF_DIFF_TYPE = 'application/pidf-diff+xml'

export interface PidfVersion {
  readonly entity: string
  /** Grows by 1 with each document of a subscription. */
  readonly version: number
}

/** The elements that a reader has, by their selectors, each with a name that changes with its content. */
export type KnownParts = Readonly<Record<string, string>>

/** A document with the whole state. */
export function buildPidfFull(of: PidfVersion, state: PresenceState): string {
  const parts = pidfParts(state).map(({ text }) => text)
  return document('pidf-full', of, parts)
}

/**
 * A document with what is different from what the reader has: elements that are gone, then those that are new or others now
 * (RFC 5261). Without any difference it holds none.
 */
export function buildPidfDiff(
  of: PidfVersion,
  state: PresenceState,
  known: KnownParts,
  nameOf: (part: PidfPart) => string,
): string {
  const parts = pidfParts(state)
  const present = new Set(parts.map(({ selector }) => selector))
  const gone = Object.keys(known).filter((selector) => !present.has(selector))
  // Tuples come before the person.
  const hasPerson = PERSON_SELECTOR in known && present.has(PERSON_SELECTOR)
  const changes = parts.flatMap((part) => {
    if (!(part.selector in known)) return [add(part, hasPerson)]
    return known[part.selector] === nameOf(part) ? [] : [replace(part)]
  })
  return document('pidf-diff', of, [...gone.map((selector) => `<p:remove sel="${selector}"/>`), ...changes])
}

const add = ({ text }: PidfPart, beforePerson: boolean): string =>
  beforePerson ? `<p:add sel="${PERSON_SELECTOR}" pos="before">${text}</p:add>` : `<p:add sel="*">${text}</p:add>`

const replace = ({ selector, text }: PidfPart): string => `<p:replace sel="${selector}">${text}</p:replace>`

const document = (root: string, { entity, version }: PidfVersion, parts: readonly string[]): string =>
  `${XML_DECLARATION}<p:${root} xmlns:p="${PIDF_DIFF}" ${PIDF_NAMESPACES} entity="${escapeXml(entity)}" version="${version}">` +
  `${parts.join('')}</p:${root}>\n`

const PIDF_DIFF = 'urn:ietf:params:xml:ns:pidf-diff'
