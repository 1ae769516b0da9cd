/** podman's own networks: a bridge, published ports, names, and pods with a network. */

import * as fs from "node:fs";
import * as assert from "uvu/assert";
import { must, until } from "./engine.ts";
import { suite } from "./harness.ts";
import { IMAGE } from "./image.ts";
import { CGROUP_PARENT, driven as drivenBy } from "./podman.ts";
import type { Podman } from "./podman.ts";
import { NEIGHBOUR_ADDRESS, OWN_ADDRESS } from "./private-network.ts";
import type { Place } from "./private-network.ts";

const test = suite("podman-network");

function driven(title: string, body: (podman: Podman) => Promise<void>): void {
  drivenBy(test, title, body, { hasNetwork: true });
}

/** A web server whose page tells where it runs. */
const SERVER = [IMAGE, "sh", "-c", "cp /etc/hostname /tmp/page; exec httpd -f -p 80 -h /tmp"];

async function fetch(podman: Podman, place: Place, address: string): Promise<string> {
  let text = "";
  const fetched = async (): Promise<boolean> => {
    const { status, stdout, stderr } = await podman.network.run(place, ["busybox", "wget", "-q", "-O", "-", `http://${address}/page`]);
    text = status === 0 ? stdout : stderr;
    return status === 0;
  };
  await until(fetched, () => `${place} cannot fetch from ${address}: ${text}`);
  return text.trim();
}

driven("a published port is reached from the host and from its neighbour, also after a restart", async (podman) => {
  await must(podman.run(["--detach", "--name", "web", "--hostname", "web-host", "--publish", "8080:80", ...SERVER]));
  assert.match(await must(podman.podman(["port", "web"])), /^80\/tcp -> 0\.0\.0\.0:8080$/m);
  assert.is(await fetch(podman, "engine", `${OWN_ADDRESS}:8080`), "web-host");
  assert.is(await fetch(podman, "neighbour", `${OWN_ADDRESS}:8080`), "web-host");
  await must(podman.podman(["restart", "--time", "0", "web"]));
  assert.is(await fetch(podman, "neighbour", `${OWN_ADDRESS}:8080`), "web-host");
  const ask = `until wget -q -O - http://${NEIGHBOUR_ADDRESS}/page; do sleep 0.1; done`;
  podman.network.spawn("neighbour", ["busybox", "httpd", "-f", "-p", `${NEIGHBOUR_ADDRESS}:80`, "-h", podman.folder]);
  fs.writeFileSync(`${podman.folder}/page`, "from the neighbour\n");
  assert.is(await must(podman.podman(["exec", "web", "sh", "-c", ask])), "from the neighbour");
  await must(podman.podman(["rm", "--force", "--time", "0", "web"]));
  const gone = await podman.network.run("engine", ["busybox", "wget", "-q", "-O", "-", `http://${OWN_ADDRESS}:8080/page`]);
  assert.is(gone.status, 1, gone.stderr);
});

driven("a network of containers' own knows them by name; another container's is shared", async (podman) => {
  await must(podman.podman(["network", "create", "--subnet", "203.0.113.0/24", "own"]));
  await must(podman.run(["--detach", "--name", "web", "--hostname", "web-host", "--network", "own", "--ip", "203.0.113.9", ...SERVER]));
  const client = ["--rm", "--network", "own", IMAGE, "sh", "-c", "server=$(sed -n 's/^nameserver //p' /etc/resolv.conf | head -n 1); until nslookup web $server; do sleep 0.1; done; ip -4 -o address"];
  const seen = await must(podman.run(client));
  assert.match(seen, /203\.0\.113\.9/);
  assert.match(seen, /eth0 +inet 203\.0\.113\.\d+\/24 /);
  const shared = await must(podman.run(["--rm", "--network", "container:web", IMAGE, "sh", "-c", "readlink /proc/self/ns/net; until wget -q -O - http://127.0.0.1/page 2>/dev/null; do sleep 0.1; done"]));
  const [network, page] = shared.split("\n");
  assert.is(page, "web-host");
  assert.is(network, await must(podman.podman(["exec", "web", "readlink", "/proc/self/ns/net"])));
  const host = await must(podman.run(["--rm", "--network", "host", IMAGE, "readlink", "/proc/self/ns/net"]));
  assert.is(host, fs.readlinkSync(podman.network.path));
  assert.is(await must(podman.run(["--rm", "--network", "none", IMAGE, "ls", "/sys/class/net"])), "lo");
  await must(podman.podman(["rm", "--force", "--time", "0", "web"]));
  await must(podman.podman(["network", "rm", "own"]));
});

driven("the containers of a pod share its address and its published port", async (podman) => {
  const infra = ["--infra-image", IMAGE, "--infra-command", "/bin/sleep 1000", "--cgroup-parent", CGROUP_PARENT];
  await must(podman.podman(["pod", "create", "--name", "pod", "--hostname", "pod-host", "--publish", "8080:80", ...infra]));
  await must(podman.podman(["run", "--detach", "--pod", "pod", "--name", "web", ...SERVER]));
  assert.is(await fetch(podman, "neighbour", `${OWN_ADDRESS}:8080`), "pod-host");
  assert.is(await must(podman.podman(["run", "--rm", "--pod", "pod", IMAGE, "sh", "-c", "until wget -q -O - http://127.0.0.1/page 2>/dev/null; do sleep 0.1; done"])), "pod-host");
  await must(podman.podman(["pod", "kill", "pod"]));
  await must(podman.podman(["pod", "start", "pod"]));
  assert.is(await fetch(podman, "neighbour", `${OWN_ADDRESS}:8080`), "pod-host");
  await must(podman.podman(["pod", "rm", "--force", "--time", "0", "pod"]));
});

test.run();
