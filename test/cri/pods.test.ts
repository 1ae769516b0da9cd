/** Pods as Kubernetes makes them: what their containers share, how they end, and that each has one shim. */

import * as assert from "uvu/assert";
import { until } from "../engine.ts";
import { GrpcError } from "./grpc.ts";
import { kubernetes } from "./kubernetes.ts";
import { Pod } from "./pods.ts";
import type { Container } from "./pods.ts";

const test = kubernetes("pods");

/** Where a container's namespaces are, by their kinds. */
async function namespaces(container: Container, ...kinds: readonly string[]): Promise<string[]> {
  return (await container.print(kinds.map((kind) => `readlink /proc/self/ns/${kind}`).join("; "))).split("\n");
}

function hostNamespace(node: { run(args: readonly string[]): string }, kind: string): string {
  return node.run(["readlink", `/proc/self/ns/${kind}`]).trim();
}

test("a pod runs, is listed, stops and is removed", async ({ node, pod, handler }) => {
  const made = await pod({ hostname: "host-of-pod" });
  const { state, network, runtime_handler } = await made.status();
  assert.equal([state, runtime_handler], ["SANDBOX_READY", handler]);
  assert.match(network?.ip ?? "", /^10\.88\./);
  const container = await made.start();
  assert.is(await container.print("hostname"), "host-of-pod");
  await made.stop();
  assert.is((await made.status()).state, "SANDBOX_NOTREADY");
  assert.is((await container.status()).state, "CONTAINER_EXITED");
  await made.remove();
  const { items } = await node.call<{ items: unknown[] }>("ListPodSandbox", { filter: { id: made.id } });
  assert.equal(items, []);
});

test("two containers of a pod share its network, its IPC objects and its name, and nothing else", async ({ pod }) => {
  const made = await pod();
  const one = await made.start();
  const two = await made.start();
  const [first, second] = [await namespaces(one, "net", "ipc", "uts"), await namespaces(two, "net", "ipc", "uts")];
  assert.equal(first, second);
  const [own, other] = [await namespaces(one, "pid", "mnt"), await namespaces(two, "pid", "mnt")];
  assert.ok(own[0] !== other[0] && own[1] !== other[1]);
  await one.print("echo shared > /dev/shm/note; echo own > /tmp/note");
  assert.is(await two.print("cat /dev/shm/note; ls /tmp"), "shared");
  // Each is process 1 of its own.
  assert.is(await two.print("tr '\\0' ' ' < /proc/1/cmdline"), "/bin/sleep 1000000");
});

test("containers of a pod reach each other on localhost, and the node reaches them by the pod's address", async ({ node, pod }) => {
  const made = await pod();
  await made.start(["/bin/sh", "-c", "mkdir /tmp/web; echo hello > /tmp/web/index.html; exec httpd -f -p 8080 -h /tmp/web"]);
  const client = await made.start();
  const fetched = async (url: string): Promise<string> => (await client.exec(["/bin/wget", "-q", "-O", "-", url])).stdout;
  await until(async () => (await fetched("http://127.0.0.1:8080/")) === "hello\n", () => "the server does not answer");
  const ip = (await made.status()).network?.ip ?? "";
  assert.is(node.run(["busybox", "wget", "-q", "-O", "-", `http://${ip}:8080/`]), "hello\n");
  const other = await (await pod()).start();
  assert.is(await other.print(`wget -q -O - http://${ip}:8080/`), "hello");
});

test("a port of the node leads to a port of the pod", async ({ node, pod }) => {
  const made = await pod({ ports: [{ container_port: 8080, host_port: 12_080 }] });
  const server = await made.start(["/bin/sh", "-c", "mkdir /tmp/web; echo hello > /tmp/web/index.html; exec httpd -f -p 8080 -h /tmp/web"]);
  await until(async () => (await server.exec(["/bin/wget", "-q", "-O", "-", "http://127.0.0.1:8080/"])).stdout === "hello\n", () => "the server does not answer");
  assert.is(node.run(["busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:12080/"]), "hello\n");
});

test("a pod with one pid namespace has its own process as number 1, which other containers' processes see", async ({ pod }) => {
  const made = await pod({ namespaces: { pid: "POD" } });
  const one = await made.start(["/bin/sleep", "2000001"]);
  const two = await made.start(["/bin/sleep", "2000002"]);
  assert.equal(await namespaces(one, "pid"), await namespaces(two, "pid"));
  const seen = await two.print("for i in /proc/[0-9]*; do tr '\\0' ' ' < $i/cmdline; echo; done");
  assert.match(seen, /^\/bin\/sleep 1000000 *\n/);
  assert.match(seen, /\/bin\/sleep 2000001/);
  // One may end the other.
  await two.print("kill -KILL $(pidof sleep | tr ' ' '\\n' | while read i; do grep -q 2000001 /proc/$i/cmdline && echo $i; done)");
  assert.is((await one.ended()).exit_code, 137);
  assert.is((await two.status()).state, "CONTAINER_RUNNING");
});

