import { suite } from "uvu";
import { accepts, NO_USER_NAMESPACE, refuses } from "../../../test/config-cases.ts";

const test = suite("spec/checks: the common part");

const MAP = [{ containerID: 0, hostID: 1, size: 1 }];

refuses(test, "checkVersion()", [
  { name: "no SemVer", set: "/ociVersion", value: "1.2", message: 'must be a version as in SemVer 2.0.0, got "1.2"' },
  {
    name: "a leading zero",
    set: "/ociVersion",
    value: "01.2.0",
    message: 'must be a version as in SemVer 2.0.0, got "01.2.0"',
  },
  {
    name: "another major version",
    set: "/ociVersion",
    value: "2.0.0",
    message: 'must be a version 1 of the specification, got "2.0.0"',
  },
  { name: "no version", set: "/ociVersion", pointer: "", message: '"ociVersion" is required' },
]);
accepts(test, "checkVersion()", {
  "a pre-release": { "/ociVersion": "1.0.2-dev.1+build.5" },
  "a later minor version": { "/ociVersion": "1.99.0" },
});

refuses(test, "checkRoot()", [
  { name: "no root", set: "/root", pointer: "", message: '"root" is required' },
  { name: "an empty path", set: "/root/path", value: "", message: "must not be empty" },
]);

refuses(test, "checkHooks()", [
  {
    name: "a relative path",
    set: "/hooks/poststart/0/path",
    value: "bin/true",
    message: 'must be an absolute path, got "bin/true"',
  },
  {
    name: "an entry of env without a name",
    set: "/hooks/poststart/0/env",
    value: ["=b"],
    pointer: "/hooks/poststart/0/env/0",
    message: 'must be NAME=value, got "=b"',
  },
  { name: "a timeout of 0", set: "/hooks/poststart/0/timeout", value: 0, message: "must be at least 1, got 0" },
  {
    name: "a hook without a path",
    set: "/hooks/poststop",
    value: [{}],
    pointer: "/hooks/poststop/0",
    message: '"path" is required',
  },
]);

refuses(test, "checkAnnotations()", [
  { name: "an empty key", set: "/annotations/", value: "x", message: "the key of an annotation must not be empty" },
  { name: "a number", set: "/annotations/a", value: 1, message: "must be a string, got 1" },
  {
    name: "a number under a key that the schema's pattern misses",
    set: "/annotations/\n",
    value: 1,
    message: 'the value of "\\n" must be a string',
  },
]);

refuses(test, "checkMounts()", [
  { name: "an empty destination", set: "/mounts/0/destination", value: "", message: "must not be empty" },
  {
    name: "no type",
    set: "/mounts/0/type",
    pointer: "/mounts/0",
    message: '"type" is required for a mount that is not a bind mount',
  },
  {
    name: "the type bind without the option",
    set: "/mounts/0/type",
    value: "bind",
    message: 'the type "bind" alone makes no bind mount',
    hint: 'add the option "bind" or "rbind"',
  },
  {
    name: "a bind mount without a source",
    set: "/mounts/0",
    value: { destination: "/x", options: ["bind"] },
    message: '"source" is required for a bind mount',
  },
  {
    name: "tmpcopyup on another type",
    set: "/mounts/0/options",
    value: ["ro", "tmpcopyup"],
    pointer: "/mounts/0/options/1",
    message: 'the option "tmpcopyup" needs the type "tmpfs", got "proc"',
  },
  {
    name: "other id mappings for what is mounted already",
    set: "/mounts/0",
    value: { destination: "/x", options: ["remount", "bind", "idmap"], source: "/y", uidMappings: MAP, gidMappings: MAP },
    pointer: "/mounts/0/options/0",
    message: "a mount that is there already cannot get other id mappings",
  },
  {
    name: "id mappings of cgroups",
    set: "/mounts/0",
    value: { destination: "/x", type: "cgroup", uidMappings: MAP, gidMappings: MAP },
    pointer: "/mounts/0/type",
    message: 'a mount of the type "cgroup" cannot be idmapped',
  },
  {
    name: "uidMappings alone",
    set: "/mounts/0/uidMappings",
    value: [{ containerID: 0, hostID: 0, size: 1 }],
    message: '"uidMappings" needs "gidMappings" beside it',
  },
  {
    name: "gidMappings alone",
    set: "/mounts/0/gidMappings",
    value: [{ containerID: 0, hostID: 0, size: 1 }],
    message: '"gidMappings" needs "uidMappings" beside it',
  },
]);
accepts(test, "checkMounts()", {
  "an empty list of mappings as none": { "/mounts/0/uidMappings": [] },
  "a relative destination": { "/mounts/0/destination": "proc" },
  "options of a file system on a bind mount, which are ignored": { "/mounts/0": { destination: "/x", source: "/y", options: ["rbind", "size=64k"] } },
  "a remount and a change of propagation without a type": {
    "/mounts/0": { destination: "/", options: ["remount", "ro"] },
    "/mounts/1": { destination: "/", options: ["rslave"] },
  },
  "idmap with a user namespace to take the maps from": {
    "/mounts/0": { destination: "/x", source: "/y", options: ["bind", "idmap"] },
  },
});
refuses(test, "checkMounts()", [
  {
    name: "idmap with nothing to take the maps from",
    with: NO_USER_NAMESPACE,
    set: "/mounts/0",
    value: { destination: "/x", source: "/y", options: ["bind", "ridmap"] },
    pointer: "/mounts/0/options/1",
    message: 'the option "ridmap" needs "uidMappings" and "gidMappings", or a user namespace to take them from',
  },
]);

test.run();
