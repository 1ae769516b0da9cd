import { suite } from "uvu";
import * as assert from "uvu/assert";
import { callerEnvironment, parseLaunch } from "./launch.ts";

const launch = suite("launch");
const text = "1 nofile=1024:1048576 ignored=0000000000001000 blocked=8000000000000001 fds=0-2,5,4095 cwd=/home/user";

launch("parseLaunch() reads every field", () => {
  assert.equal(parseLaunch(text), {
    nofile: { soft: 1024n, hard: 1048576n },
    ignoredSignals: 1n << 12n,
    blockedSignals: (1n << 63n) | 1n,
    fds: [0, 1, 2, 5, 4095],
    cwd: "/home/user",
  });
});

launch("parseLaunch() takes the working directory to the end of the text", () => {
  assert.is(parseLaunch(text.replace("/home/user", "/a b\ncwd=fds=9"))?.cwd, "/a b\ncwd=fds=9");
});

launch("parseLaunch() has no working directory where it had no path, and no descriptors where none was open", () => {
  const parsed = parseLaunch("1 nofile=0:18446744073709551615 ignored=0000000000000000 blocked=0000000000000000 fds=- cwd=");
  assert.is(parsed?.cwd, undefined);
  assert.equal(parsed?.fds, []);
  assert.is(parsed?.nofile.hard, 0xffffffffffffffffn);
});

for (const [what, wrong] of [
  ["another version", text.replace(/^1/, "2")],
  ["a missing field", text.replace(/ fds=\S+/, "")],
  ["a short mask", text.replace("0000000000001000", "1000")],
  ["a list that is not one", text.replace("0-2,5", "0-2,,5")],
  ["a range of three", text.replace("0-2,5", "0-2-5")],
  ["a range without an end", text.replace("0-2,5", "0-,5")],
  ["no list", text.replace("0-2,5,4095", "")],
  ["a limit that is no number", text.replace("1024", "0x10")],
  ["a third limit", text.replace("1048576", "1:2")],
  ["a mask in capitals", text.replace("0000000000001000", "000000000000A000")],
  ["a field more", text.replace(" cwd", " more=1 cwd")],
  ["an endless list", text.replace("0-2,5", "0-99999999")],
  ["nothing", ""],
] as const) {
  launch(`parseLaunch() refuses ${what}`, () => assert.is(parseLaunch(wrong), undefined));
}

launch("callerEnvironment() gives the caller's variables their names back and drops the launcher's", () => {
  const environment = {
    TSRUN_LAUNCH: text,
    BUN_JSC_useJIT: "0",
    HOME: "/root",
    TSRUN_CALLER_BUN_JSC_useJIT: "1",
    TSRUN_CALLER_NODE_OPTIONS: "",
  };
  assert.equal(callerEnvironment(environment), ["HOME=/root", "BUN_JSC_useJIT=1", "NODE_OPTIONS="]);
});

launch("callerEnvironment() leaves an environment alone that no launcher made", () => {
  const environment = { HOME: "/root", BUN_JSC_useJIT: "1", TSRUN_CALLER_X: "y" };
  assert.equal(callerEnvironment(environment), ["HOME=/root", "BUN_JSC_useJIT=1", "TSRUN_CALLER_X=y"]);
});

launch.run();
