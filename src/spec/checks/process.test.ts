import { suite } from "uvu";
import * as assert from "uvu/assert";
import { accepts, configWith, problemsOf, refuses } from "../../../test/config-cases.ts";
import { ConfigError } from "../../errors.ts";
import { parseProcess } from "../parse.ts";

const test = suite("spec/checks: process");

refuses(test, "checkProcessFields()", [
  { name: "a relative cwd", set: "/process/cwd", value: "x", message: 'must be an absolute path, got "x"' },
  { name: "no cwd", set: "/process/cwd", pointer: "/process", message: '"cwd" is required' },
  { name: "no args", set: "/process/args", pointer: "/process", message: '"args" is required' },
  { name: "empty args", set: "/process/args", value: [], message: "must have at least 1 entry" },
  { name: "an empty program", set: "/process/args/0", value: "", message: "must not be empty" },
  { name: "a number in args", set: "/process/args/1", value: 5, message: "must be a string, got 5" },
  { name: "an entry of env without =", set: "/process/env/0", value: "A", message: 'must be NAME=value, got "A"' },
  { name: "a user without uid", set: "/process/user/uid", pointer: "/process/user", message: '"uid" is required' },
  { name: "a user without gid", set: "/process/user/gid", pointer: "/process/user", message: '"gid" is required' },
  {
    name: "a uid as text, and tells it once",
    set: "/process/user/uid",
    value: "0",
    message: 'must be an integer, got "0"',
  },
  {
    name: "a umask above 0777",
    set: "/process/user/umask",
    value: 512,
    message: "must be at most 511 (0777), got 512",
  },
  {
    name: "an oomScoreAdj below -1000",
    set: "/process/oomScoreAdj",
    value: -1001,
    message: "must be between -1000 and 1000, got -1001",
  },
  {
    name: "a console that is too wide",
    with: { "/process/terminal": true },
    set: "/process/consoleSize",
    value: { height: 24, width: 65536 },
    pointer: "/process/consoleSize/width",
    message: "must be at most 65535, got 65536",
  },
]);
refuses(test, "checkProcessFields()", [
  {
    name: "the id that is none",
    with: { "/linux": { namespaces: [{ type: "uts" }] } },
    set: "/process/user/gid",
    value: 4294967295,
    message: "must be below 4294967295, which is not an id",
  },
  {
    name: "the id that is none as a further group",
    with: { "/linux": { namespaces: [{ type: "uts" }] } },
    set: "/process/user/additionalGids",
    value: [1, 4294967295],
    pointer: "/process/user/additionalGids/1",
    message: "must be below 4294967295, which is not an id",
  },
]);
accepts(test, "checkProcessFields()", {
  "no process: it can be created, though not started": { "/process": undefined },
  "no user": { "/process/user": undefined },
  "a console of any size without a terminal": { "/process/consoleSize": { height: 1, width: 100000 } },
  "an unknown capability, which is a warning": { "/process/capabilities": { bounding: ["CAP_FLY"] } },
});

refuses(test, "checkRlimits()", [
  {
    name: "an unknown limit, and tells what was meant",
    set: "/process/rlimits",
    value: [{ type: "RLIMIT_NOFILES", soft: 1, hard: 1 }],
    pointer: "/process/rlimits/0/type",
    message: 'unknown limit "RLIMIT_NOFILES"',
    hint: 'did you mean "RLIMIT_NOFILE"?',
  },
  {
    name: "a limit twice",
    set: "/process/rlimits",
    value: [1, 2].map((soft) => ({ type: "RLIMIT_CORE", soft, hard: 2 })),
    pointer: "/process/rlimits/1/type",
    message: 'the limit "RLIMIT_CORE" is given twice',
  },
  {
    name: "a soft limit above the hard one",
    set: "/process/rlimits",
    value: [{ type: "RLIMIT_CPU", soft: 3, hard: 2 }],
    pointer: "/process/rlimits/0/soft",
    message: 'must not be above "hard", which is 2, got 3',
  },
  {
    name: "a limit without soft, and goes on with the others",
    set: "/process/rlimits",
    value: [{ type: "RLIMIT_CPU", hard: 2 }],
    pointer: "/process/rlimits/0",
    message: '"soft" is required',
  },
]);

