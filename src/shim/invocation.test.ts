/** parseInvocation(): the command lines of every containerd. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { groupOf, pathOfAddress, socketName } from "./address.ts";
import { parseInvocation } from "./invocation.ts";

const test = suite("invocation");

test("parseInvocation() reads start as containerd 1.6 to 2.2 call it", () => {
  const line = "-namespace k8s.io -address /run/c.sock -publish-binary /usr/bin/containerd -id c1 start";
  const { action, namespace, address, publishBinary, id, debug } = parseInvocation(line.split(" "));
  assert.equal([action, namespace, address, publishBinary, id, debug], ["start", "k8s.io", "/run/c.sock", "/usr/bin/containerd", "c1", false]);
});

test("parseInvocation() reads delete with its bundle, and -debug", () => {
  const { action, bundle, debug } = parseInvocation("-namespace n -id c -bundle /b -debug delete".split(" "));
  assert.equal([action, bundle, debug], ["delete", "/b", true]);
});

test("parseInvocation() takes two dashes and =, and an id that is an action's name", () => {
  const { id, namespace, action } = parseInvocation(["--id=start", "--namespace", "delete", "start"]);
  assert.equal([id, namespace, action], ["start", "delete", "start"]);
});

test("parseInvocation() ignores flags of the future", () => {
  const { action, id } = parseInvocation(["-id", "c", "-sandboxer", "x", "-new=1", "start"]);
  assert.equal([action, id], ["start", "c"]);
});

test("parseInvocation() knows -info and -v, which have no action", () => {
  assert.is(parseInvocation(["-info"]).info, true);
  assert.is(parseInvocation(["-v"]).version, true);
  assert.is(parseInvocation([]).action, undefined);
});

test("groupOf() is the id, a custom group, the pod, or the shared shim", () => {
  const pod = { "io.kubernetes.cri.sandbox-id": "pod" };
  const shared = { "io.containerd.tsrun.v1.shared": "true" };
  assert.equal(groupOf("c", {}), { group: "c", isShared: false });
  assert.equal(groupOf("c", pod), { group: "pod", isShared: false });
  assert.equal(groupOf("c", { "io.containerd.runc.v2.group": "g", ...pod }), { group: "g", isShared: false });
  assert.equal(groupOf("c", { ...pod, ...shared }), { group: "@shared", isShared: true });
  assert.equal(groupOf("c", pod, true), { group: "@shared", isShared: true });
  assert.equal(groupOf("c", { "io.containerd.tsrun.v1.shared": "false" }), { group: "c", isShared: false });
});

test("socketName() is what containerd's own shims hash", () => {
  assert.is(socketName("/run/containerd/containerd.sock", "default", "c1"), "/run/containerd/containerd.sock/default/c1");
});

test("pathOfAddress() takes an address with and without its scheme", () => {
  assert.is(pathOfAddress("unix:///run/s"), "/run/s");
  assert.is(pathOfAddress("/run/s"), "/run/s");
});

test.run();
