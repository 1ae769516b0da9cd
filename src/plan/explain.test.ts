import { suite } from "uvu";
import * as assert from "uvu/assert";
import { configOf, planOf } from "../../test/plan-cases.ts";
import { explainJson, explainText } from "./explain.ts";
import { init, runtime } from "./step.ts";

const test = suite("plan/explain");

test("explainText() prints a reason once, with its place, and each step with its number", () => {
  const steps = [
    ...init([{ op: "setsid" }, { op: "lo_up" }], { at: "/x", what: "do it" }),
    runtime({ op: "console", what: "end it" }),
  ];
  assert.is(
    explainText({ steps, warnings: [] }),
    "# do it  (config.json /x)\n0 init    setsid()\n1 init    lo_up()\n\n# end it\n2 runtime console()\n",
  );
});

test("explainText() prints numbers as their readers know them", () => {
  const steps = [
    ...init([
      { op: "unshare", flags: 0x10000000 },
      { op: "mknod", root: "r", path: "/p", mode: 0o20666, major: 1, minor: 3, uid: 0, gid: 0 },
      { op: "capset", effective: 31n, permitted: 0n, inheritable: 0n },
      { op: "seccomp", filter: new Uint8Array(80), flags: 4 },
      { op: "execve", args: ["a b", "\n"], env: [] },
    ]),
  ];
  assert.equal(explainText({ steps, warnings: [] }).trim().split("\n"), [
    "0 init    unshare(flags=0x10000000)",
    '1 init    mknod(root="r", path="/p", mode=020666, major=1, minor=3, uid=0, gid=0)',
    "2 init    capset(effective=0x1f, permitted=0x0, inheritable=0x0)",
    "3 init    seccomp(filter=<80 bytes>, flags=0x4)",
    '4 init    execve(args=["a b","\\n"], env=[])',
  ]);
});

test("explainText() keeps long text short", () => {
  const [line = ""] = explainText({ steps: init([{ op: "chdir", path: "x".repeat(100) }]), warnings: [] }).split("\n");
  assert.is(line, `0 init    chdir(path="${"x".repeat(60)}…")`);
});

test("explainText() never breaks a line, whatever a config says", () => {
  const text = explainText(planOf(configOf({ process: { args: ["a\nb"], cwd: "/x\ny" }, annotations: { "a\n": "b\n" } })));
  for (const line of text.split("\n")) assert.match(line, /^(# .*|\s*\d+ (init {3}|runtime) \w+\(.*\)|)$/);
});

test("explainJson() holds every step and warning, bytes in base64, big integers as text", () => {
  const steps = init([{ op: "write", fd: "x", data: new Uint8Array([1, 2]) }, { op: "ambient", set: 1n << 40n }], { at: "/a" });
  const warnings = [{ pointer: "/b", message: "w" }];
  const text = explainJson({ steps, warnings });
  assert.ok(text.endsWith("}\n"));
  assert.equal(JSON.parse(text), {
    steps: [
      { by: "init", op: "write", fd: "x", data: { base64: "AQI=" }, at: "/a" },
      { by: "init", op: "ambient", set: `${1n << 40n}`, at: "/a" },
    ],
    warnings,
  });
});

test("explainJson() has as many steps as explainText() numbers", () => {
  const plan = planOf(configOf({ linux: { maskedPaths: ["/a"] } }));
  const { steps } = JSON.parse(explainJson(plan)) as { steps: unknown[] };
  const numbers = [...explainText(plan).matchAll(/^\s*(\d+) /gm)].map(([, number]) => Number(number));
  assert.equal(numbers, steps.map((_, index) => index));
});

test.run();
