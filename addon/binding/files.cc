// Files by descriptor: openat2, memfd, locks, fifos, what a descriptor lies on, writing to cgroup files.
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "support.h"

namespace binding {
namespace {

// (dirfd, path, {flags, mode?, resolve?}) -> fd
Napi::Value openat2(const Napi::CallbackInfo& info) {
  const std::string path = string(info[1]);
  const auto how_given = info[2].As<Napi::Object>();
  struct open_how how {};
  how.flags = unsigned64(how_given.Get("flags")) | O_CLOEXEC;
  if (how_given.Has("mode")) how.mode = unsigned64(how_given.Get("mode"));
  if (how_given.Has("resolve")) how.resolve = unsigned64(how_given.Get("resolve"));
  // As init does (addon/sys.h): who renames without end shall keep nobody from his way.
  constexpr int kMostTries = 1000;
  int tries = 0;
  long fd;
  do fd = syscall(SYS_openat2, integer32(info[0]), path.c_str(), &how, sizeof how);
  while (fd < 0 && errno == EAGAIN && ++tries < kMostTries);
  return Napi::Number::New(info.Env(), static_cast<double>(check(info.Env(), fd, "openat2", path)));
}

UniqueFd executable_memfd(Napi::Env env, const std::string& name) {
  constexpr unsigned kMfdExec = 0x10;
  int raw = memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | kMfdExec);
  // Kernels before 6.3 know no MFD_EXEC, and make every memfd executable.
  if (raw < 0 && errno == EINVAL) raw = memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return UniqueFd(static_cast<int>(check(env, raw, "memfd_create")));
}

int seal(Napi::Env env, UniqueFd fd) {
  check(env, fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), "fcntl");
  return fd.release();
}

// (name, bytes) -> fd of a memfd that nothing can change any more, executable
Napi::Value sealed_memfd(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto bytes = info[1].As<Napi::Uint8Array>();
  UniqueFd fd = executable_memfd(env, string(info[0]));
  for (size_t done = 0; done < bytes.ByteLength();)
    done += static_cast<size_t>(check(env, write(fd.get(), bytes.Data() + done, bytes.ByteLength() - done), "write"));
  return Napi::Number::New(env, seal(env, std::move(fd)));
}

// (name, path) -> fd of a memfd like the above, with a file's bytes
Napi::Value sealed_copy(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = string(info[1]);
  UniqueFd from(static_cast<int>(check(env, open(path.c_str(), O_RDONLY | O_CLOEXEC), "open", path)));
  UniqueFd to = executable_memfd(env, string(info[0]));
  while (check(env, sendfile(to.get(), from.get(), nullptr, 1 << 30), "sendfile", path) > 0) {
  }
  return Napi::Number::New(env, seal(env, std::move(to)));
}

// (fd, operation) -> false when LOCK_NB finds it held
Napi::Value flock(const Napi::CallbackInfo& info) {
  int result;
  do result = ::flock(integer32(info[0]), integer32(info[1]));
  while (result < 0 && errno == EINTR);
  if (result < 0 && errno == EWOULDBLOCK) return Napi::Boolean::New(info.Env(), false);
  check(info.Env(), result, "flock");
  return Napi::Boolean::New(info.Env(), true);
}

// (path, operation) -> fd of the locked directory; null: LOCK_NB finds it held; undefined: it does not exist, or what was
// locked is not what the path names any more
Napi::Value lock_directory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = string(info[0]);
  const int raw = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (raw < 0 && errno == ENOENT) return env.Undefined();
  UniqueFd fd(static_cast<int>(check(env, raw, "open", path)));
  int result;
  do result = ::flock(fd.get(), integer32(info[1]));
  while (result < 0 && errno == EINTR);
  if (result < 0 && errno == EWOULDBLOCK) return env.Null();
  check(env, result, "flock", path);
  struct stat locked {}, named {};
  check(env, fstat(fd.get(), &locked), "fstat", path);
  if (stat(path.c_str(), &named) < 0 || locked.st_ino != named.st_ino || locked.st_dev != named.st_dev) return env.Undefined();
  return Napi::Number::New(env, fd.release());
}

