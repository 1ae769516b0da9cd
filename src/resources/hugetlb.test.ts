import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hugetlb } from "./hugetlb.ts";

const test = suite("resources/hugetlb");

const LIMITS = [{ pageSize: "2MB", limit: 9223372036854775807n }, { pageSize: "1GB", limit: 0 }];

for (const [version, files] of [[1, ["limit_in_bytes", "rsvd.limit_in_bytes"]], [2, ["max", "rsvd.max"]]] as const) {
  test(`hugetlb() on v${version} limits pages in use, and reservations where the kernel can`, () => {
    const { writes } = hugetlb(LIMITS, version);
    assert.equal(
      writes.map(({ file, value, optional, pointer }) => [file, value, optional === true, pointer]),
      [
        [`hugetlb.2MB.${files[0]}`, "9223372036854775807", false, "/linux/resources/hugepageLimits/0"],
        [`hugetlb.2MB.${files[1]}`, "9223372036854775807", true, "/linux/resources/hugepageLimits/0"],
        [`hugetlb.1GB.${files[0]}`, "0", false, "/linux/resources/hugepageLimits/1"],
        [`hugetlb.1GB.${files[1]}`, "0", true, "/linux/resources/hugepageLimits/1"],
      ],
    );
  });
}

test("hugetlb() writes nothing for an empty list", () => {
  assert.equal(hugetlb([], 1).writes, []);
});

test.run();
