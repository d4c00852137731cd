import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { configSchema } from '../../gateway/config/schema.js'
import { generatedPages } from '../../scripts/pages.js'
import { fileWith, loadText } from './folder.js'

test.each(Object.entries(await generatedPages()))(
  '%s is what the code says; if not: npm run docs',
  async (file, text) => {
    expect(await readFile(file, 'utf8')).toBe(text)
  },
)

test('the reference has every key of the gateway and of the adapters, each with a sentence', async () => {
  const page = (await generatedPages())['conf/REFERENCE.md'] ?? ''
  for (const key of ['node', 'listen', 'appendfsync', 'cluster', 'numbers', 'answerWithin', 'systemId', 'enquireAfter'])
    expect(page).toMatch(new RegExp(`\\| \`${key}\` +\\|`))
  expect(page.split('\n').filter((line) => /^\| `.*\|\s+\|$/.test(line))).toEqual([])
  expect(page).toMatch(/\| `maxMessage` +\| size +\| `64KiB` +\|/)
  expect(page).toMatch(/\| `reassemblyTimeout` +\| duration +\| `5m` +\|/)
})

test('every metric has labels and a sentence', async () => {
  const page = (await generatedPages())['conf/METRICS.md'] ?? ''
  const rows = page.split('\n').filter((line) => line.startsWith('| `'))
  expect(rows.length).toBeGreaterThan(20)
  for (const line of rows) expect(line).toMatch(/^\| `causeway_\w+` +\| (counter|gauge|histogram) +\| .*\| .{10,} \|$/)
})

test('the sample is valid as it is, and holds every key once its # are removed', async () => {
  const text = await readFile('conf/sample.yaml.dist', 'utf8')
  expect((await loadText(text)).config).toEqual(configSchema.parse({}))
  const all: unknown = parse(text.replace(/^(\s*)#(?!#| )/gm, '$1'))
  expect(Object.keys(all as object)).toEqual(Object.keys(configSchema.shape))
  expect(all).toMatchObject({
    sip: { maxMessage: '64KiB', auth: { algorithms: ['SHA-256', 'MD5'] } },
    redis: 'embedded',
  })
})

test('the examples are valid', async () => {
  const standalone = await loadText(await readFile('conf/standalone.yaml', 'utf8'))
  expect(standalone.advice).toEqual([])
  expect(Object.keys(standalone.config.users)).toEqual(['alice', 'bob', 'carol'])
  const secret = fileWith('sixteen-characters-and-more\n', 'secret')
  const short = fileWith('smsc-pw\n', 'secret')
  const carrier = (await readFile('conf/carrier.yaml', 'utf8'))
    .replaceAll('/run/secrets/smsc', short)
    .replaceAll(/\/run\/secrets\/[\w-]+/g, secret)
  const { config, advice } = await loadText(carrier, { NODE_NAME: 'gw-3' })
  expect([config.node, advice]).toEqual(['gw-3', []])
  const behindKamailio = await loadText(await readFile('conf/kamailio/causeway.yaml', 'utf8'))
  expect(behindKamailio.advice).toEqual([])
  const besideProsody = await loadText(await readFile('conf/prosody/causeway.yaml', 'utf8'))
  expect(besideProsody.advice).toEqual([])
})

test('the alert rules of conf/prometheus name metrics that there are', async () => {
  const page = (await generatedPages())['conf/METRICS.md'] ?? ''
  const known = new Set([...page.matchAll(/`(causeway_\w+)`/g)].map(([, name = '']) => name))
  const rules: { groups: { rules: { expr: string }[] }[] } = parse(await readFile('conf/prometheus/alerts.yml', 'utf8'))
  const used = rules.groups.flatMap((group) => group.rules.flatMap(({ expr }) => expr.match(/causeway_\w+/g) ?? []))
  expect(used.length).toBeGreaterThan(10)
  expect(used.filter((name) => !known.has(name.replace(/_bucket$/, '')))).toEqual([])
})