// (path, mode): past the umask
Napi::Value mkfifo(const Napi::CallbackInfo& info) {
  const std::string path = string(info[0]);
  const auto mode = static_cast<mode_t>(integer(info[1]));
  check(info.Env(), ::mkfifo(path.c_str(), mode), "mkfifo", path);
  check(info.Env(), chmod(path.c_str(), mode), "chmod", path);
  return info.Env().Undefined();
}

// (fd) -> f_type of the file system a descriptor lies on
Napi::Value fstatfs(const Napi::CallbackInfo& info) {
  struct statfs status {};
  check(info.Env(), ::fstatfs(integer32(info[0]), &status), "fstatfs");
  return Napi::Number::New(info.Env(), static_cast<double>(status.f_type));
}

// (dirfd, name, text): one write, as files of a cgroup want it
Napi::Value write_at(const Napi::CallbackInfo& info) {
  const std::string name = string(info[1]);
  const std::string text = string(info[2]);
  UniqueFd fd(static_cast<int>(
      check(info.Env(), openat(integer32(info[0]), name.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW), "openat", name)));
  check(info.Env(), write(fd.get(), text.data(), text.size()), "write", name);
  return info.Env().Undefined();
}

// () -> [reader, writer], close-on-exec
Napi::Value pipe(const Napi::CallbackInfo& info) {
  int ends[2];
  check(info.Env(), pipe2(ends, O_CLOEXEC), "pipe2");
  auto out = Napi::Array::New(info.Env(), 2);
  out.Set(0u, Napi::Number::New(info.Env(), ends[0]));
  out.Set(1u, Napi::Number::New(info.Env(), ends[1]));
  return out;
}

// (fd, min) -> fd: a copy at `min` or above, close-on-exec
Napi::Value dup_above(const Napi::CallbackInfo& info) {
  const long fd = check(info.Env(), fcntl(integer32(info[0]), F_DUPFD_CLOEXEC, integer32(info[1])), "fcntl");
  return Napi::Number::New(info.Env(), static_cast<double>(fd));
}

// (fd) -> how many bytes of a pipe nobody has read yet
Napi::Value unread(const Napi::CallbackInfo& info) {
  int bytes = 0;
  check(info.Env(), ioctl(integer32(info[0]), FIONREAD, &bytes), "ioctl");
  return Napi::Number::New(info.Env(), bytes);
}

Napi::Value set_nonblocking(const Napi::CallbackInfo& info) {
  const int fd = integer32(info[0]);
  const long flags = check(info.Env(), fcntl(fd, F_GETFL), "fcntl");
  check(info.Env(), fcntl(fd, F_SETFL, info[1].As<Napi::Boolean>() ? flags | O_NONBLOCK : flags & ~O_NONBLOCK), "fcntl");
  return info.Env().Undefined();
}

// (fd) -> the CLONE_NEW* flag of a namespace's descriptor; ENOTTY: it is none
Napi::Value namespace_type(const Napi::CallbackInfo& info) {
  const long type = check(info.Env(), ioctl(integer32(info[0]), NS_GET_NSTYPE), "ioctl");
  return Napi::Number::New(info.Env(), static_cast<double>(type));
}

// (fd) -> fd of the user namespace that a namespace belongs to
Napi::Value owning_user_namespace(const Napi::CallbackInfo& info) {
  const long fd = check(info.Env(), ioctl(integer32(info[0]), NS_GET_USERNS), "ioctl");
  return Napi::Number::New(info.Env(), static_cast<double>(fd));
}

}  // namespace

void export_files(Napi::Env env, Napi::Object exports) {
  add(env, exports, "openat2", openat2);
  add(env, exports, "sealedMemfd", sealed_memfd);
  add(env, exports, "sealedCopy", sealed_copy);
  add(env, exports, "flock", flock);
  add(env, exports, "lockDirectory", lock_directory);
  add(env, exports, "mkfifo", mkfifo);
  add(env, exports, "fstatfs", fstatfs);
  add(env, exports, "writeAt", write_at);
  add(env, exports, "pipe", pipe);
  add(env, exports, "dupAbove", dup_above);
  add(env, exports, "unread", unread);
  add(env, exports, "setNonblocking", set_nonblocking);
  add(env, exports, "namespaceType", namespace_type);
  add(env, exports, "owningUserNamespace", owning_user_namespace);
}

}  // namespace binding
