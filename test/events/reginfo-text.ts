/** What a test reads from a reginfo document; by pattern, apart from the reader under test. */
export interface Read {
  readonly version: number
  readonly state: string
  readonly aors: readonly string[]
  /** Of the first registration. */
  readonly registration: string
  readonly contacts: readonly {
    readonly event: string
    readonly state: string
    readonly uri: string
    readonly text: string
  }[]
}

export function readReginfo(body: string): Read {
  const root = /<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="(\d+)" state="(full|partial)">/.exec(body)
  const registrations = [
    ...body.matchAll(/<registration aor="([^"]+)" id="[^"]+" state="(\w+)">(.*?)<\/registration>/gs),
  ]
  const contacts = [...(registrations[0]?.[3] ?? '').matchAll(/<contact ([^>]+)>(.*?)<\/contact>/gs)]
  const attribute = (text: string, name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1] ?? ''
  return {
    version: Number(root?.[1] ?? Number.NaN),
    state: root?.[2] ?? '',
    aors: registrations.map((each) => each[1] ?? ''),
    registration: registrations[0]?.[2] ?? '',
    contacts: contacts.map(([text, attributes = '', inner = '']) => ({
      event: attribute(attributes, 'event'),
      state: attribute(attributes, 'state'),
      uri: /<uri>([^<]*)<\/uri>/.exec(inner)?.[1] ?? '',
      text,
    })),
  }
}
