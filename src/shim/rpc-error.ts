/** The errors of a call, with the codes that containerd maps back to its own (google.rpc.Code). */

import { TsrunError } from "../errors.ts";

export const CODES = {
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
} as const;

/** What a caller is told, as its code and message. */
export class RpcError extends TsrunError {
  readonly code = "ERR_RPC";
  readonly status: number;

  /** `status`: a code by its name, or as another has sent it. */
  constructor(status: keyof typeof CODES | number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = typeof status === "number" ? status : CODES[status];
  }
}

/** Any error, as a caller is told. */
export function statusOf(error: unknown): { readonly code: number; readonly message: string } {
  if (error instanceof RpcError) return { code: error.status, message: error.message };
  return { code: CODES.UNKNOWN, message: error instanceof Error ? error.message : String(error) };
}
