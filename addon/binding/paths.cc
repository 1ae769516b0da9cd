// What node:fs does, as src/native/files.ts needs it: each function is one plain use of files by path or descriptor.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "support.h"

namespace binding {
namespace {

constexpr size_t kMostWithoutSize = 64 * 1024 * 1024;

template <typename F>
long restarted(F call) {
  long result;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result;
}

Napi::Value number(Napi::Env env, long value) { return Napi::Number::New(env, static_cast<double>(value)); }

mode_t mode(const Napi::Value& value) { return static_cast<mode_t>(integer(value)); }

UniqueFd open_path(Napi::Env env, const std::string& path, int flags, mode_t mode) {
  const long fd = restarted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
  return UniqueFd(static_cast<int>(check(env, fd, "open", path)));
}

// (path, flags, mode) -> fd, close-on-exec
Napi::Value open(const Napi::CallbackInfo& info) {
  return number(info.Env(), open_path(info.Env(), string(info[0]), integer32(info[1]), mode(info[2])).release());
}

// (fd)
Napi::Value close(const Napi::CallbackInfo& info) {
  check(info.Env(), ::close(integer32(info[0])), "close");
  return info.Env().Undefined();
}

// (fd, buffer) -> how many bytes
Napi::Value read(const Napi::CallbackInfo& info) {
  auto buffer = info[1].As<Napi::Uint8Array>();
  const long size = restarted([&] { return ::read(integer32(info[0]), buffer.Data(), buffer.ByteLength()); });
  return number(info.Env(), check(info.Env(), size, "read"));
}

// (fd, text or bytes) -> how many bytes one write took
Napi::Value write(const Napi::CallbackInfo& info) {
  const int fd = integer32(info[0]);
  if (info[1].IsString()) {
    const std::string text = string(info[1]);
    return number(info.Env(), check(info.Env(), restarted([&] { return ::write(fd, text.data(), text.size()); }), "write"));
  }
  const auto bytes = info[1].As<Napi::Uint8Array>();
  const long size = restarted([&] { return ::write(fd, bytes.Data(), bytes.ByteLength()); });
  return number(info.Env(), check(info.Env(), size, "write"));
}

void write_all(Napi::Env env, int fd, const void* data, size_t size, const std::string& path) {
  for (size_t done = 0; done < size;) {
    const auto* from = static_cast<const char*>(data) + done;
    done += static_cast<size_t>(check(env, restarted([&] { return ::write(fd, from, size - done); }), "write", path));
  }
}

// (path, text or bytes, flags, mode): the whole file
Napi::Value write_file(const Napi::CallbackInfo& info) {
  const std::string path = string(info[0]);
  const UniqueFd fd = open_path(info.Env(), path, integer32(info[2]) | O_WRONLY, mode(info[3]));
  if (info[1].IsString()) {
    const std::string text = string(info[1]);
    write_all(info.Env(), fd.get(), text.data(), text.size(), path);
  } else {
    const auto bytes = info[1].As<Napi::Uint8Array>();
    write_all(info.Env(), fd.get(), bytes.Data(), bytes.ByteLength(), path);
  }
  return info.Env().Undefined();
}

std::string read_all(Napi::Env env, const std::string& path) {
  const UniqueFd fd = open_path(env, path, O_RDONLY, 0);
  struct stat status {};
  check(env, ::fstat(fd.get(), &status), "fstat", path);
  // One byte more than a file has, so that its end shows at once; files of the kernel have no size.
  std::string bytes(status.st_size > 0 ? static_cast<size_t>(status.st_size) + 1 : 4096, '\0');
  for (size_t size = 0;;) {
    const long got = restarted([&] { return ::read(fd.get(), bytes.data() + size, bytes.size() - size); });
    size += static_cast<size_t>(check(env, got, "read", path));
    // A plain file that has given less than it was asked for has no more.
    if (got == 0 || (status.st_size > 0 && S_ISREG(status.st_mode) && size < bytes.size())) return bytes.substr(0, size);
    if (size < bytes.size()) continue;
    // A device may have no end.
    if (size >= kMostWithoutSize && status.st_size == 0) throw_errno(env, EFBIG, "read", path);
    bytes.resize(2 * size);
  }
}

// (path) -> the whole file
Napi::Value read_bytes(const Napi::CallbackInfo& info) {
  const std::string bytes = read_all(info.Env(), string(info[0]));
  // Not a Buffer: the engine makes that class when the first one is made, in 0.1 ms.
  auto out = Napi::Uint8Array::New(info.Env(), bytes.size());
  if (!bytes.empty()) memcpy(out.Data(), bytes.data(), bytes.size());
  return out;
}

// (path) -> the whole file, as UTF-8
Napi::Value read_text(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), read_all(info.Env(), string(info[0])));
}

// (path) -> what one read brings, as UTF-8
Napi::Value read_start(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = string(info[0]);
  const UniqueFd fd = open_path(env, path, O_RDONLY, 0);
  char bytes[4096];
  const long got = restarted([&] { return ::read(fd.get(), bytes, sizeof bytes); });
  return Napi::String::New(env, bytes, static_cast<size_t>(check(env, got, "read", path)));
}

// (path) -> whether it leads to something
Napi::Value exists(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), access(string(info[0]).c_str(), F_OK) == 0);
}

