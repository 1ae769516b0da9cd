import { suite } from "uvu";
import * as assert from "uvu/assert";
import { configOf, opsOf, planOf, stepsOf } from "../../test/plan-cases.ts";
import type { Plan } from "./step.ts";

const test = suite("plan/hooks");

const HOOK = { path: "/bin/hook" };

function withHooks(hooks: Record<string, object[]>, more: Record<string, unknown> = {}): Plan {
  return planOf(configOf({ hooks, ...more }), { environment: ["CALLER=1"] });
}

test("runtimeHooks() has one gate for all, and runs prestart before createRuntime", () => {
  const plan = withHooks({ createRuntime: [HOOK, HOOK], prestart: [HOOK] });
  const gate = plan.steps.findIndex((step) => step.op === "gate" && step.name === "runtime-hooks");
  const runs = plan.steps.slice(gate + 1, gate + 4).map((step) => (step.op === "run_hook" ? `${step.point} ${step.index}` : step.op));
  assert.equal(runs, ["prestart 0", "createRuntime 0", "createRuntime 1"]);
});

test("plan() runs the hooks of create when the mounts are there and the root is not switched", () => {
  const mounts = [{ destination: "/t", type: "tmpfs" }];
  const ops = opsOf(withHooks({ createRuntime: [HOOK], createContainer: [HOOK], startContainer: [HOOK] }, { mounts }), "fsmount", "move_mount", "run_hook", "hook", "pivot_root", "gate", "open_fifo", "execve");
  assert.equal(ops.slice(ops.indexOf("run_hook")), ["run_hook", "hook", "pivot_root", "gate", "open_fifo", "hook", "execve"]);
  assert.ok(ops.lastIndexOf("move_mount") < ops.indexOf("run_hook"));
});

test("plan() has no steps for the hooks that run outside of it", () => {
  const plan = withHooks({ poststart: [HOOK], poststop: [HOOK] });
  assert.equal(opsOf(plan, "run_hook", "hook"), []);
  assert.equal(stepsOf(plan, "gate").map(({ name }) => name), ["created"]);
});

test("containerHooks() passes arguments, environment and timeout; the path is the first argument by default", () => {
  const [given, least] = stepsOf(withHooks({ createContainer: [{ ...HOOK, args: ["a", "b"], env: ["E=1"], timeout: 7 }, HOOK] }), "hook");
  assert.equal([given?.args, given?.env, given?.timeout], [["a", "b"], ["E=1"], 7]);
  assert.equal([least?.args, least?.env, least?.timeout], [["/bin/hook"], ["CALLER=1"], 0]);
});

test("startHooks() inherit the container's environment, not the caller's", () => {
  const [hook] = stepsOf(withHooks({ startContainer: [HOOK] }, { process: { env: ["IN=side"] } }), "hook");
  assert.equal(hook?.env, ["IN=side"]);
});

test("containerHooks() tell the state in two parts, between which init writes its pid", () => {
  const [hook] = stepsOf(withHooks({ createContainer: [HOOK] }, { annotations: { "a\"b": "c" } }), "hook");
  const state: unknown = JSON.parse(`${hook?.before}42${hook?.after}`);
  assert.equal(state, { ociVersion: "1.3.0", id: "box", status: "created", pid: 42, bundle: "/bundle", annotations: { "a\"b": "c" } });
});

test.run();
