/** podman's user namespaces: those that it chooses by itself, and all that an ordinary user runs. */

import * as assert from "uvu/assert";
import { must, until } from "./engine.ts";
import { needs, suite } from "./harness.ts";
import { IMAGE } from "./image.ts";
import { driven as drivenBy } from "./podman.ts";
import type { Podman } from "./podman.ts";

const test = suite("podman-users");

function driven(title: string, body: (podman: Podman) => Promise<void>): void {
  drivenBy(test, title, body, { hasNetwork: true, storage: 'root-auto-userns-user = "nobody"\nauto-userns-min-size = 1024' });
}

driven("--userns=auto gives each container ids of its own", async (podman) => {
  const script = "cat /proc/self/uid_map; id -u; touch /volume/file; stat -c %u /volume/file; ls /sys/class/net; sleep 100";
  const seen: string[][] = [];
  for (const name of ["one", "two"]) {
    await must(podman.run(["--detach", "--name", name, "--userns", "auto:size=2000", "--volume", `${name}:/volume:U`, IMAGE, "sh", "-c", script]));
    const logs = async (): Promise<string[]> => (await podman.podman(["logs", name])).stdout.split(/\s+/).filter((word) => word !== "");
    await until(async () => (await logs()).includes("lo"), () => `"${name}" says nothing`);
    seen.push(await logs());
  }
  const [one = [], two = []] = seen;
  assert.equal([one[0], one[2], ...one.slice(3)], ["0", "2000", "0", "0", "eth0", "lo"]);
  assert.equal([two[0], two[2], ...two.slice(3)], ["0", "2000", "0", "0", "eth0", "lo"]);
  assert.ok(Math.abs(Number(one[1]) - Number(two[1])) >= 2000, `${one[1]} and ${two[1]}`);
  assert.is(await must(podman.podman(["exec", "one", "sh", "-c", "echo $(cat /proc/self/uid_map) $(id -u)"])), `0 ${one[1]} 2000 0`);
});

driven("an ordinary user's containers run, are entered, and end", async (podman) => {
  needs("setpriv", "newuidmap");
  await podman.asUser(async (user) => {
    await must(user(["load", "--quiet", "--input", podman.image]));
    const run = ["run", "--network", "none"];
    const { status, stdout } = await user([...run, "--rm", "--userns", "keep-id", IMAGE, "sh", "-c", "id -u; id -g; touch /home/file 2>/dev/null || echo refused; exit 7"]);
    assert.equal([status, stdout], [7, "65534\n65534\nrefused\n"]);
    await must(user([...run, "--detach", "--name", "one", "--volume", "named:/volume", IMAGE, "sh", "-c", "id -u; touch /volume/file; ls -l /dev/null | cut -c1; trap 'exit 5' TERM; sleep 100 & wait"]));
    await until(async () => (await user(["logs", "one"])).stdout === "0\nc\n", () => "it does not begin");
    assert.is(await must(user(["exec", "--user", "1000", "one", "id", "-u"])), "1000");
    assert.is((await user(["exec", "one", "none"])).status, 127);
    await until(async () => /sleep 100/.test(await must(user(["top", "one"]))), () => "its child does not begin");
    await must(user(["stop", "one"]));
    assert.is(await must(user(["inspect", "--format", "{{.State.ExitCode}}", "one"])), "5");
    await must(user(["start", "one"]));
    await must(user(["kill", "one"]));
    assert.is(await must(user(["wait", "one"])), "137");
    await must(user(["rm", "one"]));
  });
});

test.run();
