import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CgroupError, ConfigError, HookError, InitError, StatusError, StepError, SystemError } from "../errors.ts";
import type { Plan } from "../plan/step.ts";
import { telling, withPlaces } from "./telling.ts";

const test = suite("container/telling");

const AT = "/linux/namespaces/1/path";

/** The error that a step of the runtime's becomes. */
function told(error: unknown, step: object = { at: AT }): Promise<unknown> {
  const plan = { steps: [{ by: "runtime", op: "open", what: "open the namespace", ...step }], warnings: [] } as unknown as Plan;
  const place = (pointer: string): object => ({ pointer, line: 7, column: 3 });
  return telling({ purpose: "create the container", plan, place: place as never, cgroup: () => [], warn: () => undefined }).stepFailed(0, error);
}

for (const Class of [InitError, HookError, CgroupError]) {
  test(`stepFailed() adds the place to a ${Class.name}`, async () => {
    const error = await told(new Class("cannot do it"));
    assert.instance(error, Class);
    assert.is((error as Error).message, `cannot do it (config.json:7:3 ${AT})`);
  });
}

test("stepFailed() makes a failed system call the step's error", async () => {
  const error = await told(new SystemError("open the namespace", "ENOENT", "ENOENT: no such file or directory"));
  assert.instance(error, StepError);
  assert.match((error as Error).message, `cannot open the namespace: ENOENT: no such file or directory (config.json:7:3 ${AT})`);
});

test("stepFailed() leaves alone what has no place, or has words of its own", async () => {
  const init = new InitError("cannot do it");
  assert.is(await told(init, {}), init);
  const other = new StatusError("id", "running", "start");
  assert.is(await told(other), other);
});

test("withPlaces() tells where in the text the values are that a plan refuses, or the nearest around them", () => {
  const bytes = new TextEncoder().encode('{\n  "linux": {\n    "seccomp": {}\n  }\n}');
  const problems = ["/linux/seccomp", "/linux/resources/pids"].map((pointer) => ({ pointer, message: "must not be" }));
  const refuse = (): never => {
    throw new ConfigError("config.json", problems);
  };
  assert.throws(() => withPlaces(bytes, refuse), /must not be \(config\.json:3:16 \/linux\/seccomp\)[^]*must not be \(config\.json:2:12 \/linux\/resources\/pids\)/);
  assert.is(withPlaces(bytes, () => 5), 5);
});

test.run();
