import { createHmac, randomBytes } from 'node:crypto'
import type { ContentLinks } from '../../adapters/contract/index.js'
import type { ServiceId } from '../cpm/ids.js'
import type { Contents } from '../spool/contents.js'
import type { NoteStore } from '../spool/spool.js'

export interface ContentLinksOptions {
  readonly contents: Contents
  readonly notes: NoteStore
  /** Where contents are fetched from outside, without a slash at the end. */
  readonly url: string
  readonly life: number
  readonly maxBytes: number
}

const SECRET = 'content-secret'
const SECRET_LIFE_MS = 315_360_000_000
const SECRET_OCTETS = 32
const ID_CHARACTERS = 24

/** The addresses of contents of one service follow from its keys and from a secret that all nodes share: 144 bits nobody can guess. */
export function createContentLinks({ contents, notes, url, life, maxBytes }: ContentLinksOptions) {
  let known: string | undefined

  async function secret(): Promise<string> {
    const fresh = randomBytes(SECRET_OCTETS).toString('base64url')
    await notes.putIfAbsent({ key: SECRET, value: fresh, lifeMs: SECRET_LIFE_MS })
    return (await notes.get(SECRET)) ?? fresh
  }

  return (service: ServiceId): ContentLinks => ({
    maxBytes,
    length: url.length + 1 + ID_CHARACTERS,
    async keep(key, { type, name, octets }) {
      if (octets.length > maxBytes) return undefined
      known ??= await secret()
      const id = createHmac('sha256', known).update(`${service}\0${key}`).digest('base64url').slice(0, ID_CHARACTERS)
      const content = { type, octets: Buffer.from(octets), ...(name === undefined ? {} : { name }) }
      return (await contents.keep(id, content, life)) ? `${url}/${id}` : undefined
    },
  })
}
