import { suite } from "uvu";
import * as assert from "uvu/assert";
import { rdma } from "./rdma.ts";

const test = suite("resources/rdma");

for (const version of [1, 2] as const) {
  test(`rdma() on v${version} writes a line for each device`, () => {
    const devices = { mlx4_0: { hcaHandles: 2, hcaObjects: 2000 }, "a/b": { hcaObjects: 0 }, ocrdma1: { hcaHandles: 4294967295 } };
    assert.equal(
      rdma(devices, version).writes.map(({ file, value, pointer }) => [file, value, pointer]),
      [
        ["rdma.max", "mlx4_0 hca_handle=2 hca_object=2000", "/linux/resources/rdma/mlx4_0"],
        ["rdma.max", "a/b hca_object=0", "/linux/resources/rdma/a~1b"],
        ["rdma.max", "ocrdma1 hca_handle=max", "/linux/resources/rdma/ocrdma1"],
      ],
    );
  });
}

test("rdma() writes nothing for no devices, or none with a limit", () => {
  assert.equal(rdma({}, 1).writes, []);
  assert.equal(rdma({ mlx: {} }, 1).writes, []);
});

test.run();
