/** What config.json must have: a property that is REQUIRED and missing is an error (config.md, config-linux.md). */

import type { Change } from "./containers.ts";
import { missing, refusesAll, set, wrong } from "./refusals.ts";
import type { Wrong } from "./refusals.ts";
import { suite } from "./suite.ts";

const test = suite("required");

const rlimits: Change = (config) => set(config, "/process/rlimits", [{ type: "RLIMIT_NOFILE", soft: 10, hard: 10 }]);
const userNamespace: Change = (config) => {
  config.linux.namespaces.push({ type: "user" });
  for (const ids of ["uid", "gid"]) set(config, `/linux/${ids}Mappings`, [{ containerID: 0, hostID: 1000, size: 10 }]);
};
const idmapped: Change = (config) => {
  const mapping = (): object[] => [{ containerID: 0, hostID: 1000, size: 10 }];
  set(config, "/mounts/1", { destination: "/mnt", source: "/tmp", options: ["bind", "idmap"], uidMappings: mapping(), gidMappings: mapping() });
};
const consoleSize: Change = (config) => {
  config.process.terminal = true;
  set(config, "/process/consoleSize", { height: 10, width: 20 });
};
const hooks = (point: string): Wrong => wrong(`/hooks/${point}/0`, { args: ["true"] });
const ofBoth = (field: string): Wrong[] => ["uid", "gid"].map((ids) => missing(`/linux/${ids}Mappings/0/${field}`, userNamespace));

const ROWS: Readonly<Record<string, readonly Wrong[]>> = {
  "TOP-01 ociVersion": [missing("/ociVersion")],
  "ROOT-01 TOP-02 root": [missing("/root")],
  "ROOT-02 root.path": [missing("/root/path")],
  "MNT-02 mounts[].destination": [missing("/mounts/0/destination")],
  "MNT-08 containerID, hostID or size of a mount's mapping": ["uid", "gid"].flatMap((ids) =>
    ["containerID", "hostID", "size"].map((field) => missing(`/mounts/1/${ids}Mappings/0/${field}`, idmapped)),
  ),
  "PRC-04 consoleSize.height": [missing("/process/consoleSize/height", consoleSize)],
  "PRC-05 consoleSize.width": [missing("/process/consoleSize/width", consoleSize)],
  "PRC-06 process.cwd": [missing("/process/cwd")],
  "PRC-08 process.args": [missing("/process/args")],
  "PRC-11 process.user.uid": [missing("/process/user/uid")],
  "PRC-12 process.user.gid": [missing("/process/user/gid")],
  "PRC-17 rlimits[].type": [missing("/process/rlimits/0/type", rlimits)],
  "PRC-18 rlimits[].soft": [missing("/process/rlimits/0/soft", rlimits)],
  "PRC-19 rlimits[].hard": [missing("/process/rlimits/0/hard", rlimits)],
  "PRC-30 scheduler.policy": [wrong("/process/scheduler", { nice: 3 }), wrong("/process/scheduler", {})],
  "PRC-39 ioPriority.class": [wrong("/process/ioPriority", { priority: 3 })],
  "PRC-40 ioPriority.priority": [wrong("/process/ioPriority", { class: "IOPRIO_CLASS_BE" })],
  "HK-02 a hook's path": ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"].map(hooks),
  "UM-03 containerID": ofBoth("containerID"),
  "UM-04 hostID": ofBoth("hostID"),
  "UM-05 size": ofBoth("size"),
};

for (const [name, cases] of Object.entries(ROWS)) {
  test(`${name} must be there`, (t) => refusesAll(t, cases));
}

test.run();
