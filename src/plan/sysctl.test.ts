import { suite } from "uvu";
import * as assert from "uvu/assert";
import { configOf, namespaces, planOf, stepsOf } from "../../test/plan-cases.ts";

const test = suite("plan/sysctl");

const NAMESPACES = namespaces("mount", "network", "ipc", "uts");

for (const [key, path, at] of [
  ["net.ipv4.ip_forward", "sys/net/ipv4/ip_forward", "/linux/sysctl/net.ipv4.ip_forward"],
  ["net/ipv4/conf/eth0.1/forwarding", "sys/net/ipv4/conf/eth0.1/forwarding", "/linux/sysctl/net~1ipv4~1conf~1eth0.1~1forwarding"],
  ["kernel.shm_rmid_forced", "sys/kernel/shm_rmid_forced", "/linux/sysctl/kernel.shm_rmid_forced"],
] as const) {
  test(`sysctls() writes "${key}" below init's own procfs`, () => {
    const config = configOf({ linux: { namespaces: NAMESPACES, sysctl: { [key]: "1 2" } } });
    const steps = stepsOf(planOf(config), "write_proc").map((step) => [step.proc, step.path, step.data, step.at]);
    assert.equal(steps, [["proc", path, "1 2", at]]);
  });
}

test("sysctls() goes by the host's /proc where AppArmor judges by paths", () => {
  const config = configOf({ linux: { namespaces: NAMESPACES, sysctl: { "net.ipv4.ip_forward": "1" } } });
  const plan = planOf(config, { host: { isConfined: () => true } });
  assert.equal(stepsOf(plan, "write_proc"), []);
  const opened = plan.steps.findIndex((step) => step.op === "openat2" && step.path === "/proc/sys/net/ipv4/ip_forward");
  const left = plan.steps.findIndex(({ op }) => op === "pivot_root");
  assert.ok(opened > 0 && opened < left);
  const [write] = plan.steps.slice(opened + 1);
  assert.equal(write?.op === "write" && [write.fd, write.data], ["sysctl", "1"]);
});

test.run();
