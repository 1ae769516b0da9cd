// tsrun.node: the whole surface of the addon. Its types and its documentation are src/native/native.ts.
#include "support.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  binding::export_bpf(env, exports);
  binding::export_cgroups(env, exports);
  binding::export_digest(env, exports);
  binding::export_files(env, exports);
  binding::export_mounts(env, exports);
  binding::export_netlink(env, exports);
  binding::export_paths(env, exports);
  binding::export_process(env, exports);
  binding::export_pump(env, exports);
  binding::export_seccomp(env, exports);
  binding::export_sockets(env, exports);
  binding::export_spawn(env, exports);
  binding::export_terminal(env, exports);
  binding::export_waiter(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(tsrun, init)
