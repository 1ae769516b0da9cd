/** docker's own networks: a bridge, published ports, names, and containers that share a network. */

import * as fs from "node:fs";
import * as assert from "uvu/assert";
import { driven as drivenBy } from "./docker.ts";
import type { Docker } from "./docker.ts";
import { must, until } from "./engine.ts";
import { suite } from "./harness.ts";
import { IMAGE } from "./image.ts";
import { NEIGHBOUR_ADDRESS, OWN_ADDRESS } from "./private-network.ts";
import type { Place } from "./private-network.ts";

const test = suite("docker-network");

function driven(title: string, body: (docker: Docker) => Promise<void>): void {
  drivenBy(test, title, body, { hasBridge: true });
}

/** A web server whose page tells where it runs. */
const SERVER = [IMAGE, "sh", "-c", "cp /etc/hostname /tmp/page; exec httpd -f -p 80 -h /tmp"];

async function fetch(docker: Docker, place: Place, address: string): Promise<string> {
  let text = "";
  const fetched = async (): Promise<boolean> => {
    const { status, stdout, stderr } = await docker.network.run(place, ["busybox", "wget", "-q", "-O", "-", `http://${address}/page`]);
    text = status === 0 ? stdout : stderr;
    return status === 0;
  };
  await until(fetched, () => `${place} cannot fetch from ${address}: ${text}`);
  return text.trim();
}

driven("a published port is reached from the host and from its neighbour, also after a restart", async (docker) => {
  await must(docker.run(["--detach", "--name", "web", "--hostname", "web-host", "--publish", "8080:80", "--publish", "127.0.0.1:8081:80/tcp", ...SERVER]));
  assert.match(await must(docker.docker(["port", "web"])), /^80\/tcp -> 0\.0\.0\.0:8080$/m);
  assert.is(await fetch(docker, "engine", "127.0.0.1:8080"), "web-host");
  assert.is(await fetch(docker, "engine", "127.0.0.1:8081"), "web-host");
  assert.is(await fetch(docker, "neighbour", `${OWN_ADDRESS}:8080`), "web-host");
  await must(docker.docker(["restart", "--time", "0", "web"]));
  assert.is(await fetch(docker, "neighbour", `${OWN_ADDRESS}:8080`), "web-host");
  await must(docker.docker(["rm", "--force", "web"]));
  const gone = await docker.network.run("neighbour", ["busybox", "wget", "-q", "-O", "-", `http://${OWN_ADDRESS}:8080/page`]);
  assert.is(gone.status, 1, gone.stderr);
});

driven("a container on the bridge has an address of its own, and reaches the world as the host", async (docker) => {
  // It writes down who asks.
  const page = "#!/bin/sh\\necho\\necho $REMOTE_ADDR";
  const serve = `mkdir -p cgi-bin && printf '${page}' > cgi-bin/page && chmod 755 cgi-bin/page && exec busybox httpd -f -p ${NEIGHBOUR_ADDRESS}:80 -h .`;
  docker.network.spawn("neighbour", ["sh", "-c", `cd "$1" && ${serve}`, "sh", docker.folder]);
  const ask = `until wget -q -O - http://${NEIGHBOUR_ADDRESS}/cgi-bin/page; do sleep 0.1; done`;
  assert.is(await must(docker.run(["--rm", IMAGE, "sh", "-c", ask])), OWN_ADDRESS);
  const files = ["sh", "-c", "ip -4 -o address show dev eth0; cat /etc/hosts /etc/resolv.conf; cat /proc/sys/net/ipv4/ip_unprivileged_port_start"];
  const settings = ["--hostname", "one", "--add-host", "friend:203.0.113.7", "--dns", "203.0.113.53", "--dns-search", "test", "--mac-address", "02:42:ac:11:00:99"];
  const seen = await must(docker.run(["--rm", ...settings, "--user", "1000", IMAGE, ...files]));
  assert.match(seen, / inet 172\.17\.0\.\d+\/16 /);
  assert.match(seen, /^203\.0\.113\.7\s+friend$/m);
  assert.match(seen, /^172\.17\.0\.\d+\s+one$/m);
  assert.match(seen, /^nameserver 203\.0\.113\.53$/m);
  assert.match(seen, /^search test$/m);
  // docker lets every user of a container take any port.
  assert.match(seen, /^0$/m);
});

driven("a network of containers' own knows them by name, and is joined and left while they run", async (docker) => {
  await must(docker.docker(["network", "create", "--subnet", "203.0.113.0/24", "own"]));
  await must(docker.run(["--detach", "--name", "web", "--network=own", "--network-alias", "page", "--ip", "203.0.113.9", ...SERVER]));
  await must(docker.run(["--detach", "--name", "client", "--network=none", IMAGE, "sleep", "100"]));
  const lookUp = (): ReturnType<typeof docker.docker> => docker.docker(["exec", "client", "nslookup", "page", "127.0.0.11"]);
  assert.is.not((await lookUp()).status, 0);
  await must(docker.docker(["network", "disconnect", "none", "client"]));
  await must(docker.docker(["network", "connect", "own", "client"]));
  assert.match(await must(lookUp()), /203\.0\.113\.9/);
  assert.match(await must(docker.docker(["exec", "client", "ip", "-4", "-o", "address"])), / 203\.0\.113\.\d+\/24 /);
  await must(docker.docker(["network", "disconnect", "own", "client"]));
  assert.not.match(await must(docker.docker(["exec", "client", "ip", "-4", "-o", "address"])), /203\.0\.113/);
  await must(docker.docker(["rm", "--force", "web", "client"]));
  await must(docker.docker(["network", "rm", "own"]));
});

driven("no network, the host's, and another container's", async (docker) => {
  const interfaces = ["ls", "/sys/class/net"];
  assert.is(await must(docker.run(["--rm", "--network=none", IMAGE, ...interfaces])), "lo");
  await must(docker.run(["--detach", "--name", "web", ...SERVER]));
  const namespace = ["readlink", "/proc/self/ns/net"];
  const [own, host] = [await must(docker.docker(["exec", "web", ...namespace])), fs.readlinkSync(docker.network.path)];
  assert.is.not(own, host);
  const shared = await must(docker.run(["--rm", "--network=container:web", IMAGE, "sh", "-c", `${namespace.join(" ")}; until wget -q -O - http://127.0.0.1/page 2>/dev/null; do sleep 0.1; done; hostname`]));
  const [seen, page, name] = shared.split("\n");
  assert.is(seen, own);
  // The host name and /etc/hosts come with the network.
  assert.is(name, page);
  assert.is(await must(docker.run(["--rm", "--network=host", IMAGE, ...namespace])), host);
});

test.run();