test("a container that is to look at another one joins its processes", async ({ pod }) => {
  const made = await pod();
  const looked = await made.start(["/bin/sleep", "2000003"]);
  const looking = await made.start(["/bin/sleep", "1000000"], { security: { namespace_options: { pid: "TARGET", target_id: looked.id } } });
  assert.equal(await namespaces(looking, "pid"), await namespaces(looked, "pid"));
  assert.match(await looking.print("tr '\\0' ' ' < /proc/1/cmdline"), "2000003");
  await looking.stop(0);
  assert.is((await looked.status()).state, "CONTAINER_RUNNING");
});

test("a pod has the node's network, processes and IPC objects where it says so", async ({ node, pod }) => {
  const made = await pod({ namespaces: { network: "NODE", pid: "NODE", ipc: "NODE" }, hostname: "" });
  const container = await made.start();
  const kinds = ["net", "pid", "ipc"];
  assert.equal(await namespaces(container, ...kinds), kinds.map((kind) => hostNamespace(node, kind)));
  assert.match(await container.print("cat /proc/*/comm 2>/dev/null; true"), /^containerd$/m);
  await container.stop(0);
  assert.is((await container.status()).exit_code, 137);
});

test("sysctls of a pod hold in its containers", async ({ pod }) => {
  const made = await pod({ sysctls: { "kernel.shm_rmid_forced": "1", "net.ipv4.ip_local_port_range": "1024 65000", "fs.mqueue.msg_max": "100" } });
  const container = await made.start();
  const files = ["kernel/shm_rmid_forced", "net/ipv4/ip_local_port_range", "fs/mqueue/msg_max"];
  assert.is(await container.print(files.map((file) => `cat /proc/sys/${file}`).join("; ")), "1\n1024\t65000\n100");
  const { stdout } = await (await pod()).script("cat /proc/sys/kernel/shm_rmid_forced");
  assert.is(stdout, "0\n");
});

test("name servers of a pod are in its containers' resolv.conf", async ({ pod }) => {
  const made = await pod({ dns: { servers: ["10.10.10.10"], searches: ["example.org"], options: ["ndots:5"] } });
  const { stdout } = await made.script("cat /etc/resolv.conf");
  assert.equal(stdout.trim().split("\n").sort(), ["nameserver 10.10.10.10", "options ndots:5", "search example.org"]);
});

test("all containers of a pod have one shim, which ends with the pod", async ({ node, pod }) => {
  const made = await pod();
  const [shim] = node.shims();
  for (let count = 0; count < 3; count++) await made.start();
  assert.equal(node.shims(), [shim]);
  const other = await pod();
  assert.is(node.shims().length, 2);
  await made.remove();
  await until(() => node.shims().length === 1, () => "the shim does not end");
  await other.remove();
  await until(() => node.shims().length === 0, () => "the other shim does not end");
});

test("twelve containers of four pods begin at once", async ({ pod }) => {
  const pods = await Promise.all([1, 2, 3, 4].map(() => pod()));
  const outputs = await Promise.all(pods.flatMap((made, p) => [1, 2, 3].map((c) => made.script(`echo ${p}.${c}; exit ${c}`))));
  assert.equal(outputs.map(({ stdout, status }) => [stdout, status]), [0, 1, 2, 3].flatMap((p) => [1, 2, 3].map((c) => [`${p}.${c}\n`, c])));
});

test("a handler that containerd does not know is an error", async ({ node }) => {
  const error = await Pod.run(node, "none").then(() => undefined, (reason: unknown) => reason);
  assert.instance(error, GrpcError);
  assert.match((error as GrpcError).message, /no runtime for "none" is configured/);
});

/** A pod's whole life, with all that may be done at once done at once; what went wrong. */
async function live(pod: Pod, n: number): Promise<readonly unknown[]> {
  const containers = await Promise.all([0, 1, 2].map(() => pod.start()));
  const execs = containers.flatMap((container, k) => [3, 4].map(async (status) => {
    const seen = await container.exec(["/bin/sh", "-c", `echo ${n}.${k}.${status}; exit ${status}`]);
    return seen.stdout === `${n}.${k}.${status}\n` && seen.status === status ? [] : [seen];
  }));
  const wrong = (await Promise.all(execs)).flat();
  const short = pod.script("echo short; exit 5");
  await Promise.all(containers.slice(1).map((container) => container.stop(0)));
  const codes = await Promise.all(containers.slice(1).map(async (container) => (await container.status()).exit_code));
  const { stdout, status } = await short;
  await pod.remove();
  return [...wrong, ...codes.filter((code) => code !== 137), ...(stdout === "short\n" && status === 5 ? [] : [stdout, status])];
}

test("six pods live and end at once, and so do their containers", async ({ pod }) => {
  const wrong = await Promise.all([0, 1, 2, 3, 4, 5].map(async (n) => live(await pod(), n)));
  assert.equal(wrong.flat(), []);
});

test.run();
