import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { DeviceRule } from "../spec/config.ts";
import { devicePolicy } from "./device-rules.ts";
import { devicesV1 } from "./devices.ts";

const test = suite("resources/devices");

const DENY_ALL: DeviceRule = { allow: false, access: "rwm" };

const DEFAULTS = [
  "allow c *:* m",
  "allow b *:* m",
  "allow c 1:3 rwm",
  "allow c 1:8 rwm",
  "allow c 1:7 rwm",
  "allow c 5:0 rwm",
  "allow c 1:5 rwm",
  "allow c 1:9 rwm",
  "allow c 136:* rwm",
  "allow c 5:2 rwm",
  "allow c 10:200 rwm",
];

function lines(rules: readonly DeviceRule[] | undefined): string[] {
  return devicesV1(devicePolicy(rules)).writes.map(({ file, value }) => `${file.slice("devices.".length)} ${value}`);
}

function refused(rules: readonly DeviceRule[]): string[] {
  return devicesV1(devicePolicy(rules)).problems.map(({ pointer }) => pointer.slice("/linux/resources/".length));
}

test("devicesV1() denies all but the defaults without rules, as runc does", () => {
  assert.equal(lines(undefined), ["deny a", ...DEFAULTS]);
  assert.equal(lines([]), ["deny a", ...DEFAULTS]);
});

test("devicesV1() writes the config's rules first, in their order", () => {
  const rules: DeviceRule[] = [
    DENY_ALL,
    { allow: true, type: "c", major: 10, minor: 229, access: "rwm" },
    { allow: true, type: "b", major: 8, minor: 20, access: "rw" },
    { allow: true, type: "b", major: 10, minor: 200, access: "r" },
  ];
  const expected = ["deny a", "allow c 10:229 rwm", "allow b 8:20 rw", "allow b 10:200 r", ...DEFAULTS];
  assert.equal(lines(rules), expected);
});

test("devicesV1() marks only the defaults as optional, and places the others", () => {
  const { writes } = devicesV1(devicePolicy([DENY_ALL, { allow: true, type: "c", major: 10, minor: 229 }]));
  assert.equal(writes.slice(0, 3).map(({ optional, pointer }) => [optional, pointer]), [
    [undefined, "/linux/resources/devices/0"],
    [undefined, "/linux/resources/devices/1"],
    [true, "/linux/resources/devices"],
  ]);
});

test("devicesV1() drops what a later rule about everything voids", () => {
  const rules: DeviceRule[] = [DENY_ALL, { allow: true, type: "c", major: 10, minor: 229 }, { allow: true, type: "a" }];
  assert.equal(lines(rules), ["allow a"]);
});

test("devicesV1() takes -1 and absent numbers for any, and absent access for all", () => {
  const rules: DeviceRule[] = [DENY_ALL, { allow: true, type: "c", major: 7, minor: -1 }, { allow: true, type: "b" }];
  assert.equal(lines(rules).slice(1, 3), ["allow c 7:* rwm", "allow b *:* rwm"]);
});

test("devicesV1() splits a limited rule of type a into both types", () => {
  assert.equal(lines([DENY_ALL, { allow: true, access: "r" }]).slice(1, 3), ["allow c *:* r", "allow b *:* r"]);
});

test("devicesV1() leaves out a rule that another covers", () => {
  const rules: DeviceRule[] = [DENY_ALL, { allow: true, type: "c" }, { allow: true, type: "c", major: 1, minor: 3 }];
  assert.equal(lines(rules), ["deny a", "allow c *:* rwm", "allow b *:* m"]);
});

test("devicesV1() leaves out a deny of what is denied", () => {
  assert.equal(lines([DENY_ALL, { allow: false, type: "c", major: 10, minor: 229 }]), ["deny a", ...DEFAULTS]);
});

test("devicesV1() takes back the narrower exceptions that a rule covers, by their own numbers", () => {
  const rules: DeviceRule[] = [
    DENY_ALL,
    { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
    { allow: false, type: "c", major: 10, access: "wm" },
  ];
  assert.equal(lines(rules).slice(1, 3), ["allow c 10:229 rw", "deny c 10:229 w"]);
});

test("devicesV1() knows what is left of an exception after a part of it was taken back", () => {
  const device = { type: "c", major: 10, minor: 229 } as const;
  const rules: DeviceRule[] = [
    DENY_ALL,
    { allow: true, ...device, access: "rw" },
    { allow: false, ...device, access: "m" },
    { allow: false, ...device, access: "w" },
    { allow: true, ...device, access: "w" },
  ];
  const expected = ["allow c 10:229 rw", "deny c 10:229 w", "allow c 10:229 w", "allow c *:* m"];
  assert.equal(lines(rules).slice(1, 5), expected);
});

test("devicesV1() refuses to deny a part of a wider exception, which the kernel would not do", () => {
  const hole: DeviceRule = { allow: false, type: "c", major: 10, minor: 229 };
  assert.equal(refused([DENY_ALL, { allow: true, type: "c" }, hole]), ["devices/2"]);
  assert.equal(refused([{ allow: true }, hole]), []);
  assert.equal(lines([{ allow: true }, hole]), ["allow a", "deny c 10:229 rwm"]);
});

test("devicesV1() notes a default that the config's denial leaves no room for", () => {
  const limits = devicesV1(devicePolicy([{ allow: true }, { allow: false, type: "c", access: "rw" }]));
  assert.equal(limits.problems, []);
  assert.ok(limits.notes.some(({ message }) => message.startsWith("c 1:3 rwm: cannot allow a part")));
});

test("devicePolicy() refuses access of other letters, or of none, and numbers that are none", () => {
  const pointers = (rule: DeviceRule): string[] =>
    devicePolicy([rule]).problems.map(({ pointer }) => pointer.slice("/linux/resources/devices/0/".length));
  assert.equal(pointers({ allow: true, access: "rx" }), ["access"]);
  assert.equal(pointers({ allow: true, access: "" }), ["access"]);
  assert.equal(pointers({ allow: true, major: -2, minor: 2 ** 32 }), ["major", "minor"]);
});

test.run();
