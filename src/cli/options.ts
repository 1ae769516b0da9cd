/**
 * The command line as data: every option of every verb, in runc's words. The parser, commander's help and its errors are
 * made from these tables, and a test shows that both read them alike.
 */

export interface Option {
  /** Without dashes. */
  readonly name: string;
  readonly short?: string;
  /** The value's name in help; absent: a switch. */
  readonly value?: string;
  /** Given more than once, all count. */
  readonly repeat?: true;
  readonly help: string;
  /** Taken for the sake of callers that pass it; not in help. */
  readonly hidden?: true;
}

export interface Verb {
  readonly name: string;
  readonly summary: string;
  /** Positional arguments: `<required>`, `[optional]`. */
  readonly args: readonly string[];
  readonly options: readonly Option[];
  readonly examples?: readonly string[];
  /** Options stand before the arguments: what follows the first of them is for another program. */
  readonly trailing?: true;
}

export const GLOBAL_OPTIONS: readonly Option[] = [
  { name: "root", value: "DIR", help: "where states of containers are kept" },
  { name: "log", value: "FILE", help: "write errors and warnings to a file, too" },
  { name: "log-format", value: "FORMAT", help: "text or json" },
  { name: "debug", help: "tell more" },
  { name: "systemd-cgroup", help: "let systemd manage cgroups, where they are of version 2" },
  { name: "rootless", value: "BOOL", help: "true, false or auto: whether the runtime is to do without root's rights" },
  { name: "criu", value: "PATH", help: "ignored", hidden: true },
  { name: "help", short: "h", help: "show help" },
  { name: "version", short: "v", help: "show the version" },
];

const BUNDLE: Option = { name: "bundle", short: "b", value: "DIR", help: "the bundle; the current directory by default" };
const CONSOLE_SOCKET: Option = { name: "console-socket", value: "PATH", help: "a unix socket that gets the terminal's master" };
const PIDFD_SOCKET: Option = { name: "pidfd-socket", value: "PATH", help: "a unix socket that gets the process's pidfd" };
const PRESERVE_FDS: Option = { name: "preserve-fds", value: "N", help: "pass N descriptors from 3 on to the container" };
const CREATION: readonly Option[] = [
  BUNDLE,
  CONSOLE_SOCKET,
  { name: "pid-file", value: "FILE", help: "write the pid of the container's process to a file" },
  PIDFD_SOCKET,
  { name: "no-pivot", help: "do not use pivot_root: for a root on a ramdisk" },
  { name: "no-new-keyring", help: "do not make a session keyring" },
  PRESERVE_FDS,
];

/** What criu is told, by checkpoint and restore alike. */
const CRIU: readonly Option[] = [
  { name: "image-path", value: "DIR", help: "the folder of the images; ./checkpoint by default" },
  { name: "work-path", value: "DIR", help: "the folder of criu's log; by default that of the images" },
  { name: "tcp-established", help: "keep open TCP connections" },
  { name: "ext-unix-sk", help: "allow unix sockets that are connected with processes outside" },
  { name: "shell-job", help: "allow processes whose session began outside" },
  { name: "lazy-pages", help: "fetch memory when it is needed: criu lazy-pages serves it" },
  { name: "file-locks", help: "keep file locks" },
  { name: "manage-cgroups-mode", value: "MODE", help: "what criu does about cgroups: soft (the default), full, strict or ignore" },
  { name: "empty-ns", value: "NAMESPACE", repeat: true, help: "a namespace whose insides are left out: network, which always is" },
  { name: "auto-dedup", help: "take out of earlier images what later ones hold, too" },
];

