/** Moves network devices of the host into the container, and back when the container cannot be made (config-linux.md#network-devices). */

import { InitError, SystemError } from "../errors.ts";
import { addressRequest, addressesOf, isKept, isTemporary, routeRequest, routesOf } from "../linux/net-addresses.ts";
import type { Address, Device } from "../linux/net-addresses.ts";
import {
  IFF_UP,
  IFLA_IFNAME,
  IFLA_NET_NS_FD,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTM_NEWLINK,
  decodeLink,
  linkHeader,
  numberAttribute,
  textAttribute,
} from "../linux/rtnetlink.ts";
import type { Message, Request } from "../linux/rtnetlink.ts";
import { closeSync, openSync } from "../native/files.ts";
import { Netlink } from "../native/netlink.ts";
import { native } from "../native/native.ts";
import type { Cleanup } from "./cleanup.ts";
import type { Execution } from "./execution.ts";

const OWN_NETWORK = "/proc/thread-self/ns/net";
const ACKNOWLEDGED = NLM_F_REQUEST | NLM_F_ACK;
const LOOPBACK_INDEX = 1;
const LIST = NLM_F_REQUEST | NLM_F_DUMP;

export interface Move {
  readonly device: string;
  /** The name in the container; where it ends in `%d` the kernel counts up to a free one. */
  readonly name: string;
  /** The container's network namespace. */
  readonly network: number;
  /** What is done, in the words that follow `cannot`. */
  readonly what?: string;
}

/** What a device loses when it moves. */
interface Found extends Device {
  readonly isUp: boolean;
  readonly addresses: readonly Address[];
  readonly routes: readonly Message[];
}

/** The network namespace that init is in; held, it outlives an init that dies, and so do the devices in it. */
export function networkOf(execution: Execution): number {
  const network = openSync(`/proc/${execution.init.pid}/ns/net`);
  execution.hold("network namespace of init", network);
  const own = openSync(OWN_NETWORK);
  const isOwn = native().fstat(own).inode === native().fstat(network).inode;
  closeSync(own);
  if (isOwn) throw new InitError("cannot move network devices into the container: its network namespace is the host's");
  return network;
}

/** Moves one device, with its addresses, and brings it up; `cleanup` takes it back. */
export function moveNetDevice({ device, name, network, what = `move the network device "${device}"` }: Move, cleanup: Cleanup): void {
  const host = new Netlink();
  try {
    const inside = new Netlink(network);
    try {
      const found = find(host, device, what);
      refuseTaken(inside, name, what);
      const before = new Set(links(inside, what).map(({ index }) => index));
      let moved: Device | undefined;
      // Declared before the move: the kernel may have moved it already when it cannot rename it.
      cleanup.add(() => takeBack(found, network, ({ index }) => (moved === undefined ? !before.has(index) : moved.index === index)));
      host.ask(moveRequest(found.index, name, network), what);
      moved = links(inside, what).find(({ index }) => !before.has(index));
      if (moved === undefined) throw new SystemError(what, "ENODEV", "ENODEV: it is gone after it was moved");
      for (const address of found.addresses) {
        if (isKept(address)) inside.ask(addressRequest(address, found, moved), `keep an address of "${device}"`);
      }
      inside.ask(upRequest(moved.index), `bring up "${moved.name}"`);
    } finally {
      inside.close();
    }
  } finally {
    host.close();
  }
}

/** The interface "lo" is the first of every network namespace. */
export function bringUpLoopback(network: number): void {
  const inside = new Netlink(network);
  try {
    inside.ask(upRequest(LOOPBACK_INDEX), 'bring up the interface "lo"');
  } finally {
    inside.close();
  }
}

/** All that is to be known before it moves: a device that goes down loses its routes, and addresses besides. */
function find(host: Netlink, name: string, what: string): Found {
  const link = linkNamed(host, name, what);
  const { index } = link;
  const addresses = host.ask({ type: RTM_GETADDR, flags: LIST, header: new Uint8Array(8) }, what);
  const routes = host.ask({ type: RTM_GETROUTE, flags: LIST, header: new Uint8Array(12) }, what);
  return { ...link, addresses: addressesOf(addresses, index), routes: routesOf(routes, index) };
}

function linkNamed(netlink: Netlink, name: string, what: string): Device & { readonly isUp: boolean } {
  const request = { type: RTM_GETLINK, flags: ACKNOWLEDGED, header: linkHeader({}), attributes: [textAttribute(IFLA_IFNAME, name)] };
  const [message] = netlink.ask(request, what);
  if (message === undefined) throw new SystemError(what, "ENODEV", "ENODEV: no such device");
  return decodeLink(message);
}

function refuseTaken(inside: Netlink, name: string, what: string): void {
  if (name.endsWith("%d")) return;
  for (const message of inside.ask({ type: RTM_GETLINK, flags: LIST, header: linkHeader({}) }, what)) {
    if (decodeLink(message).name !== name) continue;
    throw new SystemError(what, "EEXIST", `EEXIST: the container's network namespace has a network device "${name}" already`);
  }
}

function moveRequest(index: number, name: string, network: number): Request {
  const attributes = [textAttribute(IFLA_IFNAME, name), numberAttribute(IFLA_NET_NS_FD, network)];
  return { type: RTM_NEWLINK, flags: ACKNOWLEDGED, header: linkHeader({ index }), attributes };
}

function upRequest(index: number): Request {
  return { type: RTM_NEWLINK, flags: ACKNOWLEDGED, header: linkHeader({ index, flags: IFF_UP, change: IFF_UP }) };
}

/** Moved devices are told by their index, which may be another one than before: the kernel may have chosen the name. */
function links(netlink: Netlink, what: string): Device[] {
  return netlink.ask({ type: RTM_GETLINK, flags: LIST, header: linkHeader({}) }, what).map(decodeLink);
}

/** Puts a device back as it was, as far as it has come: with its name, all that was set on it, and its routes. */
function takeBack(found: Found, network: number, isIt: (device: Device) => boolean): void {
  const what = `take the network device "${found.name}" back`;
  const host = new Netlink();
  try {
    const inside = new Netlink(network);
    try {
      const moved = links(inside, what).find(isIt);
      if (moved === undefined) return;
      const own = openSync(OWN_NETWORK);
      try {
        inside.ask(moveRequest(moved.index, found.name, own), what);
      } finally {
        closeSync(own);
      }
    } finally {
      inside.close();
    }
    restore(host, found, what);
  } finally {
    host.close();
  }
}

function restore(host: Netlink, found: Found, what: string): void {
  const back = linkNamed(host, found.name, what);
  for (const address of found.addresses) if (!isTemporary(address)) host.ask(addressRequest(address, found, back), what);
  if (!found.isUp) return;
  host.ask(upRequest(back.index), what);
  for (const route of found.routes) host.ask(routeRequest(route, back.index), what);
}
