/** What has to be written to a cgroup's file for it to hold again what it held. */

/** Files with a line for each device or interface: how a line is taken out that was not there. */
const KEYED: readonly { readonly file: RegExp; readonly reset?: string }[] = [
  { file: /^io\.max$/, reset: "rbps=max wbps=max riops=max wiops=max" },
  { file: /^blkio\.throttle\./, reset: "0" },
  { file: /^blkio\..*weight_device$/, reset: "default" },
  { file: /^rdma\.max$/, reset: "hca_handle=max hca_object=max" },
  { file: /^net_prio\.ifpriomap$/ },
  { file: /^io\./, reset: "default" },
];
const DEVICE = /^\d+:\d+ /;

/** `text` is what the file held when `value` was about to be written to it; undefined where nothing leads back. */
export function previousValue(file: string, text: string, value: string): string | undefined {
  if (file === "memory.oom_control") return /^oom_kill_disable (\d)/m.exec(text)?.[1];
  const keyed = KEYED.find((row) => row.file.test(file));
  if (keyed !== undefined && (DEVICE.test(value) || !file.startsWith("io."))) {
    const key = value.slice(0, value.indexOf(" ") + 1);
    const line = text.split("\n").find((candidate) => candidate.startsWith(key));
    return line ?? (keyed.reset === undefined ? undefined : key + keyed.reset);
  }
  const line = text.split("\n")[0] ?? "";
  return line === "" ? "\n" : line;
}
