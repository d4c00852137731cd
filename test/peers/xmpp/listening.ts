import { connect } from 'node:net'

const EVERY_MS = 50
const TRIES = 400

/** Resolves when something listens on the port of loopback; rejects when the program behind it ends before. */
export async function listening(port: number, gone: Promise<unknown>, tail: () => string): Promise<void> {
  let ended = false
  void gone.then(() => {
    ended = true
  })
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if (await answers(port)) return
    if (ended) break
    await new Promise<void>((resolve) => void setTimeout(() => resolve(), EVERY_MS))
  }
  throw new Error(`nothing listens on port ${port}:\n${tail()}`)
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
