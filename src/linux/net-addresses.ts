/** Addresses and routes of a network device: which are kept when it moves, and how they are said again (rtnetlink(7)). */

import {
  IFA_FLAGS,
  IFA_F_HOMEADDRESS,
  IFA_F_MANAGETEMPADDR,
  IFA_F_MCAUTOJOIN,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_PERMANENT,
  IFA_F_TEMPORARY,
  IFA_LABEL,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  RTA_CACHEINFO,
  RTA_GATEWAY,
  RTA_OIF,
  RTA_VIA,
  RTM_NEWADDR,
  RTM_NEWROUTE,
  RTPROT_KERNEL,
  RT_SCOPE_UNIVERSE,
  decodeAttributes,
  numberAttribute,
  numberOf,
  textAttribute,
  textOf,
} from "./rtnetlink.ts";
import type { Attribute, Message, Request } from "./rtnetlink.ts";

/** struct ifaddrmsg: family, prefix length, flags and scope in a byte each, then the device's index. */
const ADDRESS_HEADER = 8;
/** struct rtmsg: the protocol, which is who made the route, is its sixth byte. */
const ROUTE_HEADER = 12;
const ROUTE_PROTOCOL = 5;
/** The kernel computes the other flags. */
const FLAGS_TO_KEEP = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;
const CREATE = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
const MOST_NAME_BYTES = 15;
const AF_INET6 = 10;

export interface Address {
  readonly header: Uint8Array;
  readonly scope: number;
  readonly flags: number;
  readonly attributes: readonly Attribute[];
}

/** A device by its index and its name, in one network namespace. */
export interface Device {
  readonly index: number;
  readonly name: string;
}

/** The addresses of one device, in the kernel's order: a primary address comes before its secondaries. */
export function addressesOf(messages: readonly Message[], index: number): Address[] {
  const addresses: Address[] = [];
  for (const { type, body } of messages) {
    if (type !== RTM_NEWADDR || body.length < ADDRESS_HEADER || numberOf(body.subarray(4)) !== index) continue;
    const attributes = decodeAttributes(body, ADDRESS_HEADER);
    const wide = attributes.find((attribute) => attribute.type === IFA_FLAGS);
    const [, , narrow = 0, scope = 0] = body;
    addresses.push({ header: body.slice(0, ADDRESS_HEADER), scope, flags: wide === undefined ? narrow : numberOf(wide.value), attributes });
  }
  return addresses;
}

/** The addresses that a device keeps in the container: those that somebody has set for good, and that mean something there. */
export function isKept({ flags, scope }: Address): boolean {
  return (flags & IFA_F_PERMANENT) !== 0 && scope === RT_SCOPE_UNIVERSE;
}

/** An address that the kernel itself makes from another one, for privacy; among IPv4's the same bit means "secondary". */
export function isTemporary({ header: [family], flags }: Address): boolean {
  return family === AF_INET6 && (flags & IFA_F_TEMPORARY) !== 0;
}

/** Gives an address to a device that may have another index and name now. */
export function addressRequest({ header, flags, attributes }: Address, from: Device, to: Device): Request {
  const kept: Attribute[] = [];
  for (const attribute of attributes) {
    if (attribute.type === IFA_FLAGS) continue;
    if (attribute.type === IFA_LABEL) kept.push(textAttribute(IFA_LABEL, labelOf(textOf(attribute.value), from, to)));
    else kept.push(attribute);
  }
  kept.push(numberAttribute(IFA_FLAGS, flags & FLAGS_TO_KEEP));
  return { type: RTM_NEWADDR, flags: CREATE, header: withIndex(header, to.index), attributes: kept };
}

/** A label is the device's name, and may have more after a colon (ip-address(8)). */
function labelOf(label: string, from: Device, to: Device): string {
  if (label !== from.name && !label.startsWith(`${from.name}:`)) return label;
  const moved = `${to.name}${label.slice(from.name.length)}`;
  return new TextEncoder().encode(moved).length > MOST_NAME_BYTES ? to.name : moved;
}

function withIndex(header: Uint8Array, index: number): Uint8Array {
  const copy = header.slice(0, ADDRESS_HEADER);
  new DataView(copy.buffer).setUint32(4, index, true);
  copy[2] = 0; // the flags, which have an attribute of their own
  return copy;
}

/** The routes through a device that the kernel does not make by itself, those that others lead over first. */
export function routesOf(messages: readonly Message[], index: number): Message[] {
  const routes = messages.filter(({ type, body }) => {
    if (type !== RTM_NEWROUTE || body.length < ROUTE_HEADER || body[ROUTE_PROTOCOL] === RTPROT_KERNEL) return false;
    const out = decodeAttributes(body, ROUTE_HEADER).find((attribute) => attribute.type === RTA_OIF);
    return out !== undefined && numberOf(out.value) === index;
  });
  return [...routes.filter((route) => !hasGateway(route)), ...routes.filter(hasGateway)];
}

function hasGateway({ body }: Message): boolean {
  return decodeAttributes(body, ROUTE_HEADER).some(({ type }) => type === RTA_GATEWAY || type === RTA_VIA);
}

/** Makes a route again, through the same device under its index of now. */
export function routeRequest({ body }: Message, index: number): Request {
  const attributes = decodeAttributes(body, ROUTE_HEADER).flatMap((attribute) => {
    if (attribute.type === RTA_CACHEINFO) return [];
    return [attribute.type === RTA_OIF ? numberAttribute(RTA_OIF, index) : attribute];
  });
  const header = body.slice(0, ROUTE_HEADER);
  header.fill(0, 8); // the flags: what the kernel knows of the route's state
  return { type: RTM_NEWROUTE, flags: CREATE, header, attributes };
}
