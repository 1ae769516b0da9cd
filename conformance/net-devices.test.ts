/** `linux.netDevices`: devices that move into the container (config-linux.md#network-devices), out of a network of the test's own. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as assert from "uvu/assert";
import type { Bundle } from "../test/bundle.ts";
import { needs, skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { withUserNamespace } from "../test/rich-configs.ts";
import { RUNTIME, runRuntime } from "../test/runtime.ts";
import type { Result } from "../test/runtime.ts";
import { file, output, read, script } from "./containers.ts";
import type { Change } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("network devices", () => {
  needs("ip", "unshare");
  if (!hasNetDevices()) skip("its features do not speak of network devices");
});

/** They are new in version 1.3 of the specification. */
function hasNetDevices(): boolean {
  const { status, stdout } = spawnSync(RUNTIME, ["features"], { encoding: "utf8" });
  if (status !== 0) return false;
  const { linux } = JSON.parse(stdout) as { readonly linux?: { readonly netDevices?: { readonly enabled?: boolean } } };
  return linux?.netDevices?.enabled === true;
}

type NetDevices = Readonly<Record<string, { readonly name?: string }>>;

/** Two ends of a cable: one to be moved, the other to stay. */
const CABLE = "ip link add v0 type veth peer name v1 || exit 111\n";

/**
 * Runs a shell script in a network namespace of its own, where "$@" runs the container: nothing of this machine's network
 * is touched.
 */
async function inNetwork(t: Ground, text: string, bundle: Bundle): Promise<Result> {
  const words = [RUNTIME, "--root", t.stateRoot, "run", "--bundle", bundle.path, t.id()];
  const result = await runRuntime(["--net", "/bin/sh", "-c", text, "sh", ...words], { folder: t.folder, program: "unshare" });
  if (result.status === 111) skip("this kernel has no veth");
  return result;
}

function bundleWith(t: Ground, netDevices: NetDevices, text: string, change?: Change): Bundle {
  return t.bundle((config) => {
    config.linux["netDevices"] = netDevices;
    script(config, text);
    change?.(config);
  });
}

/** What a script prints in a container that was given these devices, of which `before` has made v0 and v1. */
async function withDevices(t: Ground, before: string, netDevices: NetDevices, text: string): Promise<string> {
  return output(await inNetwork(t, `${CABLE}${before}\nexec "$@"`, bundleWith(t, netDevices, text)));
}

const LINKS = "ip -o link | sed 's/^[0-9]*: \\([^:@]*\\).*<\\(.*\\)>.*/\\1 \\2/'";

test("ND-01 ND-02 a device is moved, keeps its name where no other is given, and is gone from the host", async (t) => {
  const bundle = bundleWith(t, { v0: {} }, "ls /sys/class/net; echo >/gone/inside; while ! [ -e /gone/seen ]; do sleep 0.01; done", (config) => {
    fs.mkdirSync(file(t, "gone"));
    config.mounts.push({ destination: "/gone", source: file(t, "gone"), options: ["bind"] });
  });
  const watch = `${CABLE}"$@" &\nwhile ! [ -e ${file(t, "gone")}/inside ]; do kill -0 $! || exit; sleep 0.01; done\nip -o link >${file(t, "host")}\necho >${file(t, "gone")}/seen\nwait`;
  const found = output(await inNetwork(t, watch, bundle)).trimEnd().split("\n");
  assert.equal(found, ["lo", "v0"]);
  assert.not.match(read(file(t, "host")), / v0[:@]/);
  assert.match(read(file(t, "host")), / v1[:@]/);
});

test("ND-02 a device gets the name that is given", async (t) => {
  assert.is(await withDevices(t, "", { v0: { name: "eth7" } }, "ls /sys/class/net"), "eth7\nlo\n");
});

test("ND-01 ND-02 several devices are moved, and may take each other's names", async (t) => {
  assert.is(await withDevices(t, "", { v0: { name: "v1" }, v1: { name: "v0" } }, "ls /sys/class/net"), "lo\nv0\nv1\n");
});

