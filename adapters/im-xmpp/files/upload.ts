import type { XmlElement } from '../../../gateway/cpm/xml.js'
import type { OutgoingFile } from '../mapping/content.js'
import type { XmppOptions } from '../profile.js'
import type { Component } from '../stream/component.js'
import { attribute, child, tag } from '../stream/element.js'
import { NS } from '../stream/names.js'

/** Puts a file where the server keeps such things (XEP-0363); gives the link to it, or undefined when that fails. */
export type Upload = (component: Component, file: OutgoingFile, giveUp: AbortSignal) => Promise<string | undefined>

/** Headers that a slot may ask for (XEP-0363 §5). */
const HEADERS = new Set(['authorization', 'cookie', 'expires'])

export function createUpload(options: NonNullable<XmppOptions['upload']>): Upload {
  return async (component, file, giveUp) => {
    const request = tag('request', {
      xmlns: NS.upload,
      filename: `file.${/^[a-z0-9]{1,8}/.exec(file.type.split('/')[1] ?? '')?.[0] ?? 'bin'}`,
      size: String(file.octets.length),
      'content-type': file.type,
    })
    const answer = await component.ask(options.service, component.options.domain, 'get', request)
    const slot = answer && readSlot(answer)
    if (slot === undefined) return undefined
    try {
      const response = await fetch(slot.put, {
        method: 'PUT',
        body: new Uint8Array(file.octets),
        headers: { 'content-type': file.type, ...slot.headers },
        redirect: 'error',
        signal: AbortSignal.any([giveUp, AbortSignal.timeout(options.within)]),
      })
      await response.body?.cancel()
      return response.ok ? slot.get : undefined
    } catch {
      return undefined
    }
  }
}

interface Slot {
  readonly put: string
  readonly get: string
  readonly headers: Readonly<Record<string, string>>
}

function readSlot(answer: XmlElement): Slot | undefined {
  const slot = child(answer, 'slot', NS.upload)
  const put = slot && child(slot, 'put')
  const get = slot && child(slot, 'get')
  const [putUrl, getUrl] = [put && attribute(put, 'url'), get && attribute(get, 'url')]
  if (put === undefined || !isHttp(putUrl) || !isHttp(getUrl)) return undefined
  const headers = put.children.flatMap((header) => {
    const name = (attribute(header, 'name') ?? '').toLowerCase()
    return HEADERS.has(name) ? [[name, header.text.replace(/[\r\n]/g, '')]] : []
  })
  return { put: putUrl, get: getUrl, headers: Object.fromEntries(headers) }
}

const isHttp = (url: string | undefined): url is string =>
  url !== undefined && url.length <= 2000 && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
