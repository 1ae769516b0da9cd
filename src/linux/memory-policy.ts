/** Memory policies by their numbers, and node lists as the masks that the kernel takes (set_mempolicy(2)). */

/** Names as `linux.memoryPolicy.mode` has them, each at the place of its number (linux/mempolicy.h). */
export const MEMORY_POLICIES: readonly string[] = [
  "MPOL_DEFAULT",
  "MPOL_PREFERRED",
  "MPOL_BIND",
  "MPOL_INTERLEAVE",
  "MPOL_LOCAL",
  "MPOL_PREFERRED_MANY",
  "MPOL_WEIGHTED_INTERLEAVE",
];

/** Names as `linux.memoryPolicy.flags` has them; they are part of the mode (linux/mempolicy.h). */
export const MEMORY_POLICY_FLAGS: Readonly<Record<string, number>> = {
  MPOL_F_NUMA_BALANCING: 1 << 13,
  MPOL_F_RELATIVE_NODES: 1 << 14,
  MPOL_F_STATIC_NODES: 1 << 15,
};
