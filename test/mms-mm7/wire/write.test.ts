import { expect, it } from 'vitest'
import {
  dialectOf,
  isFault,
  type Mm7Message,
  type MmsContent,
  RELEASES,
  type Received,
  type Release,
  readMessage,
  type Sending,
  USUAL_STYLE,
  writeMessage,
} from '../../../adapters/mms-mm7/wire/index.js'
import { writeEnvelope } from '../../../adapters/mms-mm7/wire/soap.js'
import { schemaFaults } from '../schema/xmllint.js'
import { readByPython } from './python.js'
import { read, vectors } from './vectors.js'

const picture = Buffer.from(Array.from({ length: 1000 }, (_, index) => (index * 37) & 0xff))
const content: MmsContent = {
  smil: '<smil><body/></smil>',
  parts: [
    { type: 'image/jpeg', name: 'image1.jpg', contentId: 'image1.jpg', location: 'image1.jpg', octets: picture },
    {
      type: 'text/plain;charset=utf-8',
      name: 'text2.txt',
      contentId: 'text2.txt',
      location: 'text2.txt',
      octets: Buffer.from('Grüße ☀\r\n'),
    },
  ],
}
const submit = (more: Partial<Mm7Message<'SubmitReq'>> = {}): Mm7Message<'SubmitReq'> => ({
  operation: 'SubmitReq',
  senderIdentification: { vaspId: 'v', vasId: 's', senderAddress: { kind: 'Number', value: '+12065550100' } },
  recipients: { to: [{ kind: 'Number', value: '+447700900123' }] },
  subject: 'A & B <"c">',
  earliestDeliveryTime: '2026-01-01T00:00:00Z',
  contentClass: 'image-basic',
  drmContent: false,
  ...more,
})
const soap = (sending: Sending) => writeEnvelope(sending)

it('what is read from a valid vector and written again is valid and says the same', () => {
  const read6 = vectors
    .filter(({ valid, file }) => valid && !/http-\d|empty|rsp\.http|rel5/.test(file))
    .map(({ file }) => read(file))
    .filter((found): found is Received => !isFault(found))
  expect(read6.length).toBeGreaterThan(30)
  expect(schemaFaults(read6.map((found) => soap({ ...found, dialect: { ...found.dialect, prefix: '' } })))).toEqual([])
  for (const found of read6) {
    const { contentType, body } = writeMessage(found)
    const again = readMessage(contentType, body)
    if (isFault(again)) throw new Error(again.said)
    const { contents: _, ...said } = { contents: [], ...found.message }
    expect(again.message).toMatchObject(said)
    expect(again.transactionId).toBe(found.transactionId)
    expect(again.content?.parts.map(({ octets }) => [...octets])).toEqual(
      found.content?.parts.map(({ octets }) => [...octets]),
    )
  }
})

it.for(['REL-6-MM7-1-4', 'REL-5-MM7-1-2'] as const)('a SubmitReq of %s is valid, with any prefix', (release) => {
  const documents = ['', 'mm7'].map((prefix) =>
    soap({ transactionId: 'cw-1', dialect: dialectOf(release, undefined, prefix), message: submit() }),
  )
  expect(schemaFaults(documents)).toEqual([])
  expect(documents[1]).toContain('<mm7:SubmitReq ')
  const isNew = release === 'REL-6-MM7-1-4'
  for (const xml of documents) expect(/ContentClass|EarliestDeliveryTime|DRMContent/.test(xml)).toBe(isNew)
})

it('every release is named by its own namespace and version', () => {
  for (const [release, version] of Object.entries(RELEASES)) {
    const xml = soap({ transactionId: 'x', dialect: dialectOf(release as Release), message: submit() })
    expect(xml).toContain(`/schema/${release}"`)
    expect(xml).toContain(`<MM7Version>${version}</MM7Version>`)
  }
})

it.for([
  [2007, 'Client'],
  [3000, 'Server'],
  [4004, 'Client'],
] as const)('VASPErrorRsp %i stands in a fault of the %s', ([code, whose]) => {
  const xml = soap({
    transactionId: 'mm-1',
    dialect: dialectOf('REL-6-MM7-1-4'),
    message: { operation: 'VASPErrorRsp', status: { code, text: 'No' } },
  })
  expect(schemaFaults([xml])).toEqual([])
  expect(xml).toContain(`<faultcode>soapenv:${whose}</faultcode>`)
})

it.for([
  ['base64', USUAL_STYLE],
  ['raw octets', { binary: true, quoteType: false }],
] as const)('an independent MIME parser reads what is written, media in %s', ([, style]) => {
  const sending = { transactionId: 'cw-1', dialect: dialectOf('REL-6-MM7-1-4'), message: submit(), content }
  const { contentType, body } = writeMessage(sending, style)
  const found = readByPython(contentType, body)
  expect(found.defects).toEqual([])
  expect(found.start).toBe('<soap-start>')
  const [envelope, smil, image, text] = found.parts
  expect(envelope).toMatchObject({ type: 'text/xml', id: '<soap-start>' })
  expect(smil).toMatchObject({ type: 'application/smil', id: '<smil>', location: 'smil.smil' })
  expect(image).toEqual({
    type: 'image/jpeg',
    id: '<image1.jpg>',
    location: 'image1.jpg',
    name: 'image1.jpg',
    base64: picture.toString('base64'),
  })
  expect(Buffer.from(text?.base64 ?? '', 'base64').toString()).toBe('Grüße ☀\r\n')
  const again = readMessage(contentType, body)
  expect(isFault(again) ? again : again.content?.parts.map(({ octets }) => Buffer.from(octets))).toEqual(
    content.parts.map(({ octets }) => octets),
  )
})

it('a name cannot break out of its header', () => {
  const name = 'a"\r\nX-Evil: 1\r\n\r\nb'
  const { contentType, body } = writeMessage({
    dialect: dialectOf('REL-6-MM7-1-4'),
    message: submit(),
    content: { parts: [{ type: 'image/png', name, contentId: name, location: name, octets: picture }] },
  })
  expect(body.toString('latin1')).not.toMatch(/^X-Evil/m)
  expect(readByPython(contentType, body).parts).toHaveLength(2)
})
