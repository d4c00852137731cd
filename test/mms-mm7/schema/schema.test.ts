import { expect, it } from 'vitest'
import { readEntity } from '../../../adapters/mms-mm7/wire/mime.js'
import { http, vectors } from '../wire/vectors.js'
import { schemaFaults } from './xmllint.js'

/** The SOAP part of a vector, as it stands. */
function soapOf(file: string): string {
  const { headers, body } = http(file)
  const tree = readEntity(headers.get('content-type') ?? '', body)
  if ('kind' in tree) throw new Error(tree.said)
  const root = tree.entity.children?.[0]?.part ?? tree.entity.part
  const marks: Readonly<Record<number, string>> = { 254: 'utf-16be', 255: 'utf-16le' }
  return new TextDecoder(marks[root.octets[0] ?? 0] ?? 'utf-8').decode(root.octets)
}

/** Without what belongs to a document only once. */
const bare = (xml: string): string => xml.replace(/^\ufeff?<\?xml[^>]*\?>\s*/, '')

it('the schema takes every vector that is valid', () => {
  const valid = vectors.filter(
    ({ valid, kind, file, expect: { messageId } }) =>
      valid && (kind === 'request' || messageId !== null) && !/http-\d|empty/.test(file),
  )
  expect(valid.length).toBeGreaterThan(50)
  expect(schemaFaults(valid.map(({ file }) => bare(soapOf(file))))).toEqual([])
})

it.for([
  [
    'an element out of its order',
    (xml: string) => xml.replace(/(<Priority>.*?<\/Priority>)(.*)(<Subject>.*?<\/Subject>)/s, '$3$2$1'),
  ],
  ['a word that is none of the list', (xml: string) => xml.replace('>High<', '>Urgent<')],
  ['an operation without its recipients', (xml: string) => xml.replace(/<Recipients>.*<\/Recipients>/, '')],
  ['a TransactionID that MMSCs choke on', (xml: string) => xml.replace('>cw-0005<', '>cw@5<')],
] as const)('the schema refuses %s', ([, spoil]) => {
  const good = bare(soapOf('submit-05-every-field.req.http'))
  expect(spoil(good)).not.toBe(good)
  expect(schemaFaults([spoil(good)])).not.toEqual([])
})
