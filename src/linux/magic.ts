/** The numbers by which statfs(2) names a kind of file system (linux/magic.h). */

export const CGROUP_SUPER_MAGIC = 0x27e0eb;
export const CGROUP2_SUPER_MAGIC = 0x63677270;
export const TMPFS_MAGIC = 0x1021994;
export const RAMFS_MAGIC = 0x858458f6;
export const PROC_SUPER_MAGIC = 0x9fa0;
export const SYSFS_MAGIC = 0x62656572;
export const OVERLAYFS_SUPER_MAGIC = 0x794c7630;
export const DEVPTS_SUPER_MAGIC = 0x1cd1;
export const NSFS_MAGIC = 0x6e736673;
export const BPF_FS_MAGIC = 0xcafe4a11;
export const RDTGROUP_SUPER_MAGIC = 0x7655821;
export const SECURITYFS_MAGIC = 0x73636673;
export const SELINUX_MAGIC = 0xf97cff8c;
export const FUSE_SUPER_MAGIC = 0x65735546;
export const NFS_SUPER_MAGIC = 0x6969;
/** Of pidfds, since Linux 6.9 (linux/magic.h). */
export const PID_FS_MAGIC = 0x50494446;
