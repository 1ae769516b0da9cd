/** The limits of huge pages as files of cgroup v1 and v2 (config-linux.md#huge-page-limits). */

import type { Resources } from "../spec/config.ts";
import { Limits } from "./limits.ts";

const POINTER = "/linux/resources/hugepageLimits";

/** What the files of a version end in, and those that limit reservations (hugetlbpage.rst, cgroup-v1/hugetlb.rst). */
const FILES = {
  1: { usage: "limit_in_bytes", reservation: "rsvd.limit_in_bytes" },
  2: { usage: "max", reservation: "rsvd.max" },
} as const;

/**
 * The files for each size: reservations, which fail politely, where the kernel (5.7) counts them, and pages in use, for
 * which a process is killed, as with runc. A size that the kernel does not have has no file.
 */
export function hugetlb(hugepageLimits: NonNullable<Resources["hugepageLimits"]>, version: 1 | 2): Limits {
  const limits = new Limits("hugetlb", version, POINTER);
  const { usage, reservation } = FILES[version];
  for (let i = 0; i < hugepageLimits.length; i++) {
    const entry = hugepageLimits[i];
    if (entry === undefined) continue;
    const { pageSize, limit } = entry;
    limits.write(`${i}`, `hugetlb.${pageSize}.${usage}`, `${limit}`);
    limits.writeOptional(`${i}`, `hugetlb.${pageSize}.${reservation}`, `${limit}`);
  }
  return limits;
}
