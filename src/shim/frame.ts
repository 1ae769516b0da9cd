/** ttrpc's frames: ten bytes of header, then a message (the protocol's own description: ttrpc's PROTOCOL.md). */

/** `length`, `stream`, `type` and `flags`, big endian. */
const HEADER_BYTES = 10;
/** What is longer is refused, and skipped. */
export const MOST_BYTES = 4 * 1024 * 1024;

export const REQUEST = 1;
export const RESPONSE = 2;

export interface Frame {
  readonly stream: number;
  readonly type: number;
  readonly flags: number;
  /** undefined: it was too long, and nobody has it. */
  readonly payload: Uint8Array | undefined;
}

export function encodeFrame(stream: number, type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length);
  view.setUint32(4, stream);
  bytes[8] = type;
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** Takes bytes as they come, and gives whole frames. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** How much of a frame that is too long is still to come, and that frame. */
  #skipping = 0;
  #skipped: Frame | undefined;

  push(bytes: Uint8Array): void {
    if (this.#skipping > 0) {
      const skip = Math.min(this.#skipping, bytes.length);
      this.#skipping -= skip;
      bytes = bytes.subarray(skip);
    }
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#size += bytes.length;
  }

  /** The next frame; undefined when it is not there yet. */
  next(): Frame | undefined {
    if (this.#skipped !== undefined) {
      if (this.#skipping > 0) return undefined;
      const frame = this.#skipped;
      this.#skipped = undefined;
      return frame;
    }
    if (this.#size < HEADER_BYTES) return undefined;
    const bytes = this.#joined();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const length = view.getUint32(0);
    const head = { stream: view.getUint32(4), type: view.getUint8(8), flags: view.getUint8(9) };
    if (length > MOST_BYTES) return this.#skip(bytes, { length, head });
    const end = HEADER_BYTES + length;
    if (bytes.length < end) return undefined;
    this.#keep(bytes.subarray(end));
    return { ...head, payload: bytes.subarray(HEADER_BYTES, end) };
  }

  #skip(bytes: Uint8Array, { length, head }: { readonly length: number; readonly head: Omit<Frame, "payload"> }): Frame | undefined {
    const there = Math.min(bytes.length - HEADER_BYTES, length);
    this.#skipping = length - there;
    this.#skipped = { ...head, payload: undefined };
    this.#keep(bytes.subarray(HEADER_BYTES + there));
    return this.next();
  }

  /** Large frames come in many chunks, and are put together once, when they are whole or nearly so. */
  #joined(): Uint8Array {
    const [first] = this.#chunks;
    if (first !== undefined && (this.#chunks.length === 1 || this.#isPartOf(first))) return first;
    const whole = new Uint8Array(this.#size);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [whole];
    return whole;
  }

  #isPartOf(first: Uint8Array): boolean {
    if (first.length < HEADER_BYTES) return false;
    const length = new DataView(first.buffer, first.byteOffset, first.byteLength).getUint32(0);
    return length <= MOST_BYTES && this.#size < HEADER_BYTES + length;
  }

  #keep(rest: Uint8Array): void {
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
  }
}