export const VERBS: readonly Verb[] = [
  {
    name: "checkpoint",
    summary: "write a running container's processes into files, by criu, and end them",
    args: ["<id>"],
    options: [
      ...CRIU,
      { name: "parent-path", value: "DIR", help: "the images of an earlier checkpoint, by a path from these" },
      { name: "leave-running", help: "let the container run on" },
      { name: "tcp-skip-in-flight", help: "leave out connections that are being made" },
      { name: "link-remap", help: "allow files that were deleted and are in use to get a name again" },
      { name: "status-fd", value: "FD", help: "a descriptor that gets a zero byte when memory can be fetched" },
      { name: "page-server", value: "ADDRESS:PORT", help: "where memory goes, in place of files" },
      { name: "pre-dump", help: "write memory only, and let the container run on" },
    ],
    examples: [
      "tsrun checkpoint --image-path images mycontainer",
      "tsrun checkpoint --pre-dump --image-path first mycontainer",
      "tsrun checkpoint --image-path second --parent-path ../first mycontainer",
    ],
  },
  {
    name: "completion",
    summary: "print a script that completes commands, options and container ids in a shell",
    args: ["<shell>"],
    options: [],
    examples: ["source <(tsrun completion bash)", "tsrun completion fish | source"],
  },
  {
    name: "create",
    summary: "create a container, which waits for start",
    args: ["<id>"],
    options: [...CREATION, { name: "detach", short: "d", help: "ignored: create always returns", hidden: true }],
    examples: ["tsrun create --bundle mybundle mycontainer"],
  },
  {
    name: "delete",
    summary: "delete a container that has stopped",
    args: ["<id>"],
    options: [{ name: "force", short: "f", help: "kill it first where it runs, and do not mind when there is none" }],
  },
  {
    name: "events",
    summary: "print what a container uses again and again, and when it is out of memory, as JSON",
    args: ["<id>"],
    options: [
      { name: "interval", value: "DURATION", help: "the time between two lines; 5s by default" },
      { name: "stats", help: "print one line and end" },
    ],
    examples: ["tsrun events --stats mycontainer", "tsrun events --interval 1s mycontainer"],
  },
  {
    name: "exec",
    summary: "run a further program in a container",
    args: ["<id>", "[command...]"],
    trailing: true,
    options: [
      { name: "process", short: "p", value: "FILE", help: "the whole process, as in config.json, in place of a command and the options for it" },
      { name: "tty", short: "t", help: "give it a terminal" },
      { name: "user", short: "u", value: "UID[:GID]", help: "its user, and group; numbers" },
      { name: "additional-gids", short: "g", value: "GID", repeat: true, help: "a further group; may be repeated" },
      { name: "cwd", value: "DIR", help: "its working directory" },
      { name: "env", short: "e", value: "NAME=VALUE", repeat: true, help: "an environment variable; may be repeated" },
      { name: "cap", short: "c", value: "CAP", repeat: true, help: "a further capability; may be repeated" },
      { name: "no-new-privs", help: "set no_new_privs; --no-new-privs=false: do not" },
      { name: "apparmor", value: "PROFILE", help: "its AppArmor profile" },
      { name: "process-label", value: "LABEL", help: "its SELinux label" },
      CONSOLE_SOCKET,
      { name: "detach", short: "d", help: "return when the program runs" },
      { name: "pid-file", value: "FILE", help: "write its pid to a file" },
      PIDFD_SOCKET,
      PRESERVE_FDS,
      { name: "cgroup", value: "[CONTROLLER:]PATH", repeat: true, help: "run it in a sub-cgroup that exists; may be repeated" },
      { name: "ignore-paused", help: "in a paused container let it begin when that is resumed" },
    ],
    examples: ["tsrun exec mycontainer ps", "tsrun exec --tty --user 1000:1000 --cwd /tmp mycontainer sh", "tsrun exec --process process.json --detach mycontainer"],
  },
  {
    name: "explain",
    summary: "print what would be done to make a container, without doing it",
    args: ["[id]"],
    options: [
      BUNDLE,
      { name: "format", short: "f", value: "FORMAT", help: "text or json" },
      { name: "no-pivot", help: "as for create" },
      { name: "no-new-keyring", help: "as for create" },
    ],
    examples: ["tsrun explain --bundle mybundle"],
  },
  { name: "features", summary: "print what this runtime knows of the specification, as JSON", args: [], options: [] },
  {
    name: "kill",
    summary: "send a signal to a container's process; by default its image's stop signal, else SIGTERM",
    args: ["<id>", "[signal]"],
    options: [{ name: "all", short: "a", help: "send it to every process of the container" }],
    examples: ["tsrun kill mycontainer KILL"],
  },
  {
    name: "list",
    summary: "list containers",
    args: [],
    options: [
      { name: "format", short: "f", value: "FORMAT", help: "table or json" },
      { name: "quiet", short: "q", help: "only ids" },
    ],
  },
  { name: "manual", summary: "print a manual page, as man reads it", args: ["[command]"], options: [], examples: ["tsrun manual run | man -l -"] },
  {
    name: "mounts",
    summary: "add mounts to a container that is there, or remove some; the file is a JSON array like mounts in config.json, - is standard input",
    args: ["<add|remove>", "<id>", "<file>"],
    options: [],
    examples: ["tsrun mounts add mycontainer mounts.json", `echo '[{"destination":"/data"}]' | tsrun mounts remove mycontainer -`],
  },
  {
    name: "pause",
    summary: "stop all processes of a container where they are",
    args: ["<id>"],
    options: [],
    examples: ["tsrun pause mycontainer"],
  },
  {
    name: "ps",
    summary: "list the processes of a container, as ps on the host shows them",
    args: ["<id>", "[ps-option...]"],
    options: [{ name: "format", short: "f", value: "FORMAT", help: "table, or json for the pids only" }],
    examples: ["tsrun ps mycontainer", "tsrun ps mycontainer -o pid,rss,args", "tsrun ps --format json mycontainer"],
    trailing: true,
  },
  {
    name: "restore",
    summary: "make a container again from a checkpoint, and wait for its end",
    args: ["<id>"],
    options: [
      BUNDLE,
      ...CRIU,
      CONSOLE_SOCKET,
      { name: "pid-file", value: "FILE", help: "write the pid of the container's process to a file" },
      { name: "detach", short: "d", help: "return when the container runs" },
      { name: "lsm-profile", value: "TYPE:NAME", help: "another profile, apparmor:NAME or selinux:LABEL" },
      { name: "lsm-mount-context", value: "CONTEXT", help: "another SELinux context of mounts" },
      { name: "no-pivot", help: "ignored", hidden: true },
      { name: "no-subreaper", help: "ignored", hidden: true },
    ],
    examples: ["tsrun restore --bundle mybundle --image-path images mycontainer", "tsrun restore --detach --pid-file pid --bundle mybundle mycontainer"],
  },
  {
    name: "resume",
    summary: "let the processes of a paused container go on",
    args: ["<id>"],
    options: [],
    examples: ["tsrun resume mycontainer"],
  },
  {
    name: "run",
    summary: "create and start a container, and wait for its end",
    args: ["<id-or-bundle>"],
    options: [
      ...CREATION,
      { name: "detach", short: "d", help: "return when the program runs" },
      { name: "keep", help: "keep the container when its process has ended" },
      { name: "no-subreaper", help: "ignored", hidden: true },
    ],
    examples: ["tsrun run mybundle", "tsrun run --bundle mybundle mycontainer"],
  },
  {
    name: "spec",
    summary: "write a default config.json",
    args: [],
    options: [BUNDLE, { name: "rootless", help: "for a container of an ordinary user" }],
  },
  { name: "start", summary: "start a created container's program", args: ["<id>"], options: [] },
  { name: "state", summary: "print the state of a container", args: ["<id>"], options: [] },
  {
    name: "stats",
    summary: "show what running containers use, again and again",
    args: ["[id...]"],
    options: [
      { name: "no-stream", help: "show it once and end" },
      { name: "interval", value: "DURATION", help: "the time between two looks; 1s by default" },
      { name: "format", short: "f", value: "FORMAT", help: "table or json" },
    ],
    examples: ["tsrun stats", "tsrun stats --no-stream --format json mycontainer"],
  },
  {
    name: "update",
    summary: "change the limits of a container: all that are given, or none",
    args: ["<id>"],
    options: [
      { name: "resources", short: "r", value: "FILE", help: "JSON as below linux.resources in config.json, or - for standard input; other options are ignored then" },
      { name: "blkio-weight", value: "N", help: "weight of block I/O, 10 to 1000" },
      { name: "cpu-period", value: "US", help: "period of the quota, in microseconds" },
      { name: "cpu-quota", value: "US", help: "processor time in each period, in microseconds; -1: no limit" },
      { name: "cpu-burst", value: "US", help: "processor time that may be saved up, in microseconds" },
      { name: "cpu-share", value: "N", help: "share of the processors, 2 to 262144" },
      { name: "cpu-rt-period", value: "US", help: "period of real-time programs, in microseconds" },
      { name: "cpu-rt-runtime", value: "US", help: "real time in each period, in microseconds" },
      { name: "cpu-idle", value: "N", help: "1: only what others leave; 0: not so" },
      { name: "cpuset-cpus", value: "LIST", help: "processors, for example 0-3,7" },
      { name: "cpuset-mems", value: "LIST", help: "memory nodes, for example 0" },
      { name: "memory", value: "SIZE", help: "memory, for example 512m; -1: no limit" },
      { name: "memory-reservation", value: "SIZE", help: "memory that is left to it where memory is short" },
      { name: "memory-swap", value: "SIZE", help: "memory and swap together; -1: no limit" },
      { name: "kernel-memory", value: "SIZE", help: "ignored", hidden: true },
      { name: "kernel-memory-tcp", value: "SIZE", help: "ignored", hidden: true },
      { name: "pids-limit", value: "N", help: "number of processes; -1: no limit" },
      { name: "l3-cache-schema", value: "SCHEMA", help: "a line of the resctrl group's schemata" },
      { name: "mem-bw-schema", value: "SCHEMA", help: "the same, of memory bandwidth" },
    ],
    examples: ["tsrun update --memory 512m --pids-limit 100 mycontainer", "tsrun update --resources limits.json mycontainer"],
  },
];
