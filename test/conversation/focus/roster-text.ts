/** What a conference-info document says, read without the gateway's own code. */
export interface RosterText {
  readonly entity: string
  readonly state: string
  readonly version: number
  readonly active: string
  readonly count: string
  /** By entity: roles and the status of each endpoint, with how it left. */
  readonly users: Readonly<Record<string, string>>
  readonly text: string
}

const one = (text: string, pattern: RegExp): string => pattern.exec(text)?.[1] ?? ''

export function readRoster(text: string): RosterText {
  const users: Record<string, string> = {}
  for (const [, attributes = '', inner = ''] of text.matchAll(/<user ([^>]*)>(.*?)<\/user>/gs)) {
    const endpoints = [...inner.matchAll(/<endpoint [^>]*>(.*?)<\/endpoint>/gs)].map(([, said = '']) =>
      [one(said, /^<status>([^<]*)/), one(said, /<disconnection-method>([^<]*)/)]
        .filter((word) => word !== '')
        .join(' '),
    )
    users[one(attributes, /entity="([^"]*)"/)] = endpoints.join(', ')
  }
  return {
    entity: one(text, /<conference-info [^>]*entity="([^"]*)"/),
    state: one(text, /<conference-info [^>]*state="([^"]*)"/),
    version: Number(one(text, /version="(\d+)">/)),
    active: one(text, /<active>([^<]*)/),
    count: one(text, /<user-count>([^<]*)/),
    users,
    text,
  }
}
