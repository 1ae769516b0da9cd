import { suite } from "uvu";
import * as assert from "uvu/assert";
import { configOf, namespaces, opsOf, planOf, stepsOf } from "../../test/plan-cases.ts";
import type { Planning } from "../../test/plan-cases.ts";
import type { Plan } from "./step.ts";

const test = suite("plan/terminal");

function withTerminal(process: object = {}, options: Planning = {}, types = ["mount"]): Plan {
  return planOf(configOf({ process: { terminal: true, ...process }, linux: { namespaces: namespaces(...types) } }), options);
}

function size(plan: Plan): unknown {
  return stepsOf(plan, "pty").map(({ rows, columns }) => [rows, columns])[0];
}

test("terminal() begins a session for every container", () => {
  assert.equal(opsOf(planOf(configOf()), "setsid", "pty", "stdio"), ["setsid"]);
});

test("terminal() hands the master over before the streams are the slave's", () => {
  const ops = opsOf(withTerminal(), "setsid", "pty", "console", "controlling_terminal", "stdio");
  assert.equal(ops, ["setsid", "pty", "console", "stdio", "controlling_terminal"]);
});

test("terminal() has the size of the config, else the caller's, else none", () => {
  const terminalSize = { height: 3, width: 4 };
  assert.equal(size(withTerminal({ consoleSize: { height: 1, width: 2 } }, { terminalSize })), [1, 2]);
  assert.equal(size(withTerminal({}, { terminalSize })), [3, 4]);
  assert.equal(size(withTerminal()), [0, 0]);
});

test("terminal() binds /dev/console by descriptor, but never into a mount namespace that is not new", () => {
  const console = (types: string[]): boolean => stepsOf(withTerminal({}, {}, types), "open_target").some(({ path }) => path === "/dev/console");
  assert.equal([console(["mount"]), console([])], [true, false]);
});

test("terminal() comes before the masks, which may cover /dev/pts", () => {
  const config = configOf({ process: { terminal: true }, linux: { maskedPaths: ["/dev/pts"] } });
  assert.equal(opsOf(planOf(config), "pty", "mask"), ["pty", "mask"]);
});

test.run();
