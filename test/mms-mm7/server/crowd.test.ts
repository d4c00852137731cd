import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { limitConnections } from '../../../adapters/mms-mm7/server/crowd.js'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A server that greets whoever may stay. */
async function greeter(limits: { readonly all: number; readonly each: number }) {
  const refused: string[] = []
  const server = createServer()
  limitConnections(server, limits, (address) => refused.push(address))
  server.on('connection', (socket) => {
    socket.on('error', () => undefined)
    if (!socket.destroyed) socket.write('hello')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  const { port } = server.address() as AddressInfo
  const come = async (localAddress: string): Promise<Socket | undefined> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    socket.on('error', () => undefined)
    closing.push(() => socket.destroy())
    const greeted = await Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)])
    return greeted ? socket : undefined
  }
  return { refused, come }
}

it('one address cannot keep the others out, and comes again when it has left', async () => {
  const { come, refused } = await greeter({ all: 10, each: 2 })
  const first = await come('127.0.0.1')
  expect(first).toBeDefined()
  expect(await come('127.0.0.1')).toBeDefined()
  expect(await come('127.0.0.1')).toBeUndefined()
  expect(refused).toEqual(['127.0.0.1'])
  expect(await come('127.0.0.2')).toBeDefined()
  first?.destroy()
  await expect.poll(() => come('127.0.0.1')).toBeDefined()
})

it('all together are so many and no more', async () => {
  const { come, refused } = await greeter({ all: 2, each: 10 })
  expect(await come('127.0.0.1')).toBeDefined()
  expect(await come('127.0.0.2')).toBeDefined()
  expect(await come('127.0.0.3')).toBeUndefined()
  expect(refused).toEqual(['127.0.0.3'])
})