test("ND-01 a device that is not there is an error", async (t) => {
  const result = await inNetwork(t, `${CABLE}"$@"`, bundleWith(t, { v9: {} }, "true"));
  assert.is.not(result.status, 0);
  assert.match(result.stderr, "v9");
});

test("ND-01 a device that cannot leave its network namespace is an error", async (t) => {
  const result = await inNetwork(t, `${CABLE}"$@"`, bundleWith(t, { lo: { name: "other" } }, "true"));
  assert.is.not(result.status, 0);
  assert.match(result.stderr, "lo");
});

test("ND-01 devices want a network namespace", async (t) => {
  for (const namespaces of [[], [{ type: "network", path: "/proc/self/ns/net" }]]) {
    const bundle = bundleWith(t, { v0: {} }, "true", (config) => {
      config.linux.namespaces = [...config.linux.namespaces.filter(({ type }) => type !== "network"), ...namespaces];
    });
    const result = await inNetwork(t, `${CABLE}"$@"\nstatus=$?\nip link show v0 >/dev/null || exit 77\nexit $status`, bundle);
    assert.ok(![0, 77].includes(result.status ?? 0), `${result.status} ${result.stderr}`);
    assert.match(result.stderr, /network|netDevices/i);
  }
});

test("ND-03 a name that is taken in the container's namespace is an error, and the device stays as it was", async (t) => {
  const prepare = `${CABLE}ip addr add 10.1.2.3/24 dev v0\nip link set v0 up\nip link set v1 up\n`;
  const show = "ip addr show dev v0";
  const text = `${prepare}${show} >${file(t, "before")}\n"$@"\nstatus=$?\n${show} >${file(t, "after")}\nexit $status`;
  const result = await inNetwork(t, text, bundleWith(t, { v0: { name: "lo" } }, "true"));
  assert.is.not(result.status, 0);
  assert.match(result.stderr, "v0");
  assert.match(read(file(t, "before")), "10.1.2.3/24");
  assert.is(withoutTentative(read(file(t, "after"))), withoutTentative(read(file(t, "before"))));
});

/** An IPv6 address is not used until nobody objects, which takes a second. */
function withoutTentative(text: string): string {
  return text.replaceAll(" tentative", "");
}

test("ND-03 a name that ends in %d becomes one that is free", async (t) => {
  const found = await withDevices(t, "", { v0: { name: "eth%d" }, v1: { name: "eth%d" } }, LINKS);
  assert.equal(found.trimEnd().split("\n").map((line) => line.split(" ")[0]).sort(), ["eth0", "eth1", "lo"]);
});

test("ND-04 permanent addresses with global scope stay, of both families; others do not", async (t) => {
  const before = [
    "ip addr add 10.1.2.3/24 brd + dev v0",
    "ip addr add 10.1.2.4/24 dev v0",
    "ip addr add 10.5.6.7/8 scope link dev v0",
    "ip addr add 10.7.7.7/32 valid_lft 1000 preferred_lft 1000 dev v0",
    "ip addr add 2001:db8::5/64 nodad dev v0",
    "ip addr add 2001:db8::6/64 valid_lft 1000 preferred_lft 1000 dev v0",
    "ip link set v0 up",
  ];
  const found = await withDevices(t, before.join("\n"), { v0: { name: "c0" } }, "ip -o addr show dev c0");
  const addresses = [...found.matchAll(/ inet6? (\S+) .*?scope (\S+)/g)].map(([, address, scope]) => `${address} ${scope}`);
  assert.equal(addresses.filter((line) => !line.startsWith("fe80:")), ["10.1.2.3/24 global", "10.1.2.4/24 global", "2001:db8::5/64 global"]);
  assert.match(found, /10\.1\.2\.3\/24 brd 10\.1\.2\.255/);
});

test("ND-04 the device keeps its hardware address, MTU and the like", async (t) => {
  const before = "ip link set v0 address 02:00:00:00:00:77 mtu 1400 txqueuelen 77";
  const found = await withDevices(t, before, { v0: {} }, "cd /sys/class/net/v0; cat address mtu tx_queue_len");
  assert.is(found, "02:00:00:00:00:77\n1400\n77\n");
});

