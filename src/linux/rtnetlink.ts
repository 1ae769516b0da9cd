/** Messages of rtnetlink(7): built, and read, as far as moving a network device needs them. */

/** linux/rtnetlink.h, linux/netlink.h. */
export const RTM_NEWLINK = 16;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_GETROUTE = 26;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;
export const NLM_F_DUMP = 0x300;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLMSGERR_ATTR_MSG = 1;

/** linux/if_link.h, linux/if.h. */
export const IFLA_IFNAME = 3;
export const IFLA_NET_NS_FD = 28;
export const IFF_UP = 0x1;

/** linux/if_addr.h. */
export const IFA_LABEL = 3;
export const IFA_FLAGS = 8;
export const IFA_F_TEMPORARY = 0x1;
export const IFA_F_NODAD = 0x2;
export const IFA_F_HOMEADDRESS = 0x10;
export const IFA_F_PERMANENT = 0x80;
export const IFA_F_MANAGETEMPADDR = 0x100;
export const IFA_F_NOPREFIXROUTE = 0x200;
export const IFA_F_MCAUTOJOIN = 0x400;

/** linux/rtnetlink.h: of routes. */
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
export const RTA_CACHEINFO = 12;
export const RTA_VIA = 18;
export const RTPROT_KERNEL = 2;
export const RT_SCOPE_UNIVERSE = 0;

export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array;
}

export interface Request {
  readonly type: number;
  readonly flags: number;
  /** struct ifinfomsg, ifaddrmsg or rtmsg. */
  readonly header: Uint8Array;
  readonly attributes?: readonly Attribute[];
}

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Uint8Array;
}

const MESSAGE_HEADER = 16;
const ATTRIBUTE_HEADER = 4;
/** The two highest bits say something about the value (NLA_F_NESTED, NLA_F_NET_BYTEORDER). */
const ATTRIBUTE_TYPE = 0x3fff;

/** struct ifinfomsg; `change` is the mask of the flags that are meant. */
export function linkHeader({ index = 0, flags = 0, change = 0 }: { readonly index?: number; readonly flags?: number; readonly change?: number }): Uint8Array {
  const header = new Uint8Array(16);
  const view = new DataView(header.buffer);
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, change, true);
  return header;
}

export function textAttribute(type: number, text: string): Attribute {
  return { type, value: new TextEncoder().encode(`${text}\0`) };
}

export function numberAttribute(type: number, value: number): Attribute {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return { type, value: bytes };
}

/** The bytes of a message; parts begin at multiples of four. */
export function encodeRequest({ type, flags, header, attributes = [] }: Request, sequence: number): Uint8Array {
  let size = MESSAGE_HEADER + aligned(header.length);
  for (const { value } of attributes) size += aligned(ATTRIBUTE_HEADER + value.length);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, size, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  bytes.set(header, MESSAGE_HEADER);
  let at = MESSAGE_HEADER + aligned(header.length);
  for (const attribute of attributes) {
    view.setUint16(at, ATTRIBUTE_HEADER + attribute.value.length, true);
    view.setUint16(at + 2, attribute.type, true);
    bytes.set(attribute.value, at + ATTRIBUTE_HEADER);
    at += aligned(ATTRIBUTE_HEADER + attribute.value.length);
  }
  return bytes;
}

/** The messages of one read; what is cut off is not one. */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const messages: Message[] = [];
  const view = viewOf(bytes);
  for (let at = 0; at + MESSAGE_HEADER <= bytes.length; ) {
    const size = view.getUint32(at, true);
    if (size < MESSAGE_HEADER || at + size > bytes.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: bytes.slice(at + MESSAGE_HEADER, at + size),
    });
    at += aligned(size);
  }
  return messages;
}

/** The attributes after a body's own header. */
export function decodeAttributes(body: Uint8Array, header: number): Attribute[] {
  const attributes: Attribute[] = [];
  const view = viewOf(body);
  for (let at = aligned(header); at + ATTRIBUTE_HEADER <= body.length; ) {
    const size = view.getUint16(at, true);
    if (size < ATTRIBUTE_HEADER || at + size > body.length) break;
    attributes.push({ type: view.getUint16(at + 2, true) & ATTRIBUTE_TYPE, value: body.slice(at + ATTRIBUTE_HEADER, at + size) });
    at += aligned(size);
  }
  return attributes;
}

/** What a request came to: 0, or an errno, with the words that the kernel has for it. */
export function decodeError({ flags, body }: Message): { readonly errno: number; readonly text: string } {
  const view = viewOf(body);
  const errno = -view.getInt32(0, true);
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, text: "" };
  // After the error comes the request: its header alone, or all of it.
  const request = (flags & NLM_F_CAPPED) !== 0 ? MESSAGE_HEADER : view.getUint32(4, true);
  const words = decodeAttributes(body, 4 + request).find(({ type }) => type === NLMSGERR_ATTR_MSG);
  return { errno, text: words === undefined ? "" : textOf(words.value) };
}

/** A network device, as far as it is of interest: struct ifinfomsg and its name. */
export function decodeLink({ body }: Message): { readonly index: number; readonly isUp: boolean; readonly name: string } {
  const view = viewOf(body);
  const name = decodeAttributes(body, 16).find(({ type }) => type === IFLA_IFNAME);
  return { index: view.getInt32(4, true), isUp: (view.getUint32(8, true) & IFF_UP) !== 0, name: name === undefined ? "" : textOf(name.value) };
}

/** A text that ends in a zero byte. */
export function textOf(value: Uint8Array): string {
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}

export function numberOf(value: Uint8Array): number {
  return value.length < 4 ? 0 : viewOf(value).getUint32(0, true);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function aligned(size: number): number {
  return (size + 3) & ~3;
}
