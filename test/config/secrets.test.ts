import { expect, test } from 'vitest'
import { fileWith, loadText, problemsOf } from './folder.js'

test('secrets come from the environment and from files, also inside a text', async () => {
  const file = fileWith('from-a-file\n', 'secret')
  const { config } = await loadText(
    `users:\n  a: {password: "\${env:A_PASSWORD}"}\n  b: {password: "\${file:${file}}"}\n  c: {password: "x-\${env:A_PASSWORD}-\${env:A_PASSWORD}"}\n`,
    { A_PASSWORD: 'pa$&ss' },
  )
  expect(Object.values(config.users).map(({ password }) => password)).toEqual([
    'pa$&ss',
    'from-a-file',
    'x-pa$&ss-pa$&ss',
  ])
})

test('a missing secret is a problem at the line of its key', async () => {
  const text =
    'users:\n  a:\n    password: ${env:NOT_SET}\n  b:\n    password: ${file:/nowhere/secret}\n  c: {password: "${env:EMPTY}"}\n'
  expect(await problemsOf(text, { EMPTY: '' })).toEqual([
    '3:5 users.a.password: expected the environment variable NOT_SET to be set',
    expect.stringMatching(/^5:5 users\.b\.password: expected a readable file \/nowhere\/secret \(ENOENT/),
    '6:7 users.c.password: expected the environment variable EMPTY to be set',
  ])
})

test('a value from outside is never printed, whatever its key is called', async () => {
  expect(await problemsOf('http: {listen: "${env:WHERE}"}\n', { WHERE: 'hush' })).toEqual([
    '1:8 http.listen: expected host:port, found (hidden)',
  ])
})
