import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MAPS, configOf, fakeHost, namespaces } from "../../test/plan-cases.ts";
import type { CapabilitySet, Config } from "../spec/config.ts";
import { planCapabilities } from "./capabilities.ts";
import type { CapabilityPlan } from "./capabilities.ts";
import { planContext } from "./context.ts";

const test = suite("plan/capabilities");

const [CHOWN, KILL] = [1n, 1n << 5n];

function plan(sets: Partial<Record<CapabilitySet, string[]>>, available = CHOWN | KILL, linux: object = {}): CapabilityPlan {
  const config: Config = configOf({ process: { capabilities: sets }, linux });
  const options = { id: "box", bundle: "/b", waitForStart: true, noPivot: false, noNewKeyring: false, environment: [] };
  return planCapabilities(planContext(config, fakeHost({ capabilities: () => available }), options));
}

test("planCapabilities() makes a bit of each name", () => {
  const planned = plan({ bounding: ["CAP_CHOWN", "CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"], inheritable: ["CAP_CHOWN"] });
  const { warnings, ...sets } = planned;
  assert.equal(sets, { bounding: CHOWN | KILL, permitted: KILL, effective: KILL, inheritable: CHOWN, ambient: 0n });
  assert.equal(warnings, []);
});

test("planCapabilities() leaves out what the runtime does not have, with a warning", () => {
  const { bounding, permitted, warnings } = plan({ bounding: ["CAP_CHOWN", "CAP_KILL"], permitted: ["CAP_KILL"] }, CHOWN);
  assert.equal([bounding, permitted], [CHOWN, 0n]);
  assert.equal(warnings, [
    { pointer: "/process/capabilities/bounding", message: "cannot grant CAP_KILL: the runtime does not have it" },
    { pointer: "/process/capabilities/permitted", message: "cannot grant CAP_KILL: the runtime does not have it" },
  ]);
});

test("planCapabilities() leaves out names that it does not know, and tells what was meant", () => {
  const { bounding, warnings } = plan({ bounding: ["CAP_CHOWN", "CAP_FLY", "CAP_NET_ADMN"] });
  assert.is(bounding, CHOWN);
  assert.equal(warnings, [
    { pointer: "/process/capabilities/bounding/1", message: 'unknown capability "CAP_FLY" is ignored' },
    { pointer: "/process/capabilities/bounding/2", message: 'unknown capability "CAP_NET_ADMN" is ignored', hint: 'did you mean "CAP_NET_ADMIN"?' },
  ]);
});

test("planCapabilities() grants only what the other sets allow", () => {
  const planned = plan({ bounding: ["CAP_CHOWN"], effective: ["CAP_CHOWN"], inheritable: ["CAP_KILL"], ambient: ["CAP_CHOWN"] });
  assert.equal([planned.effective, planned.inheritable, planned.ambient], [0n, 0n, 0n]);
  assert.is(planned.warnings.length, 3);
});

test("planCapabilities() knows that a user namespace begins with all there are", () => {
  const linux = { namespaces: namespaces("mount", "user"), ...MAPS };
  const { bounding, warnings } = plan({ bounding: ["CAP_KILL"] }, 0n, linux);
  assert.equal([bounding, warnings], [KILL, []]);
});

test.run();
