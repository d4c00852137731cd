import { escapeXml, type XmlElement } from '../../../gateway/cpm/xml.js'

/** Reading and writing of elements. What is written is text; names and namespaces are our own and need no escape. */

/** The first child of that name. */
export const child = (element: XmlElement, local: string, uri?: string): XmlElement | undefined =>
  element.children.find((each) => each.local === local && (uri === undefined || each.uri === uri))

/** An attribute without prefix. */
export const attribute = (element: XmlElement, name: string): string | undefined =>
  element.attributes.find(({ uri, local }) => uri === '' && local === name)?.value

/** Text of the first child of that name. */
export const childText = (element: XmlElement, local: string, uri?: string): string | undefined =>
  child(element, local, uri)?.text

/** Writes an element; `content` is written XML already. Attributes without a value are left out. */
export function tag(
  name: string,
  attributes: Readonly<Record<string, string | undefined>>,
  ...content: readonly string[]
): string {
  let written = `<${name}`
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) written += ` ${key}="${escapeXml(value)}"`
  }
  const inside = content.join('')
  return inside === '' ? `${written}/>` : `${written}>${inside}</${name}>`
}

/** Writes an element that holds a text. */
export const textTag = (
  name: string,
  text: string,
  attributes: Readonly<Record<string, string | undefined>> = {},
): string => tag(name, attributes, escapeXml(text))
