/** What a caller may choose of a checkpoint and of a restore: runc's options, by criu's names where it has them. */

export type CgroupsMode = "soft" | "full" | "strict" | "ignore";

interface Choices {
  /** The folder of the images. */
  readonly imagePath: string;
  /** The folder of the log and what else criu leaves; that of the images by default. */
  readonly workPath?: string;
  /** Open TCP connections are kept. */
  readonly tcpEstablished?: boolean;
  /** Unix sockets may be connected with processes outside. */
  readonly extUnixSk?: boolean;
  /** Processes may belong to a session that began outside. */
  readonly shellJob?: boolean;
  readonly fileLocks?: boolean;
  readonly manageCgroupsMode?: CgroupsMode;
  /** What is read or written of an image takes its place in the one before. */
  readonly autoDedup?: boolean;
  /** Memory is fetched when it is needed (`criu lazy-pages`). */
  readonly lazyPages?: boolean;
}

export interface CheckpointChoices extends Choices {
  /** The images before, by a path from these. */
  readonly parentPath?: string;
  readonly leaveRunning?: boolean;
  /** Only memory, and the container runs on: what a later checkpoint need not write again. */
  readonly preDump?: boolean;
  /** Connections that are being made are left out. */
  readonly tcpSkipInFlight?: boolean;
  /** Files that were deleted and are in use may get a name again. */
  readonly linkRemap?: boolean;
  /** Where memory goes, in place of files. */
  readonly pageServer?: { readonly address: string; readonly port: number };
  /** A descriptor that gets one zero byte when memory can be fetched. */
  readonly statusFd?: number;
}

export interface RestoreChoices extends Choices {
  /** `apparmor:NAME` or `selinux:LABEL`, in place of the one in the images. */
  readonly lsmProfile?: string;
  readonly lsmMountContext?: string;
}
