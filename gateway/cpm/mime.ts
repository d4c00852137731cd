export interface MediaType {
  /** type/subtype in lower case. */
  readonly type: string
  /** Parameter names in lower case, values unquoted. */
  readonly params: ReadonlyMap<string, string>
}
/** A MIME part: header names in lower case; body as it stood, transfer encoding not yet undone. */
export interface MimePart {
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}
export interface MimeFault {
  readonly kind: 'fault'
  readonly fault: 'malformed' | 'too-large' | 'too-deep' | 'truncated'
  readonly said: string
}
export function parseMediaType(_text: string): MediaType | undefined {
  throw new Error('signature only')
}
export function buildMediaType(_media: MediaType): string {
  throw new Error('signature only')
}
