import { suite } from "uvu";
import * as assert from "uvu/assert";
import { configOf, opsOf, planOf, stepsOf } from "../../test/plan-cases.ts";
import { ConfigError } from "../errors.ts";

const test = suite("plan/seccomp");

const FILTER = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
const HOST = { compileSeccomp: () => FILTER };

function notify(...names: string[]): object {
  return { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/run/l", syscalls: [{ names, action: "SCMP_ACT_NOTIFY" }] };
}

test("loadFilter() loads what the host compiled, without a gate where nobody listens", () => {
  const plan = planOf(configOf({ linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW" } } }), { host: HOST });
  assert.equal(stepsOf(plan, "seccomp").map(({ filter, listener }) => [filter, listener]), [[FILTER, undefined]]);
  assert.equal(stepsOf(plan, "gate").map(({ name }) => name), ["created"]);
});

test("loadFilter() hands the listener over before the container is created", () => {
  const plan = planOf(configOf({ linux: { seccomp: notify("chmod") } }), { host: HOST });
  assert.is(stepsOf(plan, "seccomp")[0]?.listener, "listener");
  assert.equal(opsOf(plan, "seccomp", "gate", "seccomp_listener"), ["seccomp", "gate", "seccomp_listener", "gate"]);
  assert.equal(stepsOf(plan, "gate").map(({ name, send }) => [name, send]), [["seccomp", "listener"], ["created", undefined]]);
});

test("seccompPlan() refuses to notify of a call that init needs to send the listener", () => {
  let thrown: unknown;
  try {
    planOf(configOf({ linux: { seccomp: notify("sendmsg") } }), { host: HOST });
  } catch (error) {
    thrown = error;
  }
  assert.instance(thrown, ConfigError);
  assert.equal((thrown as ConfigError).problems.map(({ pointer, message }) => [pointer, message]), [
    ["/linux/seccomp/syscalls", 'must not give SCMP_ACT_NOTIFY to "sendmsg", which init needs to send the listener'],
  ]);
});

test("seccompPlan() compiles nothing for a config without a process", () => {
  const compileSeccomp = (): Uint8Array => {
    throw new Error("compiled");
  };
  const config = configOf({ process: undefined, linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW" } } });
  assert.equal(opsOf(planOf(config, { host: { compileSeccomp } }), "seccomp"), []);
});

test.run();
