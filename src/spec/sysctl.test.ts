import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sysctlParts } from "./sysctl.ts";

const test = suite("spec/sysctl");

const keys: readonly (readonly [key: string, path: string | undefined])[] = [
  ["net.ipv4.ip_forward", "net/ipv4/ip_forward"],
  ["net/ipv4/ip_forward", "net/ipv4/ip_forward"],
  ["net.ipv4.conf.eth0/100.forwarding", "net/ipv4/conf/eth0.100/forwarding"],
  ["net/ipv4/conf/eth0.100/forwarding", "net/ipv4/conf/eth0.100/forwarding"],
  ["kernel", undefined],
  ["", undefined],
  ["net..x", undefined],
  [".net.x", undefined],
  ["net/../kernel/panic", undefined],
  ["net.//.kernel", undefined],
  ["net././x", undefined],
  ["/net/x", undefined],
];
for (const [key, path] of keys) {
  test(`sysctlParts() reads ${JSON.stringify(key)} as ${path ?? "no parameter"}`, () => {
    assert.is(sysctlParts(key)?.join("/"), path);
  });
}

test.run();