// (path) -> whether this process may write to it
Napi::Value is_writable(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), faccessat(AT_FDCWD, string(info[0]).c_str(), W_OK, AT_EACCESS) == 0);
}

Napi::Value status_of(Napi::Env env, const struct stat& status) {
  auto out = Napi::Object::New(env);
  out.Set("mode", number(env, status.st_mode));
  out.Set("size", number(env, status.st_size));
  out.Set("inode", number(env, static_cast<long>(status.st_ino)));
  return out;
}

// (path) -> {mode, size, inode}
Napi::Value stat(const Napi::CallbackInfo& info) {
  const std::string path = string(info[0]);
  struct stat status {};
  check(info.Env(), ::stat(path.c_str(), &status), "stat", path);
  return status_of(info.Env(), status);
}

// (fd) -> {mode, size, inode}
Napi::Value fstat(const Napi::CallbackInfo& info) {
  struct stat status {};
  check(info.Env(), ::fstat(integer32(info[0]), &status), "fstat");
  return status_of(info.Env(), status);
}

// (path) -> f_type of the file system that it lies on
Napi::Value statfs(const Napi::CallbackInfo& info) {
  const std::string path = string(info[0]);
  struct statfs status {};
  check(info.Env(), ::statfs(path.c_str(), &status), "statfs", path);
  return number(info.Env(), status.f_type);
}

// (path, mode)
Napi::Value mkdir(const Napi::CallbackInfo& info) {
  const std::string path = string(info[0]);
  check(info.Env(), ::mkdir(path.c_str(), mode(info[1])), "mkdir", path);
  return info.Env().Undefined();
}

// (path)
Napi::Value rmdir(const Napi::CallbackInfo& info) {
  const std::string path = string(info[0]);
  check(info.Env(), ::rmdir(path.c_str()), "rmdir", path);
  return info.Env().Undefined();
}

// (path)
Napi::Value unlink(const Napi::CallbackInfo& info) {
  const std::string path = string(info[0]);
  check(info.Env(), ::unlink(path.c_str()), "unlink", path);
  return info.Env().Undefined();
}

// (from, to)
Napi::Value rename(const Napi::CallbackInfo& info) {
  const std::string from = string(info[0]), to = string(info[1]);
  check(info.Env(), ::rename(from.c_str(), to.c_str()), "rename", from);
  return info.Env().Undefined();
}

// (path, uid, gid)
Napi::Value chown(const Napi::CallbackInfo& info) {
  const std::string path = string(info[0]);
  const auto uid = static_cast<uid_t>(integer(info[1]));
  const auto gid = static_cast<gid_t>(integer(info[2]));
  check(info.Env(), ::chown(path.c_str(), uid, gid), "chown", path);
  return info.Env().Undefined();
}

bool is_directory(DIR* directory, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat status {};
  return fstatat(dirfd(directory), entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

// (path, whether only directories) -> names, without "." and ".."
Napi::Value readdir(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = string(info[0]);
  const bool only_directories = info[1].As<Napi::Boolean>();
  const std::unique_ptr<DIR, CloseDirectory> directory(opendir(path.c_str()));
  if (directory == nullptr) throw_errno(env, errno, "opendir", path);
  auto names = Napi::Array::New(env);
  uint32_t count = 0;
  errno = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != ".." && (!only_directories || is_directory(directory.get(), *entry))) names.Set(count++, name);
    errno = 0;
  }
  if (errno != 0) throw_errno(env, errno, "readdir", path);
  return names;
}

// (path) -> the same without symbolic links
Napi::Value realpath(const Napi::CallbackInfo& info) {
  const std::string path = string(info[0]);
  const std::unique_ptr<char, decltype(&free)> real(::realpath(path.c_str(), nullptr), &free);
  if (real == nullptr) throw_errno(info.Env(), errno, "realpath", path);
  return Napi::String::New(info.Env(), real.get());
}

// (path): what a symbolic link says
Napi::Value readlink(const Napi::CallbackInfo& info) {
  const std::string path = string(info[0]);
  std::string text(PATH_MAX, '\0');
  const ssize_t size = ::readlink(path.c_str(), text.data(), text.size());
  if (size < 0) throw_errno(info.Env(), errno, "readlink", path);
  return Napi::String::New(info.Env(), text.data(), static_cast<size_t>(size));
}

}  // namespace

void export_paths(Napi::Env env, Napi::Object exports) {
  add(env, exports, "open", open);
  add(env, exports, "close", close);
  add(env, exports, "read", read);
  add(env, exports, "write", write);
  add(env, exports, "readBytes", read_bytes);
  add(env, exports, "readText", read_text);
  add(env, exports, "readStart", read_start);
  add(env, exports, "writeFile", write_file);
  add(env, exports, "exists", exists);
  add(env, exports, "isWritable", is_writable);
  add(env, exports, "stat", stat);
  add(env, exports, "fstat", fstat);
  add(env, exports, "statfs", statfs);
  add(env, exports, "mkdir", mkdir);
  add(env, exports, "rmdir", rmdir);
  add(env, exports, "unlink", unlink);
  add(env, exports, "realpath", realpath);
  add(env, exports, "readlink", readlink);
  add(env, exports, "rename", rename);
  add(env, exports, "chown", chown);
  add(env, exports, "readdir", readdir);
}

}  // namespace binding
