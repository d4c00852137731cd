import { expect, test } from 'vitest'
import { createDocumentCache } from '../../gateway/xdm/document-cache.js'
import { toStored } from '../../gateway/xdm/documents.js'

test('documents are read once while they are remembered, and remembered by their size', () => {
  let reads = 0
  const cached = createDocumentCache('a', (document) => ({ name: document.documentElement?.localName, at: ++reads }))
  const small = toStored('<a/>')
  expect([cached(small).at, cached(toStored('<a/>')).at, reads]).toEqual([1, 1, 1])
  const large = (n: number) => toStored(`<a n="${n}">${'x'.repeat(200_000)}</a>`)
  for (let n = 0; n < 42; n += 1) cached(large(n))
  expect(cached(small).at).toBeGreaterThan(1)
  expect(() => cached(toStored('<a>'))).toThrow(/a kept document of a cannot be read/)
})
