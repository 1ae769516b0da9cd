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

// (cgroupFd, programFd)
Napi::Value bpf_detach_device(const Napi::CallbackInfo& info) {
  union bpf_attr attr {};
  attr.target_fd = static_cast<uint32_t>(integer32(info[0]));
  attr.attach_bpf_fd = static_cast<uint32_t>(integer32(info[1]));
  attr.attach_type = BPF_CGROUP_DEVICE;
  check(info.Env(), bpf(BPF_PROG_DETACH, attr), "bpf", "BPF_PROG_DETACH");
  return info.Env().Undefined();
}

// (cgroupFd) -> ids of the programs that are attached to this very cgroup
Napi::Value bpf_query_devices(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  uint32_t ids[64];  // the kernel lets one cgroup have as many (BPF_CGROUP_MAX_PROGS)
  union bpf_attr attr {};
  attr.query.target_fd = static_cast<uint32_t>(integer32(info[0]));
  attr.query.attach_type = BPF_CGROUP_DEVICE;
  attr.query.prog_ids = reinterpret_cast<uint64_t>(ids);
  attr.query.prog_cnt = sizeof ids / sizeof ids[0];
  check(env, bpf(BPF_PROG_QUERY, attr), "bpf", "BPF_PROG_QUERY");
  Napi::Array result = Napi::Array::New(env, attr.query.prog_cnt);
  for (uint32_t at = 0; at < attr.query.prog_cnt; at++) result.Set(at, Napi::Number::New(env, ids[at]));
  return result;
}

// (id) -> fd
Napi::Value bpf_open_program(const Napi::CallbackInfo& info) {
  union bpf_attr attr {};
  attr.prog_id = static_cast<uint32_t>(integer(info[0]));
  const long fd = check(info.Env(), bpf(BPF_PROG_GET_FD_BY_ID, attr), "bpf", "BPF_PROG_GET_FD_BY_ID");
  return Napi::Number::New(info.Env(), static_cast<double>(fd));
}

// (programFd) -> the name that it was loaded with
Napi::Value bpf_program_name(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  struct bpf_prog_info program {};
  union bpf_attr attr {};
  attr.info.bpf_fd = static_cast<uint32_t>(integer32(info[0]));
  attr.info.info_len = sizeof program;
  attr.info.info = reinterpret_cast<uint64_t>(&program);
  check(env, bpf(BPF_OBJ_GET_INFO_BY_FD, attr), "bpf", "BPF_OBJ_GET_INFO_BY_FD");
  return Napi::String::New(env, program.name, strnlen(program.name, sizeof program.name));
}

}  // namespace

void export_bpf(Napi::Env env, Napi::Object exports) {
  add(env, exports, "bpfLoadDevice", bpf_load_device);
  add(env, exports, "bpfAttachDevice", bpf_attach_device);
  add(env, exports, "bpfDetachDevice", bpf_detach_device);
  add(env, exports, "bpfQueryDevices", bpf_query_devices);
  add(env, exports, "bpfOpenProgram", bpf_open_program);
  add(env, exports, "bpfProgramName", bpf_program_name);
}

}  // namespace binding
