import { suite } from "uvu";
import * as assert from "uvu/assert";
import { addressRequest, addressesOf, isKept, isTemporary, routeRequest, routesOf } from "./net-addresses.ts";
import {
  IFA_FLAGS,
  IFA_LABEL,
  IFLA_IFNAME,
  NLMSG_ERROR,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  RTA_CACHEINFO,
  RTA_GATEWAY,
  RTA_OIF,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
  decodeAttributes,
  decodeError,
  decodeLink,
  decodeMessages,
  encodeRequest,
  linkHeader,
  numberAttribute,
  numberOf,
  textAttribute,
  textOf,
} from "./rtnetlink.ts";
import type { Attribute, Message } from "./rtnetlink.ts";

const test = suite("linux/rtnetlink, linux/net-addresses");

const IFA_ADDRESS = 1;
const PERMANENT = 0x80;

/** As the kernel would send it. */
function message(type: number, header: readonly number[], ...attributes: readonly Attribute[]): Message {
  const bytes = encodeRequest({ type, flags: 0, header: Uint8Array.from(header), attributes }, 1);
  return decodeMessages(bytes)[0] as Message;
}

function address(parts: { family?: number; flags: number; scope?: number; index?: number }, ...more: readonly Attribute[]): Message {
  const { family = 2, flags, scope = 0, index = 3 } = parts;
  const value = family === 2 ? [10, 0, 0, 1] : [...new Uint8Array(15), 1];
  return message(RTM_NEWADDR, [family, 24, flags & 0xff, scope, index, 0, 0, 0], { type: IFA_ADDRESS, value: Uint8Array.from(value) }, ...more);
}

test("encodeRequest() and decodeMessages() are each other's inverse, with parts at multiples of four", () => {
  const attributes = [textAttribute(IFLA_IFNAME, "eth0"), numberAttribute(28, 7)];
  const bytes = encodeRequest({ type: RTM_GETLINK, flags: 5, header: linkHeader({ index: 9 }), attributes }, 42);
  // 16 of the message, 16 of the header, 4 + 5 of the name and 3 to fill, 4 + 4 of the number.
  assert.is(bytes.length, 16 + 16 + 12 + 8);
  assert.equal([...bytes.subarray(0, 16)], [52, 0, 0, 0, 18, 0, 5, 0, 42, 0, 0, 0, 0, 0, 0, 0]);
  const [decoded, ...none] = decodeMessages(bytes);
  assert.equal(none, []);
  assert.equal([decoded?.type, decoded?.flags, decoded?.sequence], [RTM_GETLINK, 5, 42]);
  assert.equal(decodeAttributes(decoded?.body ?? new Uint8Array(), 16), attributes);
});

test("decodeMessages() takes several messages, and none that is cut off or nonsense", () => {
  const one = encodeRequest({ type: 1, flags: 0, header: new Uint8Array(3) }, 1);
  assert.is(one.length, 20);
  assert.is(decodeMessages(Uint8Array.from([...one, ...one])).length, 2);
  assert.is(decodeMessages(Uint8Array.from([...one, ...one.subarray(0, 19)])).length, 1);
  assert.is(decodeMessages(Uint8Array.from([3, 0, 0, 0, ...one])).length, 0);
  assert.equal(decodeMessages(new Uint8Array(0)), []);
});

test("decodeAttributes() stops at what is cut off", () => {
  assert.equal(decodeAttributes(Uint8Array.of(8, 0, 1, 0, 7), 0), []);
  assert.equal(decodeAttributes(Uint8Array.of(3, 0, 1, 0), 0), []);
});

test("decodeLink() reads index, name and whether it is up", () => {
  const link = message(RTM_NEWLINK, [...linkHeader({ index: 12, flags: 1 })], textAttribute(IFLA_IFNAME, "eth0"));
  assert.equal(decodeLink(link), { index: 12, isUp: true, name: "eth0" });
  assert.equal(decodeLink(message(RTM_NEWLINK, [...linkHeader({})])), { index: 0, isUp: false, name: "" });
});