const SCHEDULER = "/process/scheduler";
refuses(test, "checkScheduling()", [
  {
    name: "a nice value out of range",
    set: SCHEDULER,
    value: { policy: "SCHED_OTHER", nice: 20 },
    pointer: `${SCHEDULER}/nice`,
    message: "must be between -20 and 19, got 20",
  },
  {
    name: "a real-time policy without a priority",
    set: SCHEDULER,
    value: { policy: "SCHED_FIFO" },
    message: 'the policy "SCHED_FIFO" needs a "priority" between 1 and 99, got 0',
  },
  {
    name: "a priority where there is none",
    set: SCHEDULER,
    value: { policy: "SCHED_BATCH", priority: 1 },
    pointer: `${SCHEDULER}/priority`,
    message: 'the policy "SCHED_BATCH" takes no priority: only SCHED_FIFO and SCHED_RR do',
  },
  {
    name: "a deadline where there is none",
    set: SCHEDULER,
    value: { policy: "SCHED_OTHER", deadline: 1 },
    pointer: `${SCHEDULER}/deadline`,
    message: 'the policy "SCHED_OTHER" takes no deadline: only SCHED_DEADLINE does',
  },
  {
    name: "a deadline policy without a runtime",
    set: SCHEDULER,
    value: { policy: "SCHED_DEADLINE", deadline: 1 },
    message: 'the policy "SCHED_DEADLINE" needs a "runtime" and a "deadline" above 0',
  },
  {
    name: "a runtime above the deadline",
    set: SCHEDULER,
    value: { policy: "SCHED_DEADLINE", runtime: 3, deadline: 2, period: 4 },
    pointer: `${SCHEDULER}/runtime`,
    message: 'must not be above "deadline", which is 2, got 3',
  },
  {
    name: "a deadline above the period",
    set: SCHEDULER,
    value: { policy: "SCHED_DEADLINE", runtime: 1, deadline: 5, period: 4 },
    pointer: `${SCHEDULER}/deadline`,
    message: 'must not be above "period", which is 4, got 5',
  },
  {
    name: "an I/O priority above 7",
    set: "/process/ioPriority",
    value: { class: "IOPRIO_CLASS_BE", priority: 8 },
    pointer: "/process/ioPriority/priority",
    message: "must be between 0 and 7, got 8",
  },
  {
    name: "an I/O class without a priority",
    set: "/process/ioPriority",
    value: { class: "IOPRIO_CLASS_BE" },
    message: '"priority" is required',
  },
  {
    name: "a startContainer hook that a deadline policy could not fork",
    with: { "/hooks/startContainer": [{ path: "/bin/true" }] },
    set: SCHEDULER,
    value: { policy: "SCHED_DEADLINE", runtime: 1, deadline: 2 },
    message: 'a process under "SCHED_DEADLINE" cannot fork the hooks of "hooks.startContainer"',
    hint: 'add "SCHED_FLAG_RESET_ON_FORK" to its "flags"',
  },
  {
    name: "an affinity that runs backwards",
    set: "/process/execCPUAffinity",
    value: { initial: "0,3-1" },
    pointer: "/process/execCPUAffinity/initial",
    message: 'the range "3-1" runs backwards',
  },
]);
accepts(test, "checkScheduling()", {
  "a deadline policy": { [SCHEDULER]: { policy: "SCHED_DEADLINE", runtime: 1, deadline: 2, period: 0 } },
  "a startContainer hook under a deadline policy that is reset on fork": {
    [SCHEDULER]: { policy: "SCHED_DEADLINE", runtime: 1, deadline: 2, flags: ["SCHED_FLAG_RESET_ON_FORK"] },
    "/hooks/startContainer": [{ path: "/bin/true" }],
  },
  "zeros as unset": { [SCHEDULER]: { policy: "SCHED_OTHER", priority: 0, runtime: 0 } },
});

test("parseProcess() judges a process alone, with pointers that begin at it", () => {
  assert.equal(parseProcess('{"cwd":"/","args":["sh"]}'), { cwd: "/", args: ["sh"] });
  const judge = (): unknown => parseProcess('{\n "cwd": "x", "args": ["sh"], "terminal": 1}');
  assert.throws(judge, (error: unknown) => {
    assert.instance(error, ConfigError);
    assert.equal((error as ConfigError).problems, [
      { pointer: "/cwd", line: 2, column: 9, message: 'must be an absolute path, got "x"' },
      { pointer: "/terminal", line: 2, column: 42, message: "must be true or false, got 1" },
    ]);
    return true;
  });
});

test("parseProcess() keeps big limits exact", () => {
  const process = parseProcess(
    '{"cwd":"/","args":["sh"],"rlimits":[{"type":"RLIMIT_CPU","soft":1,"hard":18446744073709551615}]}',
  );
  assert.is(process.rlimits?.[0]?.hard, 18446744073709551615n);
});

test("checkProcessFields() and the schema tell all problems of one process together", () => {
  const text = JSON.stringify(configWith({ "/process/cwd": "x", "/process/args": "sh", "/process/oomScoreAdj": 5000 }));
  assert.equal(problemsOf(text).map((problem) => problem.pointer), ["/process/cwd", "/process/args", "/process/oomScoreAdj"]);
});

test.run();
