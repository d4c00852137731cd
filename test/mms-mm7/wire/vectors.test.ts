import { readdirSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { expect, it } from 'vitest'
import { toContent } from '../../../adapters/mms-mm7/mapping/from-mms.js'
import { spellings } from '../../../adapters/mms-mm7/mapping/message-id.js'
import { textOf } from '../../../adapters/mms-mm7/mapping/text.js'
import {
  isFault,
  type Mm7Address,
  mediaTypeOf,
  type Part,
  type Received,
} from '../../../adapters/mms-mm7/wire/index.js'
import { read, type Vector, vectors } from './vectors.js'

const values = (addresses: readonly Mm7Address[] | undefined) => (addresses ?? []).map(({ value }) => value)
const shown = (addresses: readonly Mm7Address[] | undefined) =>
  (addresses ?? []).filter(({ displayOnly }) => displayOnly).map(({ value }) => value)

/** What a vector's index says of a message, found in what was read. Sentences in it are for people. */
function meaning({ message, content, transactionId, dialect }: Received, { expect: wanted }: Vector) {
  const parts = [
    ...(content?.smil === undefined ? [] : ['application/smil']),
    ...(content?.parts ?? []).map(mediaTypeOf),
  ]
  const said: Record<string, unknown> = { transactionId, parts, version: dialect.version }
  if ('status' in message) said.statusCode = message.status.code
  if ('messageId' in message) said.messageId = spellings(message.messageId ?? '').at(-1)
  if ('mmStatus' in message) said.mmStatus = message.mmStatus
  if ('linkedId' in message) said.linkedId = message.linkedId
  if ('subject' in message) said.subject = message.subject
  if ('cancelId' in message) said.cancelId = message.cancelId
  if ('replaceId' in message) said.replaceId = message.replaceId
  if ('replyChargingId' in message) said.replyChargingId = message.replyChargingId
  if ('uaCapabilities' in message) said.uaprof = message.uaCapabilities?.UAProf
  if (message.operation === 'SubmitReq') {
    const { to, cc, bcc } = message.recipients ?? {}
    said.recipients = said.to = values(to?.filter(({ displayOnly }) => !displayOnly))
    Object.assign(said, { displayOnly: shown(to), cc: values(cc), bcc: values(bcc) })
    Object.assign(said, { deliveryReport: message.deliveryReport, readReply: message.readReply })
    Object.assign(said, { earliest: message.earliestDeliveryTime, priority: message.priority })
    said.expiry = wanted.expiry?.toString().startsWith(message.expiryDate ?? '-') ? wanted.expiry : message.expiryDate
    said.allowAdaptations = message.contents?.[0]?.allowAdaptations
    said.smil = content?.smil !== undefined
    said.namespace = dialect.namespace.split('/').at(-1)
  }
  const image = content?.parts.find((part) => mediaTypeOf(part).startsWith('image/'))
  if (image) said.imageSha = `crc32:${crc32(image.octets).toString(16).padStart(8, '0')}`
  const text = toContent(content)
  if ('text' in text) said.text = text.text
  return said
}

/** Keys of the index whose values are compared as they are. */
const COMPARED = new Set([
  ...['transactionId', 'parts', 'version', 'statusCode', 'messageId', 'mmStatus', 'linkedId', 'subject', 'cancelId'],
  ...[
    'replaceId',
    'replyChargingId',
    'uaprof',
    'recipients',
    'to',
    'displayOnly',
    'cc',
    'bcc',
    'deliveryReport',
    'readReply',
  ],
  ...['earliest', 'expiry', 'priority', 'allowAdaptations', 'smil', 'namespace', 'imageSha', 'text'],
])

const HTTP_ONLY = /^submit-11-|^bad-(?:09|10)-/
const REFUSED = /^bad-0[1-3]-/

it('has every vector in its index', () => {
  const files = readdirSync(new URL('../../vectors/mm7/', import.meta.url)).filter((name) => name.endsWith('.http'))
  expect(vectors.map(({ file }) => file).sort()).toEqual(files.sort())
})

it.for(vectors.filter(({ file }) => !HTTP_ONLY.test(file) && !REFUSED.test(file)))('$file is understood', (vector) => {
  const found = read(vector.file)
  if (isFault(found)) throw new Error(found.said)
  if (vector.operation !== 'fault') expect(found.message.operation).toBe(vector.operation)
  const said = meaning(found, vector)
  for (const [key, value] of Object.entries(vector.expect)) {
    // Words in brackets or with blanks explain something to the reader.
    const explained = key === 'parts' && JSON.stringify(value).includes('iso-8859-1')
    if (COMPARED.has(key) && !explained) expect([key, said[key] ?? null]).toEqual([key, value])
  }
})

it('deliver-17 has its texts in four encodings', () => {
  const found = read('deliver-17-mixed-media.req.http')
  if (isFault(found)) throw new Error(found.said)
  const parts: readonly Part[] = found.content?.parts ?? []
  expect(parts.map(mediaTypeOf)).toEqual(['text/x-vcard', 'audio/amr', 'text/plain', 'text/plain'])
  expect(textOf(parts[2] as Part)).toBe('Café')
  expect(Buffer.from(parts[1]?.octets ?? []).toString('latin1')).toMatch(/^#!AMR\n/)
})

it.for([
  ['bad-01-not-xml.req.http', 4004, undefined],
  ['bad-02-doctype-entity.req.http', 4004, undefined],
  ['bad-03-unknown-operation.req.http', 4003, 'mm-4003'],
] as const)('%s is refused with its StatusCode', ([file, status, transactionId]) => {
  const found = read(file)
  expect(found).toMatchObject({ kind: 'fault', status })
  expect(isFault(found) && found.transactionId).toBe(transactionId)
})

it.for([
  ['bad-05-truncated-multipart.req.http', 'truncated-multipart'],
  ['bad-06-content-missing.req.http', 'content-not-named'],
  ['deliver-10-no-content-element.req.http', 'content-not-named'],
] as const)('%s is let pass and counted', ([file, oddity]) => {
  const found = read(file)
  expect(isFault(found) ? found : found.oddities).toEqual([oddity])
})
