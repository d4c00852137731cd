import { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it, vi } from 'vitest'
import { FrameWriter } from '../../gateway/sip-server/control/frame-writer.js'

it('writes the frames of one turn together, and a response never together with the OK of its request', async () => {
  const socket = new Socket()
  const written: string[] = []
  vi.spyOn(socket, 'write').mockImplementation((text) => {
    written.push(String(text))
    return true
  })
  const writer = new FrameWriter(socket)
  writer.write('one')
  const turn = writer.write('OK')
  writer.writeAfter(turn, 'response')
  await nextTurn()
  await nextTurn()
  await nextTurn()
  writer.writeAfter(turn, 'late')
  writer.write('two')
  await nextTurn()
  await nextTurn()
  expect(written).toEqual(['3#one2#OK', '8#response', '4#late3#two'])
  socket.destroy()
})
