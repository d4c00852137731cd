import { expect, test } from 'vitest'
import { fileWith } from '../config/folder.js'
import { causeway } from './terminal.js'

test('check: a valid file exits with 0 and says so, with advice', async () => {
  const file = fileWith('node: a\n')
  expect(await causeway(['check', '--config', file])).toEqual({
    code: 0,
    out: [`advice: ${file}:1:1 users: no users: nobody can register with the embedded core`, `${file} is valid`],
    error: [],
  })
  expect((await causeway(['check'])).code).toBe(0)
})

test('check: every problem is one line, and it exits with 1', async () => {
  const file = fileWith('sip:\n  outboundParallel: 0\n  lissten: []\n')
  expect(await causeway(['check', '-c', file])).toEqual({
    code: 1,
    out: [
      `${file}:2:3 sip.outboundParallel: expected at least 1, found 0`,
      `${file}:3:3 sip.lissten: unknown key; did you mean listen?`,
    ],
    error: [],
  })
})

test('other commands refuse a bad configuration the same way, on the error output', async () => {
  const file = fileWith('sip: 1\n')
  const { code, error } = await causeway(['trace', 'm1', '-c', file])
  expect([code, error]).toEqual([1, [`${file}:1:1 sip: expected keys below it, found 1`]])
})

test('help: the program and each command explain themselves and exit with 0', async () => {
  const all = await causeway(['--help'])
  expect(all.code).toBe(0)
  for (const name of ['run', 'check', 'send', 'listen', 'trace', 'failed', 'simulate']) {
    expect(all.out.join('\n')).toMatch(new RegExp(`^  ${name} `, 'm'))
    const one = await causeway([name, '--help'])
    expect([one.code, one.out.join('\n')]).toEqual([0, expect.stringContaining(`Usage: causeway ${name}`)])
  }
})

test.each([
  [['chek']],
  [['send', 'hello']],
  [['run', '--drain', 'soon']],
  [['send', '-f', 'a', '-t', 'b', '-r', 'all', 'x']],
])('a command line that is wrong exits with 2: %j', async (args) => {
  const { code, error } = await causeway(args)
  expect(code).toBe(2)
  expect(error.join('\n')).toContain('error: ')
})
