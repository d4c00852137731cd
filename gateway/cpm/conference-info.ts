import { escapeXml } from './xml.js'

/** Participant information (RFC 4575), media type application/conference-info+xml. */
export const CONFERENCE_INFO_TYPE = 'application/conference-info+xml'
const NAMESPACE = 'urn:ietf:params:xml:ns:conference-info'

/** One stream of an endpoint. */
export interface MediaInfo {
  /** Unique within its endpoint. */
  readonly id: string
  readonly type: string
  readonly status: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'
}

/** A device in a session, or on its way into it or out of it. */
export interface EndpointInfo {
  readonly entity: string
  readonly status: 'pending' | 'dialing-out' | 'alerting' | 'connected' | 'disconnected'
  readonly joining?: 'dialed-in' | 'dialed-out' | 'focus-owner'
  /** How it left. */
  readonly disconnection?: 'departed' | 'booted' | 'failed' | 'busy'
  /** Of the disconnection, as a Reason header has it. */
  readonly reason?: string
  readonly media: readonly MediaInfo[]
}

export interface UserInfo {
  readonly entity: string
  readonly displayText?: string
  readonly roles: readonly string[]
  readonly endpoints: readonly EndpointInfo[]
}

export interface ConferenceInfo {
  /** The session identity. */
  readonly entity: string
  readonly version: number
  /** partial: only users that changed, each whole. */
  readonly state: 'full' | 'partial'
  readonly subject?: string
  readonly displayText?: string
  readonly maximumUsers?: number
  /** Users that are in; absent from a part that does not know. */
  readonly userCount?: number
  /** False once the session is over. */
  readonly active?: boolean
  readonly users: readonly UserInfo[]
}

/** The document as text. */
export function buildConferenceInfo(info: ConferenceInfo): string {
  const { entity, state, version, users } = info
  const description = state === 'full' ? buildDescription(info) : ''
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<conference-info xmlns="${NAMESPACE}"${attributes({ entity, state, version: String(version) })}>`,
    ...(description === '' ? [] : [description]),
    ...buildState(info),
    `<users state="${state}">`,
    ...users.map(buildUser),
    '</users>',
    '</conference-info>',
    '',
  ].join('\n')
}

function buildDescription({ displayText, subject, maximumUsers }: ConferenceInfo): string {
  const inner = [
    ...optional('display-text', displayText),
    ...optional('subject', subject),
    ...optional('maximum-user-count', maximumUsers?.toString()),
  ].join('')
  return inner === '' ? '' : `<conference-description>${inner}</conference-description>`
}

function buildState({ userCount, active }: ConferenceInfo): readonly string[] {
  const inner = [...optional('user-count', userCount?.toString()), ...optional('active', active?.toString())].join('')
  return inner === '' ? [] : [`<conference-state>${inner}</conference-state>`]
}

function buildUser({ entity, displayText, roles, endpoints }: UserInfo): string {
  const entries = roles.map((role) => element('entry', role)).join('')
  return [
    `<user${attributes({ entity, state: 'full' })}>`,
    ...optional('display-text', displayText),
    ...(entries === '' ? [] : [`<roles>${entries}</roles>`]),
    ...endpoints.map(buildEndpoint),
    '</user>',
  ].join('')
}

/** The elements in the order of the schema (RFC 4575 §8). */
function buildEndpoint({ entity, status, joining, disconnection, reason, media }: EndpointInfo): string {
  return [
    `<endpoint${attributes({ entity })}>`,
    element('status', status),
    ...optional('joining-method', joining),
    ...optional('disconnection-method', disconnection),
    ...(reason === undefined ? [] : [`<disconnection-info>${element('reason', reason)}</disconnection-info>`]),
    ...media.map(
      ({ id, type, status }) =>
        `<media${attributes({ id })}>${element('type', type)}${element('status', status)}</media>`,
    ),
    '</endpoint>',
  ].join('')
}

const element = (name: string, text: string): string => `<${name}>${escapeXml(text)}</${name}>`

const optional = (name: string, text: string | undefined): readonly string[] =>
  text === undefined ? [] : [element(name, text)]

const attributes = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(value)}"`)
    .join('')
