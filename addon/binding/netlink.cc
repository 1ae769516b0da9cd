// Route sockets of netlink, in any network namespace. Messages are built and read in src/linux/rtnetlink.ts.
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

namespace binding {
namespace {

// A socket stays in the namespace in which it was made. Only this thread goes there, and it comes back.
int socket_in(Napi::Env env, int namespace_fd) {
  const UniqueFd home(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  check(env, home.get(), "open", "/proc/thread-self/ns/net");
  check(env, ::setns(namespace_fd, CLONE_NEWNET), "setns");
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  const int error = errno;
  // What this thread does next would be done to the container's network.
  if (::setns(home.get(), CLONE_NEWNET) < 0) abort();
  errno = error;
  return fd;
}

// (namespace?) -> fd
Napi::Value netlink_route(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int raw = missing(info[0]) ? socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) : socket_in(env, integer32(info[0]));
  UniqueFd fd(static_cast<int>(check(env, raw, "socket")));
  const int on = 1;
  // Errors in words, and dumps of one device only.
  check(env, setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on), "setsockopt");
  check(env, setsockopt(fd.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on), "setsockopt");
  return Napi::Number::New(env, fd.release());
}

}  // namespace

void export_netlink(Napi::Env env, Napi::Object exports) { add(env, exports, "netlinkRoute", netlink_route); }

}  // namespace binding
