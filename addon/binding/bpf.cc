// BPF programs that decide about devices of a cgroup v2 (BPF_PROG_TYPE_CGROUP_DEVICE).
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support.h"

namespace binding {
namespace {

long bpf(int command, union bpf_attr& attr) { return syscall(SYS_bpf, command, &attr, sizeof attr); }

// (instructions) -> fd; the verifier's words end in the error's `log`
Napi::Value bpf_load_device(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto code = info[0].As<Napi::Uint8Array>();
  static constexpr char kLicense[] = "Apache-2.0";
  union bpf_attr attr {};
  attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attr.insns = reinterpret_cast<uint64_t>(code.Data());
  attr.insn_cnt = static_cast<uint32_t>(code.ByteLength() / sizeof(struct bpf_insn));
  attr.license = reinterpret_cast<uint64_t>(kLicense);
  memcpy(attr.prog_name, "tsrun_devices", sizeof "tsrun_devices");
  const long fd = bpf(BPF_PROG_LOAD, attr);
  return Napi::Number::New(env, static_cast<double>(check(env, fd, "bpf", "BPF_PROG_LOAD")));
}

// (cgroupFd, programFd, replaceFd?): with `replaceFd` in one atomic step
Napi::Value bpf_attach_device(const Napi::CallbackInfo& info) {
  union bpf_attr attr {};
  attr.target_fd = static_cast<uint32_t>(integer32(info[0]));
  attr.attach_bpf_fd = static_cast<uint32_t>(integer32(info[1]));
  attr.attach_type = BPF_CGROUP_DEVICE;
  attr.attach_flags = BPF_F_ALLOW_MULTI;
  if (!missing(info[2])) {
    attr.attach_flags |= BPF_F_REPLACE;
    attr.replace_bpf_fd = static_cast<uint32_t>(integer32(info[2]));
  }
  check(info.Env(), bpf(BPF_PROG_ATTACH, attr), "bpf", "BPF_PROG_ATTACH");
  return info.Env().Undefined();
}

}  // namespace

void export_bpf(Napi::Env env, Napi::Object exports) {
  add(env, exports, "bpfLoadDevice", bpf_load_device);
  add(env, exports, "bpfAttachDevice", bpf_attach_device);
}

}  // namespace binding
