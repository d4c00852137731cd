import { hash } from 'node:crypto'
import type { ContentLinks } from '../../contract/links.js'
import type { OutgoingFile } from '../mapping/content.js'
import type { XmppOptions } from '../profile.js'
import type { Component } from '../stream/component.js'
import { createUpload, type Upload } from './upload.js'

/** Where files of CPM users are put, so that links to them can be sent: at the XMPP server, or at the gateway's own contents. */
export interface FilePlace {
  /** Octets of one file at most. */
  readonly maxFile: number
  readonly put: Upload
}

export function filePlace(upload: XmppOptions['upload'], links: ContentLinks | undefined): FilePlace | undefined {
  if (upload !== undefined) return { maxFile: upload.maxFile, put: createUpload(upload) }
  if (links === undefined) return undefined
  return {
    maxFile: links.maxBytes,
    put: (_, file) => links.keep(`file ${hash('sha256', file.octets)}`, file).catch(() => undefined),
  }
}

/** Puts the files there one by one; gives the links, or undefined when one could not be put. */
export async function putAll(
  place: FilePlace | undefined,
  files: readonly OutgoingFile[],
  component: Component,
  giveUp: AbortSignal,
): Promise<readonly string[] | undefined> {
  const made: string[] = []
  for (const file of files) {
    const link = await place?.put(component, file, giveUp)
    if (link === undefined) return undefined
    made.push(link)
  }
  return made
}