for (const state of ["up", "down"]) {
  test(`ND-05 a device that was ${state} is up`, async (t) => {
    const found = await withDevices(t, `ip link set v0 ${state}`, { v0: { name: "c0" } }, LINKS);
    assert.match(found, /^c0 (.*,)?UP(,|$)/m);
  });
}

test("ND-06 with its namespace a virtual device ends", async (t) => {
  const text = `${CABLE}"$@" || exit 1\n${"for i in $(seq 2000); do ip link show v1 >/dev/null 2>&1 || exit 0; sleep 0.02; done; exit 5"}`;
  output(await inNetwork(t, text, bundleWith(t, { v0: {} }, "true")));
});

test("ND-06 in a namespace that was there before it stays, with its new name", async (t) => {
  const path = file(t, "network");
  fs.writeFileSync(path, "");
  const bundle = bundleWith(t, { v0: { name: "c0" } }, "ls /sys/class/net", (config) => {
    config.linux.namespaces = [...config.linux.namespaces.filter(({ type }) => type !== "network"), { type: "network", path }];
  });
  // The file stands for a namespace in the script's own mount namespace only, and so nothing of it stays.
  const keep = `unshare --net=${path} ip link set lo up || exit 1`;
  const after = `nsenter --net=${path} ip -o link`;
  const whole = `mount --make-rprivate /\n${CABLE}${keep}\n"$@" && ${after}\nstatus=$?\numount ${path}\nexit $status`;
  const words = [RUNTIME, "--root", t.stateRoot, "run", "--bundle", bundle.path, t.id()];
  const result = await runRuntime(["--net", "--mount", "/bin/sh", "-c", whole, "sh", ...words], { folder: t.folder, program: "unshare" });
  if (result.status === 111) skip("this kernel has no veth");
  const text = output(result);
  assert.ok(text.startsWith("c0\nlo\n"), text);
  assert.match(text, /\d+: c0@/);
});

test("ND-01 ND-04 ND-05 a container with a user namespace gets its devices, too", async (t) => {
  const bundle = withUserNamespace(t, (config) => {
    config.linux["netDevices"] = { v0: { name: "c0" } };
    script(config, "ip -o addr show dev c0");
  });
  const text = output(await inNetwork(t, `${CABLE}ip addr add 10.1.2.3/24 dev v0\nexec "$@"`, bundle));
  assert.match(text, "10.1.2.3/24");
});

/** What fails after the devices were moved. */
const FAILURES: readonly (readonly [what: string, change: Change])[] = [
  ["a hook", (config) => (config.hooks = { createRuntime: [{ path: "/bin/false" }] })],
  ["a mount", (config) => config.mounts.push({ destination: "/mnt", source: "/no/such/folder", options: ["bind"] })],
  ["a later device", (config) => (config.linux["netDevices"] = { v0: { name: "c0" }, v9: {} })],
];

for (const [what, change] of FAILURES) {
  test(`G-06 when ${what} fails the devices are back as they were, with addresses and routes`, async (t) => {
    const prepare = [
      "ip link set lo up",
      "ip addr add 10.1.2.3/24 brd + dev v0",
      "ip addr add 10.5.6.7/16 scope link dev v0",
      "ip addr add 2001:db8::5/64 nodad dev v0",
      "ip link set v0 up",
      "ip link set v1 up",
      "ip route add 192.0.2.0/24 via 10.1.2.9",
      "ip route add default via 10.1.2.1 metric 50",
      "ip -6 route add 2001:db8:1::/48 via 2001:db8::1",
    ].join("\n");
    const show = "(ip addr show dev v0; ip route; ip -6 route show dev v0)";
    const text = `${CABLE}${prepare}\n${show} >${file(t, "before")}\n"$@"\nstatus=$?\n${show} >${file(t, "after")}\nexit $status`;
    const result = await inNetwork(t, text, bundleWith(t, { v0: { name: "c0" } }, "true", change));
    assert.is.not(result.status, 0);
    assert.match(read(file(t, "before")), "192.0.2.0/24 via 10.1.2.9");
    assert.is(withoutTentative(read(file(t, "after"))), withoutTentative(read(file(t, "before"))), result.stderr);
  });
}

test.run();
