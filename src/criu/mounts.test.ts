/** Which mounts criu is to leave alone, and what they are called. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ExternalMount } from "../plan/external-mounts.ts";
import { hostMounts, namesOf } from "./mounts.ts";

const test = suite("criu/mounts");

const RBIND: ExternalMount = { destination: "/link/data", name: "/link/data", source: "/srv/data", recursive: true };
const BIND: ExternalMount = { destination: "/one", name: "/one", source: "/srv/one" };
const places = (...points: string[]) => (): { id: number; point: string }[] => points.map((point, id) => ({ id, point }));

test("namesOf() adds what came along with a folder, but not what the container has mounted there", () => {
  const found = new Map([["/data", RBIND], ["/one", BIND], ["/data/own", undefined]]);
  const names = namesOf(found, places("/", "/data", "/data/disk", "/data/disk/deep", "/data/own", "/data/own/deep", "/database", "/one", "/one/below"));
  assert.equal([...names], [
    ["/data", "/link/data"],
    ["/one", "/one"],
    ["/data/disk", "/link/data/disk"],
    ["/data/disk/deep", "/link/data/disk/deep"],
  ]);
});

test("hostMounts() finds the same names from the host's side, and follows links", () => {
  const mounts = hostMounts([RBIND, BIND], { places: places("/", "/disks/data/disk", "/disks/database", "/srv/one/below"), realpath: (path) => path.replace("/srv/data", "/disks/data") });
  assert.equal(mounts.map(({ name, source }) => [name, source]), [
    ["/link/data", "/disks/data"],
    ["/link/data/disk", "/disks/data/disk"],
    ["/one", "/srv/one"],
  ]);
});

test("no table of mounts is read where nothing takes others along", () => {
  const never = (): never => assert.unreachable("it was read") as never;
  assert.equal([...namesOf(new Map([["/one", BIND]]), never)], [["/one", "/one"]]);
  assert.equal(hostMounts([BIND], { places: never, realpath: (path) => path }), [BIND]);
});

test.run();
