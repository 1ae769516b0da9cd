import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MAPS, configOf, namespaces, opsOf, planOf, shown, stepsOf } from "../../test/plan-cases.ts";

const test = suite("plan/identity");

const SECCOMP = { defaultAction: "SCMP_ACT_ALLOW" };
const SYS_ADMIN = 1n << 21n;
const CHOWN = 1n;

function capabilities(...names: string[]): object {
  return { bounding: names, permitted: names, effective: names, inheritable: names, ambient: names };
}

test("dropIdentity() drops the bounding set before the user, and capabilities after him", () => {
  const plan = planOf(configOf({ process: { capabilities: capabilities("CAP_CHOWN"), noNewPrivileges: true }, linux: { seccomp: SECCOMP } }));
  const ops = opsOf(plan, "umask", "cwd", "fchown_stdio", "capbset_drop", "setgroups", "setresgid", "setresuid", "prctl", "capset", "ambient", "lookup", "seccomp");
  assert.equal(ops, [
    "umask", "umask", "cwd", "fchown_stdio", "capbset_drop", "setgroups", "setresgid", "prctl", "setresuid", "capset", "ambient", "cwd", "prctl", "lookup", "seccomp",
  ]);
});

test("dropIdentity() loads the filter last, without a way back where no_new_privs is set", () => {
  const plan = planOf(configOf({ process: { noNewPrivileges: true }, linux: { seccomp: SECCOMP } }));
  const after = plan.steps.slice(plan.steps.findIndex(({ op }) => op === "seccomp") + 1);
  assert.equal(after.map(({ op }) => op), ["try_fifo", "gate", "open_fifo", "execve"]);
});

test("dropIdentity() keeps CAP_SYS_ADMIN until a filter is loaded without no_new_privs, and drops it then", () => {
  const plan = planOf(configOf({ process: { capabilities: capabilities("CAP_CHOWN") }, linux: { seccomp: SECCOMP } }));
  const [before, after] = stepsOf(plan, "capset");
  assert.equal([before?.effective, before?.permitted, before?.inheritable], [CHOWN | SYS_ADMIN, CHOWN | SYS_ADMIN, CHOWN]);
  assert.equal([after?.effective, after?.permitted], [CHOWN, CHOWN]);
  assert.equal(opsOf(plan, "capset", "seccomp", "ambient"), ["capset", "ambient", "seccomp", "capset"]);
});

test("dropIdentity() drops nothing again that the program has anyway", () => {
  const plan = planOf(configOf({ process: { capabilities: capabilities("CAP_SYS_ADMIN") }, linux: { seccomp: SECCOMP } }));
  assert.equal(opsOf(plan, "capset", "seccomp"), ["capset", "seccomp"]);
});

test("dropIdentity() drops again what is permitted, but not effective", () => {
  const sets = { bounding: ["CAP_SYS_ADMIN"], permitted: ["CAP_SYS_ADMIN"] };
  const plan = planOf(configOf({ process: { capabilities: sets }, linux: { seccomp: SECCOMP } }));
  assert.equal(stepsOf(plan, "capset").map(({ effective, permitted }) => [effective, permitted]), [[SYS_ADMIN, SYS_ADMIN], [0n, SYS_ADMIN]]);
});

test("dropIdentity() takes every capability from a process that lists none", () => {
  const plan = planOf(configOf());
  assert.is(shown(stepsOf(plan, "capbset_drop")[0]), "capbset_drop(keep=0x0)");
  assert.is(shown(stepsOf(plan, "capset")[0]), "capset(effective=0x0, permitted=0x0, inheritable=0x0)");
  assert.equal(opsOf(plan, "ambient"), []);
});

test("dropIdentity() sets the groups, even to none, but not where the kernel forbids the call", () => {
  const groups = (uid: number, user: object, linux: object = {}): unknown => {
    const process = { user: { uid: 0, gid: 0, ...user } };
    return stepsOf(planOf(configOf({ process, linux }), { host: { uid } }), "setgroups").map(({ gids }) => gids);
  };
  const rootless = { namespaces: namespaces("mount", "user"), ...MAPS };
  assert.equal(groups(0, { additionalGids: [5, 6] }), [[5, 6]]);
  assert.equal(groups(0, {}), [[]]);
  assert.equal(groups(0, {}, rootless), [[]]);
  assert.equal(groups(1000, {}, rootless), []);
  assert.equal(groups(1000, { additionalGids: [5] }, rootless), [[5]]);
});

test("dropIdentity() looks for a home only where the environment has none, or an empty one", () => {
  const home = (env: string[]): string[] => opsOf(planOf(configOf({ process: { env } })), "home");
  assert.equal([home(["HOME=/x"]), home(["HOME="]), home([])], [[], ["home"], ["home"]]);
});

test("dropIdentity() sets the umask that is asked for, else 0022", () => {
  const last = (user: object): unknown => stepsOf(planOf(configOf({ process: { user: { uid: 0, gid: 0, ...user } } })), "umask").at(-1)?.mask;
  assert.equal([last({ umask: 0 }), last({ umask: 0o77 }), last({})], [0, 0o77, 0o22]);
});

test("dropIdentity() enters the working directory twice: what root may not reach, the user may", () => {
  const cwd = stepsOf(planOf(configOf({ process: { cwd: "/w" } })), "cwd").map(shown);
  assert.equal(cwd, ['cwd(path="/w", make=false, attempt=true)', 'cwd(path="/w", make=false, attempt=false)']);
});

test("dropIdentity() does nothing without a process", () => {
  assert.equal(opsOf(planOf(configOf({ process: undefined })), "setresuid", "capset", "seccomp"), []);
});

test.run();
