import { suite } from "uvu";
import * as assert from "uvu/assert";
import { configOf, namespaces, planOf } from "../../test/plan-cases.ts";
import type { Step } from "./step.ts";

const test = suite("plan/net-devices");

function steps(netDevices: Readonly<Record<string, { name?: string }>>): readonly Step[] {
  return planOf(configOf({ linux: { netDevices, namespaces: namespaces("network", "mount") }, hooks: { prestart: [{ path: "/bin/true" }] } })).steps;
}

test("netDevices() moves each device at a gate of its own, before the hooks", () => {
  const all = steps({ eth1: {}, "a~b": { name: "c%d" }, v0: { name: "" } });
  const ops = all.map((step) => (step.op === "gate" ? step.name : step.op));
  const at = ops.indexOf("net-devices");
  assert.equal(ops.slice(at, at + 4), ["net-devices", "net_device", "net_device", "net_device"]);
  assert.ok(ops.indexOf("lo_up") < at && at < ops.indexOf("runtime-hooks"));
  const devices = all.filter((step) => step.op === "net_device");
  assert.equal(devices.map(({ device, name }) => [device, name]), [["eth1", "eth1"], ["a~b", "c%d"], ["v0", "v0"]]);
  assert.equal(devices.map(({ at: place }) => place), ["/linux/netDevices/eth1", "/linux/netDevices/a~0b", "/linux/netDevices/v0"]);
  assert.is(devices[1]?.what, 'move the network device "a~b" into the container as "c%d"');
});

test("netDevices() plans nothing where there are none", () => {
  assert.not(steps({}).some((step) => step.op === "net_device" || (step.op === "gate" && step.name === "net-devices")));
});

test.run();
