// Walks through a container's cgroups. Their depth and their names are the container's to choose: so it goes by descriptors,
// one level at a time, and no path is too long for it, and no name, which may be any bytes, is lost on the way.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "support.h"

namespace binding {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
// Of a path that is only told.
constexpr size_t kMostTold = 1000;

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

bool is_gone(int error) { return error == ENOENT || error == ENODEV; }
bool is_held(int error) { return error == EBUSY || error == ENOTEMPTY; }

// Adds the pids in the file; a process of another pid namespace shows as 0 and is left out. A threaded cgroup (EOPNOTSUPP)
// holds threads of processes that its domain lists.
void read_pids(Napi::Env env, int directory, std::vector<pid_t>& pids) {
  const UniqueFd file(openat(directory, "cgroup.procs", O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (file.get() < 0 && is_gone(errno)) return;
  check(env, file.get(), "openat", "cgroup.procs");
  char text[4096];
  pid_t pid = 0;
  for (;;) {
    const ssize_t got = read(file.get(), text, sizeof text);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (is_gone(errno) || errno == EOPNOTSUPP)) return;
    if (check(env, got, "read", "cgroup.procs") == 0) return;
    for (ssize_t at = 0; at < got; at++) {
      if (text[at] != '\n') {
        pid = 10 * pid + (text[at] - '0');
        continue;
      }
      if (pid > 0) pids.push_back(pid);
      pid = 0;
    }
  }
}

Napi::Array to_array(Napi::Env env, const std::vector<pid_t>& pids) {
  auto out = Napi::Array::New(env, pids.size());
  for (uint32_t i = 0; i < pids.size(); i++) out.Set(i, Napi::Number::New(env, pids[i]));
  return out;
}

// Where a walk is: in a directory, which is the last of its levels.
class Walk {
 public:
  explicit Walk(Napi::Env env) : env_(env) {}

  int here() const { return here_.get(); }
  size_t depth() const { return levels_.size(); }

  // Goes down; false where there is nothing of this name any more.
  bool enter(int from, const std::string& name) {
    UniqueFd directory(openat(from, name.c_str(), kDirectory));
    if (directory.get() < 0 && is_gone(errno)) return false;
    check(env_, directory.get(), "openat", name);
    here_ = std::move(directory);
    levels_.push_back({name, inode(), list(), true});
    return true;
  }

  // The next of the directories in here; false when there are no more.
  bool next(std::string& name) {
    auto& names = levels_.back().names;
    if (names.empty()) return false;
    name = std::move(names.back());
    names.pop_back();
    return true;
  }

  // Goes up, and tells what was left, and whether all below it was removed.
  bool leave(std::string& name) {
    const bool emptied = levels_.back().emptied;
    name = std::move(levels_.back().name);
    levels_.pop_back();
    if (levels_.empty()) return emptied;
    here_ = UniqueFd(static_cast<int>(check(env_, openat(here(), "..", kDirectory), "openat", "..")));
    if (inode() != levels_.back().inode) throw_errno(env_, ESTALE, "openat", "..");
    return emptied;
  }

  // Something here stays.
  void keep() { levels_.back().emptied = false; }

  // For people.
  std::string path() const {
    std::string out;
    for (const Level& level : levels_) {
      if (!out.empty()) out += "/";
      out += level.name;
      if (out.size() > kMostTold) return out.substr(0, kMostTold) + "...";
    }
    return out;
  }

 private:
  struct Level {
    std::string name;
    ino_t inode;
    std::vector<std::string> names;  // not visited yet
    bool emptied;
  };

  ino_t inode() const {
    struct stat status {};
    check(env_, fstat(here(), &status), "fstat");
    return status.st_ino;
  }

  std::vector<std::string> list() const {
    UniqueFd again(static_cast<int>(check(env_, openat(here(), ".", kDirectory), "openat", ".")));
    const std::unique_ptr<DIR, CloseDirectory> directory(fdopendir(again.get()));
    if (directory == nullptr) throw_errno(env_, errno, "fdopendir");
    again.release();
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(directory.get())) {
      const std::string name = entry->d_name;
      if (entry->d_type == DT_DIR && name != "." && name != "..") names.push_back(name);
      errno = 0;
    }
    if (errno != 0 && !is_gone(errno)) throw_errno(env_, errno, "readdir");
    return names;
  }

  Napi::Env env_;
  UniqueFd here_;
  std::vector<Level> levels_;
};

// (path) -> the pids in a cgroup and all below it; none where it is gone
Napi::Value cgroup_pids(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::vector<pid_t> pids;
  Walk walk(env);
  if (walk.enter(AT_FDCWD, string(info[0]))) read_pids(env, walk.here(), pids);
  while (walk.depth() > 0) {
    std::string name;
    if (!walk.next(name))
      walk.leave(name);
    else if (walk.enter(walk.here(), name))
      read_pids(env, walk.here(), pids);
  }
  return to_array(env, pids);
}

// (path, file, text): writes to the file of a cgroup and of all below it; those that are gone, or refuse it, are passed over
Napi::Value write_cgroups(const Napi::CallbackInfo& info) {
  const std::string file = string(info[1]), text = string(info[2]);
  const auto write_here = [&](int directory) {
    const UniqueFd fd(openat(directory, file.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
    if (fd.get() >= 0 && write(fd.get(), text.data(), text.size()) < 0) return;
  };
  Walk walk(info.Env());
  if (walk.enter(AT_FDCWD, string(info[0]))) write_here(walk.here());
  while (walk.depth() > 0) {
    std::string name;
    if (!walk.next(name))
      walk.leave(name);
    else if (walk.enter(walk.here(), name))
      write_here(walk.here());
  }
  return info.Env().Undefined();
}

// False: it is held by who is in it, or below.
bool remove_directory(Napi::Env env, int parent, const std::string& name) {
  if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || is_gone(errno)) return true;
  if (is_held(errno)) return false;
  throw_errno(env, errno, "rmdir", name);
}

// (path) -> what could not be removed of a cgroup and all below it, and who is in there: {path, pids}[]. Of a tree, the
// places where somebody sits are named, not those above them.
Napi::Value remove_cgroup(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = string(info[0]);
  auto holders = Napi::Array::New(env);
  Walk walk(env);
  if (remove_directory(env, AT_FDCWD, path) || !walk.enter(AT_FDCWD, path)) return holders;
  while (walk.depth() > 0) {
    std::string name;
    if (walk.next(name)) {
      if (!remove_directory(env, walk.here(), name)) walk.enter(walk.here(), name);
      continue;
    }
    const std::string told = walk.path();
    std::vector<pid_t> pids;
    read_pids(env, walk.here(), pids);
    const bool emptied = walk.leave(name);
    if (emptied && remove_directory(env, walk.depth() > 0 ? walk.here() : AT_FDCWD, name)) continue;
    if (walk.depth() > 0) walk.keep();
    if (!emptied) continue;
    auto holder = Napi::Object::New(env);
    holder.Set("path", Napi::String::New(env, told));
    holder.Set("pids", to_array(env, pids));
    holders.Set(holders.Length(), holder);
  }
  return holders;
}

}  // namespace

void export_cgroups(Napi::Env env, Napi::Object exports) {
  add(env, exports, "cgroupPids", cgroup_pids);
  add(env, exports, "writeCgroups", write_cgroups);
  add(env, exports, "removeCgroup", remove_cgroup);
}

}  // namespace binding
