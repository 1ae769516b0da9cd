// The mount calls and setns, as plain calls: what the kernel allows in a process with threads. The rest are steps of a
// plan that tsrun-init runs.
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support.h"

// <sys/mount.h> clashes with <linux/mount.h> in this C library.
extern "C" int mount(const char*, const char*, const char*, unsigned long, const void*);
extern "C" int umount2(const char*, int);

namespace binding {
namespace {

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

Napi::Value number(Napi::Env env, long value) { return Napi::Number::New(env, static_cast<double>(value)); }

// (source, target, type, flags, data)
Napi::Value mount(const Napi::CallbackInfo& info) {
  const std::string source = string(info[0]), target = string(info[1]), type = string(info[2]), data = string(info[4]);
  const long result = ::mount(or_null(source), target.c_str(), or_null(type), unsigned64(info[3]), or_null(data));
  check(info.Env(), result, "mount", target);
  return info.Env().Undefined();
}

// (target, flags)
Napi::Value umount(const Napi::CallbackInfo& info) {
  const std::string target = string(info[0]);
  check(info.Env(), umount2(target.c_str(), integer32(info[1])), "umount2", target);
  return info.Env().Undefined();
}

// (newRoot, putOld)
Napi::Value pivot_root(const Napi::CallbackInfo& info) {
  const std::string new_root = string(info[0]), put_old = string(info[1]);
  check(info.Env(), syscall(SYS_pivot_root, new_root.c_str(), put_old.c_str()), "pivot_root", new_root);
  return info.Env().Undefined();
}

// (fd, type)
Napi::Value setns(const Napi::CallbackInfo& info) {
  check(info.Env(), ::setns(integer32(info[0]), integer32(info[1])), "setns");
  return info.Env().Undefined();
}

// (type) -> fd
Napi::Value fsopen(const Napi::CallbackInfo& info) {
  const std::string type = string(info[0]);
  return number(info.Env(), check(info.Env(), syscall(SYS_fsopen, type.c_str(), FSOPEN_CLOEXEC), "fsopen", type));
}

// (fd, command, key?, value?)
Napi::Value fsconfig(const Napi::CallbackInfo& info) {
  const std::string key = missing(info[2]) ? "" : string(info[2]);
  const std::string value = missing(info[3]) ? "" : string(info[3]);
  const long result = syscall(SYS_fsconfig, integer32(info[0]), integer32(info[1]), missing(info[2]) ? nullptr : key.c_str(),
                              missing(info[3]) ? nullptr : value.c_str(), 0);
  check(info.Env(), result, "fsconfig", key);
  return info.Env().Undefined();
}

// (fd, attributes) -> fd
Napi::Value fsmount(const Napi::CallbackInfo& info) {
  const long result = syscall(SYS_fsmount, integer32(info[0]), FSMOUNT_CLOEXEC, integer32(info[1]));
  return number(info.Env(), check(info.Env(), result, "fsmount"));
}

// (dirfd, path, flags) -> fd
Napi::Value open_tree(const Napi::CallbackInfo& info) {
  const std::string path = string(info[1]);
  const long result = syscall(SYS_open_tree, integer32(info[0]), path.c_str(), unsigned64(info[2]) | OPEN_TREE_CLOEXEC);
  return number(info.Env(), check(info.Env(), result, "open_tree", path));
}

// (fromFd, fromPath, toFd, toPath, flags)
Napi::Value move_mount(const Napi::CallbackInfo& info) {
  const std::string from = string(info[1]), to = string(info[3]);
  const long result = syscall(SYS_move_mount, integer32(info[0]), from.c_str(), integer32(info[2]), to.c_str(), unsigned64(info[4]));
  check(info.Env(), result, "move_mount", to);
  return info.Env().Undefined();
}

// (dirfd, path, flags, {set?, clear?, propagation?, userns?})
Napi::Value mount_setattr(const Napi::CallbackInfo& info) {
  const std::string path = string(info[1]);
  const auto given = info[3].As<Napi::Object>();
  struct mount_attr attr {};
  if (given.Has("set")) attr.attr_set = unsigned64(given.Get("set"));
  if (given.Has("clear")) attr.attr_clr = unsigned64(given.Get("clear"));
  if (given.Has("propagation")) attr.propagation = unsigned64(given.Get("propagation"));
  if (given.Has("userns")) attr.userns_fd = unsigned64(given.Get("userns"));
  const long result = syscall(SYS_mount_setattr, integer32(info[0]), path.c_str(), unsigned64(info[2]), &attr, sizeof attr);
  check(info.Env(), result, "mount_setattr", path);
  return info.Env().Undefined();
}

}  // namespace

void export_mounts(Napi::Env env, Napi::Object exports) {
  add(env, exports, "mount", mount);
  add(env, exports, "umount", umount);
  add(env, exports, "pivotRoot", pivot_root);
  add(env, exports, "setns", setns);
  add(env, exports, "fsopen", fsopen);
  add(env, exports, "fsconfig", fsconfig);
  add(env, exports, "fsmount", fsmount);
  add(env, exports, "openTree", open_tree);
  add(env, exports, "moveMount", move_mount);
  add(env, exports, "mountSetattr", mount_setattr);
}

}  // namespace binding
