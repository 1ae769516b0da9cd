/** Prints what the bench measured. */

const BUSY = 0.1;
const HEAD = ["", "median", "p10", "p90", "tsrun is"];

export const report = {
  head({ host, busy, mounted, runtimes, pairs }) {
    for (const { name, path, version } of runtimes) console.log(`${name.padEnd(6)} ${path}: ${version}`);
    console.log(`kernel ${host.kernel}, ${host.cpus} processors (${host.cpu}), load ${host.load.toFixed(2)}`);
    console.log(`${pairs} rounds of each, in turns; milliseconds; ratios of medians`);
    if (mounted.length > 0) console.log(`all run in one private mount namespace with ${mounted.join(", ")} mounted as cgroup v1, as crun needs it`);
    warnBusy(busy);
  },
  /** What came up while nothing was measured. */
  tail(before, after) {
    if (before <= BUSY) warnBusy(after);
  },
  note(text) {
    console.log(text);
  },
};

function warnBusy(busy) {
  if (busy > BUSY) console.log(`WARNING: others use ${Math.round(busy * 100)} % of this machine: do not publish these numbers`);
}

/** One table per measurement and pace. */
export function reportMeasurement({ measurement, pace, times }) {
  console.log(`\n${measurement} (${pace})`);
  const rows = Object.entries(times).flatMap(([what, subjects]) => {
    const tsrun = quantile(subjects["tsrun"] ?? [], 0.5);
    return Object.entries(subjects).map(([name, list]) => {
      const median = quantile(list, 0.5);
      const ratio = name === "tsrun" ? "" : `${(tsrun / median).toFixed(2)} x ${name}`;
      return [`${what} ${name}`, median.toFixed(2), quantile(list, 0.1).toFixed(2), quantile(list, 0.9).toFixed(2), ratio];
    });
  });
  const widths = HEAD.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of [HEAD, ...rows]) {
    console.log(`  ${row.map((cell, column) => (column === 0 || column === 4 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join("  ")}`.trimEnd());
  }
}

/** One table: what the shims of idle containers hold for each container. */
export function reportMemory(memory) {
  console.log("\nmemory of the shims of idle containers, MB for each container");
  const width = Math.max(...Object.keys(memory).map((name) => name.length));
  console.log(`  ${"".padEnd(width)}  private  proportional  shims`);
  for (const [name, { private: own, proportional, shims }] of Object.entries(memory)) {
    const cells = [megabytes(own).padStart(7), megabytes(proportional).padStart(12), `${shims}`.padStart(5)];
    console.log(`  ${name.padEnd(width)}  ${cells.join("  ")}`);
  }
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(2);
}

function quantile(list, share) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
