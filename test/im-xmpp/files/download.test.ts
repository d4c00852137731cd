import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startXmppServer, type XmppServer } from '../../../adapters/im-xmpp/simulator/index.js'
import type { Content } from '../../../gateway/cpm/message.js'
import { startWorld, type World } from '../../peers/xmpp/world.js'

const ALICE = 'alice@cpm.xmpp.example'
const PICTURE = Buffer.from('a picture')

/** A link that an XMPP user sends, and a server of files behind it that we did not choose. */
describe('files of XMPP users', () => {
  let server: XmppServer
  let world: World
  let files: Server
  let port: number
  let asked: string[]
  let held: ServerResponse[]

  const open = async (download: Record<string, unknown> | undefined) => {
    world = await startWorld({
      components: [{ port: server.port, domain: 'cpm.xmpp.example', secret: 'secret' }],
      ...(download && { download }),
    })
    await world.ready()
  }

  beforeEach(async () => {
    server = await startXmppServer()
    asked = []
    held = []
    const picture = { 'content-type': 'image/png' }
    files = createServer({ keepAlive: false }, ({ url = '' }, response) => {
      asked.push(url)
      switch (url) {
        case '/picture':
          return response.writeHead(200, picture).end(PICTURE)
        case '/redirect':
          return response.writeHead(302, { location: '/picture' }).end()
        case '/page':
          return response.writeHead(200, { 'content-type': 'text/html' }).end('<script>')
        case '/packed':
          return response.writeHead(200, { ...picture, 'content-encoding': 'gzip' }).end('bomb')
        case '/announced':
          return response.writeHead(200, { ...picture, 'content-length': '100000000' }).write('x')
        case '/endless':
          response.writeHead(200, picture)
          return response.write(Buffer.alloc(20_000))
        case '/short':
          response.writeHead(200, { ...picture, 'content-length': '100' })
          return response.write('only this', () => response.destroy())
        case '/empty':
          return response.writeHead(200, picture).end()
        case '/slow':
          return held.push(response.writeHead(200, picture))
        case '/silent':
          return held.push(response)
        default:
          return response.writeHead(404).end()
      }
    }).listen(0, '127.0.0.1')
    await once(files, 'listening')
    port = (files.address() as AddressInfo).port
  })
  afterEach(async () => {
    await world.stop(AbortSignal.timeout(1_000))
    await server.stop()
    files.closeAllConnections()
    files.close()
  })

  const send = (link: string, body = link, id = 'f') =>
    server.write(
      `<message from='bob@xmpp.example/phone' to='${ALICE}' id='${id}' type='chat'><body>${body}</body><x xmlns='jabber:x:oob'><url>${link}</url></x></message>`,
    )
  const first = (): Promise<Content> => world.gateway.until(() => world.gateway.messages[0]?.content)
  const text = (words: string): Content => ({ type: 'text/plain', text: words })

  test('IWF-MSG-02 a file comes as the file it is, where that is wanted', async () => {
    await open({ internal: true })
    send(`http://127.0.0.1:${port}/picture`)
    expect(await first()).toEqual({ type: 'image/png', base64: PICTURE.toString('base64') })
  })

  test('without that, and with words beside it, a link stays a link and nobody is asked', async () => {
    await open(undefined)
    const link = `http://127.0.0.1:${port}/picture`
    send(link)
    expect(await first()).toEqual(text(link))
    await world.stop(AbortSignal.timeout(1_000))
    await open({ internal: true })
    send(link, 'look here')
    expect(await first()).toEqual(text(`look here\n${link}`))
    expect(asked).toEqual([])
  })

  test.each(['redirect', 'page', 'packed', 'announced', 'endless', 'short', 'empty', 'nothing'])(
    'what is no good file stays a link: %s',
    async (path) => {
      await open({ internal: true, maxFile: 10_000 })
      const link = `http://127.0.0.1:${port}/${path}`
      send(link)
      expect(await first()).toEqual(text(link))
      expect(asked).toEqual([`/${path}`])
    },
  )

  test.each(['slow', 'silent'])('a server that takes its time gets no more than is granted: %s', async (path) => {
    await open({ internal: true, within: '100ms' })
    const link = `http://127.0.0.1:${port}/${path}`
    send(link)
    expect(await first()).toEqual(text(link))
    expect(held).toHaveLength(1)
  })

  test('more at once than may be: links', async () => {
    await open({ internal: true, parallel: 1 })
    const [slow, picture] = [`http://127.0.0.1:${port}/silent`, `http://127.0.0.1:${port}/picture`]
    send(slow, slow, '1')
    await expect.poll(() => asked).toEqual(['/silent'])
    server.write(
      `<message from='carol@xmpp.example/x' to='${ALICE}' id='2'><body>${picture}</body><x xmlns='jabber:x:oob'><url>${picture}</url></x></message>`,
    )
    expect(await first()).toEqual(text(picture))
    for (const response of held) response.destroy()
  })

  test('nothing internal is asked, by whatever name', async () => {
    await open({})
    const hosts = [
      '127.0.0.1',
      'localhost',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '0',
      '2130706433',
      '0x7f.1',
      '127.1',
      'a:b@127.0.0.1',
    ]
    const connections: unknown[] = []
    files.on('connection', (socket) => connections.push(socket))
    for (const [index, host] of hosts.entries()) {
      for (const scheme of ['https', 'http'])
        send(`${scheme}://${host}:${port}/picture`, undefined, `${scheme}${index}`)
    }
    send('file:///etc/passwd', undefined, 'file')
    await expect.poll(() => world.gateway.messages.length).toBe(2 * hosts.length + 1)
    expect(world.gateway.messages.every(({ content }) => 'text' in content)).toBe(true)
    expect(connections).toEqual([])
  })

  test('nobody is asked with a password that came with the link', async () => {
    await open({ internal: true })
    const link = `http://a:b@127.0.0.1:${port}/picture`
    send(link)
    expect(await first()).toEqual(text(link))
    expect(asked).toEqual([])
  })

  test('only the servers that are named are asked', async () => {
    await open({ internal: true, hosts: ['upload.xmpp.example'] })
    const link = `http://127.0.0.1:${port}/picture`
    send(link)
    expect(await first()).toEqual(text(link))
    expect(asked).toEqual([])
  })
})
