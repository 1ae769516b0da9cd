// Other processes, by pidfd, and what this one is.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sys.h"
#include "support.h"

namespace binding {
namespace {

constexpr int kPPidfd = 3;  // P_PIDFD

// (pid) -> pidfd
Napi::Value pidfd_open(const Napi::CallbackInfo& info) {
  const long fd = check(info.Env(), syscall(SYS_pidfd_open, integer32(info[0]), 0), "pidfd_open");
  return Napi::Number::New(info.Env(), static_cast<double>(fd));
}

// (pidfd, signal)
Napi::Value pidfd_send_signal(const Napi::CallbackInfo& info) {
  check(info.Env(), syscall(SYS_pidfd_send_signal, integer32(info[0]), integer32(info[1]), nullptr, 0), "pidfd_send_signal");
  return info.Env().Undefined();
}

// (pidfd, fd) -> fd
Napi::Value pidfd_getfd(const Napi::CallbackInfo& info) {
  const long fd = check(info.Env(), syscall(SYS_pidfd_getfd, integer32(info[0]), integer32(info[1]), 0), "pidfd_getfd");
  return Napi::Number::New(info.Env(), static_cast<double>(fd));
}

// (pidfd) -> {code, signal} of a child that ended, and is reaped with it; null while it runs
Napi::Value wait_pidfd(const Napi::CallbackInfo& info) {
  siginfo_t status{};
  long result;
  do result = waitid(static_cast<idtype_t>(kPPidfd), static_cast<id_t>(integer32(info[0])), &status, WEXITED | WNOHANG);
  while (result < 0 && errno == EINTR);
  check(info.Env(), result, "waitid");
  if (status.si_pid == 0) return info.Env().Null();
  forget_child(status.si_pid);
  const bool exited = status.si_code == CLD_EXITED;
  auto out = Napi::Object::New(info.Env());
  out.Set("code", Napi::Number::New(info.Env(), exited ? status.si_status : 0));
  out.Set("signal", Napi::Number::New(info.Env(), exited ? 0 : status.si_status));
  return out;
}

// (pid, signal)
Napi::Value kill(const Napi::CallbackInfo& info) {
  check(info.Env(), ::kill(integer32(info[0]), integer32(info[1])), "kill");
  return info.Env().Undefined();
}

// (pid, resource, soft?, hard?) -> [soft, hard] as they were
Napi::Value prlimit(const Napi::CallbackInfo& info) {
  struct rlimit set {}, old {};
  const bool write = !missing(info[2]);
  if (write) set = {unsigned64(info[2]), unsigned64(info[3])};
  const auto resource = static_cast<__rlimit_resource>(integer32(info[1]));
  check(info.Env(), ::prlimit(integer32(info[0]), resource, write ? &set : nullptr, &old), "prlimit");
  auto out = Napi::Array::New(info.Env(), 2);
  out.Set(0u, Napi::BigInt::New(info.Env(), static_cast<uint64_t>(old.rlim_cur)));
  out.Set(1u, Napi::BigInt::New(info.Env(), static_cast<uint64_t>(old.rlim_max)));
  return out;
}

// (pid, {policy, flags, nice, priority, runtime, deadline, period})
Napi::Value sched_setattr(const Napi::CallbackInfo& info) {
  const auto in = info[1].As<Napi::Object>();
  const sys::SchedAttr attr{sizeof attr,
                            static_cast<uint32_t>(integer(in.Get("policy"))),
                            static_cast<uint64_t>(integer(in.Get("flags"))),
                            integer32(in.Get("nice")),
                            static_cast<uint32_t>(integer(in.Get("priority"))),
                            unsigned64(in.Get("runtime")),
                            unsigned64(in.Get("deadline")),
                            unsigned64(in.Get("period")),
                            0,
                            0};
  check(info.Env(), syscall(SYS_sched_setattr, integer32(info[0]), &attr, 0), "sched_setattr");
  return info.Env().Undefined();
}

// (): orphans of this process's descendants become its children
Napi::Value become_subreaper(const Napi::CallbackInfo& info) {
  check(info.Env(), prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl");
  return info.Env().Undefined();
}

// (): a session, and a process group, of its own
Napi::Value set_session(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(check(info.Env(), setsid(), "setsid")));
}

// () -> a child that has ended and was not waited for: {pid, spawned}; null: there is none
Napi::Value ended_child(const Napi::CallbackInfo& info) {
  siginfo_t child{};
  const int result = waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT);
  if (result < 0 && errno == ECHILD) return info.Env().Null();
  check(info.Env(), result, "waitid");
  if (child.si_pid == 0) return info.Env().Null();
  auto out = Napi::Object::New(info.Env());
  out.Set("pid", Napi::Number::New(info.Env(), child.si_pid));
  out.Set("spawned", Napi::Boolean::New(info.Env(), is_spawned(child.si_pid)));
  return out;
}

// (pid): waits for a child that has ended
Napi::Value reap(const Napi::CallbackInfo& info) {
  siginfo_t child{};
  check(info.Env(), waitid(P_PID, static_cast<id_t>(integer32(info[0])), &child, WEXITED | WNOHANG), "waitid");
  return info.Env().Undefined();
}

// (status): ends this process as it stands; nothing of the engine is wound down
Napi::Value exit_now(const Napi::CallbackInfo& info) { _exit(integer32(info[0])); }

}  // namespace

void export_process(Napi::Env env, Napi::Object exports) {
  add(env, exports, "pidfdOpen", pidfd_open);
  add(env, exports, "pidfdSendSignal", pidfd_send_signal);
  add(env, exports, "pidfdGetfd", pidfd_getfd);
  add(env, exports, "waitPidfd", wait_pidfd);
  add(env, exports, "kill", kill);
  add(env, exports, "prlimit", prlimit);
  add(env, exports, "schedSetattr", sched_setattr);
  add(env, exports, "becomeSubreaper", become_subreaper);
  add(env, exports, "setSession", set_session);
  add(env, exports, "endedChild", ended_child);
  add(env, exports, "reap", reap);
  add(env, exports, "exitNow", exit_now);
}

}  // namespace binding
