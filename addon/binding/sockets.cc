// Unix sockets: those that carry descriptors (the gate, the console socket, the seccomp listener), and sd_notify(3)'s.
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support.h"

namespace binding {
namespace {

constexpr size_t kMostFds = 253;  // SCM_MAX_FD
constexpr size_t kMostBytes = 64 * 1024;

// () -> [fd, fd]: a pair that keeps message boundaries
Napi::Value socketpair(const Napi::CallbackInfo& info) {
  int ends[2];
  check(info.Env(), ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), "socketpair");
  auto out = Napi::Array::New(info.Env(), 2);
  out.Set(0u, Napi::Number::New(info.Env(), ends[0]));
  out.Set(1u, Napi::Number::New(info.Env(), ends[1]));
  return out;
}

// A socket's name may be longer than sun_path: then it is reached through a descriptor of its directory.
struct Address {
  struct sockaddr_un name {};
  UniqueFd directory;

  Address(Napi::Env env, const std::string& path, const char* call = "connect") {
    name.sun_family = AF_UNIX;
    std::string reach = path;
    if (path.size() >= sizeof name.sun_path) {
      const size_t slash = path.rfind('/');
      const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
      directory = UniqueFd(static_cast<int>(
          check(env, open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), "open", parent)));
      reach = "/proc/self/fd/" + std::to_string(directory.get()) + "/" + path.substr(slash + 1);
      if (reach.size() >= sizeof name.sun_path) throw_errno(env, ENAMETOOLONG, call, path);
    }
    memcpy(name.sun_path, reach.c_str(), reach.size() + 1);
  }
};

// (path) -> fd of a stream socket
Napi::Value connect_unix(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = string(info[0]);
  UniqueFd fd(static_cast<int>(check(env, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")));
  const Address address(env, path);
  check(env, connect(fd.get(), reinterpret_cast<const struct sockaddr*>(&address.name), sizeof address.name), "connect", path);
  return Napi::Number::New(env, fd.release());
}

// (path) -> fd of a datagram socket, connected; "@name" is of the abstract namespace (unix(7))
Napi::Value connect_datagrams(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = string(info[0]);
  UniqueFd fd(static_cast<int>(check(env, socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket")));
  if (!path.empty() && path[0] == '@') {
    struct sockaddr_un name {};
    name.sun_family = AF_UNIX;
    if (path.size() > sizeof name.sun_path) throw_errno(env, ENAMETOOLONG, "connect", path);
    memcpy(name.sun_path + 1, path.data() + 1, path.size() - 1);
    const auto size = static_cast<socklen_t>(offsetof(struct sockaddr_un, sun_path) + path.size());
    check(env, connect(fd.get(), reinterpret_cast<const struct sockaddr*>(&name), size), "connect", path);
  } else {
    const Address address(env, path);
    check(env, connect(fd.get(), reinterpret_cast<const struct sockaddr*>(&address.name), sizeof address.name), "connect", path);
  }
  return Napi::Number::New(env, fd.release());
}

// (path) -> fd of a datagram socket that everybody who reaches the path may write to
Napi::Value bind_datagrams(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = string(info[0]);
  UniqueFd fd(static_cast<int>(check(env, socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket")));
  const Address address(env, path, "bind");
  // The mode comes with the name: chmod(2) afterwards would follow whatever is there by then.
  check(env, fchmod(fd.get(), 0777), "fchmod", path);
  const mode_t mask = umask(0);
  const int bound = bind(fd.get(), reinterpret_cast<const struct sockaddr*>(&address.name), sizeof address.name);
  const int error = errno;
  umask(mask);
  if (bound < 0) throw_errno(env, error, "bind", path);
  return Napi::Number::New(env, fd.release());
}

// (path) -> fd of a listening stream socket, which only this user may connect to
Napi::Value listen_unix(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = string(info[0]);
  UniqueFd fd(static_cast<int>(check(env, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")));
  const Address address(env, path, "bind");
  // The socket's mode before it has a name; the umask may only take from it.
  check(env, fchmod(fd.get(), 0600), "fchmod", path);
  check(env, bind(fd.get(), reinterpret_cast<const struct sockaddr*>(&address.name), sizeof address.name), "bind", path);
  check(env, listen(fd.get(), SOMAXCONN), "listen", path);
  return Napi::Number::New(env, fd.release());
}

// (fd) -> fd of a connection, null when nobody waits
Napi::Value accept(const Napi::CallbackInfo& info) {
  const int fd = accept4(integer32(info[0]), nullptr, nullptr, SOCK_CLOEXEC);
  // Who connected may have gone again.
  if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)) return info.Env().Null();
  return Napi::Number::New(info.Env(), static_cast<double>(check(info.Env(), fd, "accept")));
}

// (fd, bytes, fds)
Napi::Value send(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto bytes = info[1].As<Napi::Uint8Array>();
  const std::vector<int> fds = missing(info[2]) ? std::vector<int>{} : integers(info[2]);
  struct iovec part {
    const_cast<uint8_t*>(bytes.Data()), bytes.ByteLength()
  };
  struct msghdr header {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  std::vector<char> control(fds.empty() ? 0 : CMSG_SPACE(fds.size() * sizeof(int)));
  if (!fds.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    struct cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
  }
  const long sent = sendmsg(integer32(info[0]), &header, MSG_NOSIGNAL);
  return Napi::Number::New(env, static_cast<double>(check(env, sent, "sendmsg")));
}

// (fd) -> {bytes, fds}: one message, empty at the end of file; null when there is none yet
Napi::Value receive(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  static thread_local std::vector<char> buffer(kMostBytes);
  alignas(struct cmsghdr) char control[CMSG_SPACE(kMostFds * sizeof(int))];
  struct iovec part {
    buffer.data(), buffer.size()
  };
  struct msghdr header {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  long got;
  do got = recvmsg(integer32(info[0]), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return env.Null();
  // A peer that died with unread messages is a peer that is gone.
  if (got < 0 && errno == ECONNRESET) got = 0;
  check(env, got, "recvmsg");
  auto fds = Napi::Array::New(env);
  for (struct cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(at) + i * sizeof fd, sizeof fd);
      fds.Set(fds.Length(), Napi::Number::New(env, fd));
    }
  }
  auto out = Napi::Object::New(env);
  auto bytes = Napi::Uint8Array::New(env, static_cast<size_t>(got));
  memcpy(bytes.Data(), buffer.data(), static_cast<size_t>(got));
  out.Set("bytes", bytes);
  out.Set("fds", fds);
  return out;
}

}  // namespace

void export_sockets(Napi::Env env, Napi::Object exports) {
  add(env, exports, "socketpair", socketpair);
  add(env, exports, "connectUnix", connect_unix);
  add(env, exports, "listenUnix", listen_unix);
  add(env, exports, "connectDatagrams", connect_datagrams);
  add(env, exports, "bindDatagrams", bind_datagrams);
  add(env, exports, "accept", accept);
  add(env, exports, "send", send);
  add(env, exports, "receive", receive);
}

}  // namespace binding