test("decodeError() finds the kernel's words after the request, whole or cut short", () => {
  const words = [...encodeRequest({ type: 0, flags: 0, header: new Uint8Array(0), attributes: [textAttribute(1, "no such thing")] }, 0).subarray(16)];
  const errno = [0xef, 0xff, 0xff, 0xff]; // -17
  const header = [...encodeRequest({ type: RTM_NEWLINK, flags: 0, header: linkHeader({}) }, 1)];
  const error = (flags: number, body: readonly number[]): Message => ({ type: NLMSG_ERROR, flags, sequence: 1, body: Uint8Array.from(body) });
  assert.equal(decodeError(error(0, [...errno, ...header])), { errno: 17, text: "" });
  assert.equal(decodeError(error(NLM_F_ACK_TLVS, [...errno, ...header, ...words])), { errno: 17, text: "no such thing" });
  assert.equal(decodeError(error(NLM_F_ACK_TLVS | NLM_F_CAPPED, [...errno, ...header.slice(0, 16), ...words])), { errno: 17, text: "no such thing" });
  assert.equal(decodeError(error(NLM_F_CAPPED, [0, 0, 0, 0, ...header.slice(0, 16)])), { errno: 0, text: "" });
});

test("addressesOf() lists those of one device; isKept() takes permanent ones with global scope", () => {
  const messages = [
    address({ flags: PERMANENT }),
    address({ flags: PERMANENT, index: 4 }),
    address({ flags: 0 }),
    address({ flags: PERMANENT, scope: 253 }),
    address({ family: 10, flags: 0x01 }),
    message(RTM_NEWLINK, [2, 24, PERMANENT, 0, 3, 0, 0, 0]),
  ];
  const found = addressesOf(messages, 3);
  assert.equal(found.map(isKept), [true, false, false, false]);
  assert.equal(found.map(isTemporary), [false, false, false, true]);
});

test("addressesOf() believes the wide flags, where they are", () => {
  assert.equal(addressesOf([address({ flags: 0 }, numberAttribute(IFA_FLAGS, 0x280))], 3).map(({ flags }) => flags), [0x280]);
});

test("addressRequest() gives the address to the new index, and keeps the flags that somebody may set", () => {
  const [found] = addressesOf([address({ flags: 0 }, numberAttribute(IFA_FLAGS, 0x280 | 0x42))], 3);
  assert.ok(found !== undefined);
  const { header, attributes = [] } = addressRequest(found, { index: 3, name: "eth0" }, { index: 300, name: "c0" });
  assert.equal([...header], [2, 24, 0, 0, 44, 1, 0, 0]);
  assert.equal(attributes.map(({ type }) => type), [IFA_ADDRESS, IFA_FLAGS]);
  assert.is(numberOf(attributes[1]?.value ?? new Uint8Array()), 0x202);
});

const LABELS: readonly (readonly [label: string, from: string, to: string, expected: string])[] = [
  ["eth0", "eth0", "c0", "c0"],
  ["eth0:1", "eth0", "c0", "c0:1"],
  ["eth01", "eth0", "c0", "eth01"],
  ["other", "eth0", "c0", "other"],
  ["eth0:twelve", "eth0", "longestname12", "longestname12"],
];
for (const [label, from, to, expected] of LABELS) {
  test(`addressRequest() makes the label "${label}" of "${from}" into "${expected}"`, () => {
    const [found] = addressesOf([address({ flags: PERMANENT }, textAttribute(IFA_LABEL, label))], 3);
    assert.ok(found !== undefined);
    const { attributes = [] } = addressRequest(found, { index: 3, name: from }, { index: 4, name: to });
    assert.is(textOf(attributes.find(({ type }) => type === IFA_LABEL)?.value ?? new Uint8Array()), expected);
  });
}

function route(protocol: number, index: number, ...more: readonly Attribute[]): Message {
  return message(RTM_NEWROUTE, [2, 24, 0, 0, 254, protocol, 0, 1, 0x40, 0, 0, 0], numberAttribute(RTA_OIF, index), ...more);
}

test("routesOf() leaves out the kernel's own and other devices', and puts gateways last", () => {
  const gateway = { type: RTA_GATEWAY, value: Uint8Array.of(10, 0, 0, 9) };
  const messages = [route(3, 3, gateway), route(2, 3), route(3, 5), route(4, 3), message(RTM_NEWROUTE, [1, 2])];
  assert.equal(routesOf(messages, 3), [messages[3], messages[0]]);
});

test("routeRequest() names the device's index of now, and leaves out what the kernel counts", () => {
  const { header, attributes = [] } = routeRequest(route(3, 3, numberAttribute(RTA_CACHEINFO, 1)), 9);
  assert.equal([...header.subarray(8)], [0, 0, 0, 0]);
  assert.equal(attributes, [numberAttribute(RTA_OIF, 9)]);
});

test.run();
