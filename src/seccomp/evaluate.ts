/** Runs a filter on one call as the kernel would: what tests and curious people ask of a filter (bpf(4), seccomp(2)). */

/** A call as a filter sees it: struct seccomp_data. */
export interface Call {
  readonly number: number;
  /** linux/audit.h's number of the architecture. */
  readonly arch: number;
  readonly args?: readonly bigint[];
}

const BPF_CLASS = 0x07;
const SIZE_OF_DATA = 64;

/** Returns the filter's result: an action and its errno. Throws RangeError for what the kernel would not load. */
export function evaluate(filter: Uint8Array, call: Call): number {
  const code = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  const state: State = { data: dataOf(call), a: 0, x: 0, memory: new Uint32Array(16) };
  for (let pc = 0; pc * 8 < filter.byteLength; ) {
    const instruction = {
      code: code.getUint16(pc * 8, true),
      jumpTrue: code.getUint8(pc * 8 + 2),
      jumpFalse: code.getUint8(pc * 8 + 3),
      k: code.getUint32(pc * 8 + 4, true),
    };
    pc += 1;
    switch (instruction.code & BPF_CLASS) {
      case 5:
        pc += jump(state, instruction);
        break;
      case 6:
        return instruction.code === 0x16 ? state.a : instruction.k;
      default:
        step(state, instruction);
    }
  }
  throw new RangeError("the filter does not end in a return");
}

interface Instruction {
  readonly code: number;
  readonly jumpTrue: number;
  readonly jumpFalse: number;
  readonly k: number;
}

interface State {
  readonly data: DataView;
  a: number;
  x: number;
  readonly memory: Uint32Array;
}

function dataOf(call: Call): DataView {
  const view = new DataView(new ArrayBuffer(SIZE_OF_DATA));
  view.setUint32(0, call.number, true);
  view.setUint32(4, call.arch, true);
  for (const [index, arg] of (call.args ?? []).entries()) view.setBigUint64(16 + index * 8, arg, true);
  return view;
}

function jump(state: State, { code, jumpTrue, jumpFalse, k }: Instruction): number {
  const operand = (code & 0x08) === 0 ? k : state.x;
  const test = code & 0xf0;
  if (test === 0x00) return k;
  if (test === 0x10) return state.a === operand ? jumpTrue : jumpFalse;
  if (test === 0x20) return state.a > operand ? jumpTrue : jumpFalse;
  if (test === 0x30) return state.a >= operand ? jumpTrue : jumpFalse;
  if (test === 0x40) return (state.a & operand) !== 0 ? jumpTrue : jumpFalse;
  throw new RangeError(`unknown jump 0x${code.toString(16)}`);
}

/** Loads, stores and the arithmetic that libseccomp writes. */
function step(state: State, { code, k }: Instruction): void {
  if (code === 0x20) state.a = state.data.getUint32(k, true);
  else if (code === 0x00) state.a = k;
  else if (code === 0x01) state.x = k;
  else if (code === 0x60) state.a = state.memory[k] ?? 0;
  else if (code === 0x61) state.x = state.memory[k] ?? 0;
  else if (code === 0x02) state.memory[k] = state.a;
  else if (code === 0x03) state.memory[k] = state.x;
  else if (code === 0x54) state.a = (state.a & k) >>> 0;
  else if (code === 0x5c) state.a = (state.a & state.x) >>> 0;
  else if (code === 0x07) state.x = state.a;
  else if (code === 0x87) state.a = state.x;
  else throw new RangeError(`unknown instruction 0x${code.toString(16)}`);
}
