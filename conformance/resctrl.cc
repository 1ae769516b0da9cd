// A stand-in for resctrl, to be preloaded: what lies in /sys/fs/resctrl is taken for that file system, a directory that
// is made there has the files of a group, and one that is removed goes with them. Only calls of the C library are seen.
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <string>

namespace {

const std::string kRoot = "/sys/fs/resctrl";
constexpr long kMagic = 0x7655821;  // RDTGROUP_SUPER_MAGIC
constexpr char kSchemata[] = "    L3:0=ff;1=ff\n    MB:0=100;1=100\n";

template <typename F>
F* real(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

bool is_group(const std::string& path) { return path.rfind(kRoot + "/", 0) == 0; }

bool is_monitor(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash >= 11 && path.compare(slash - 11, 11, "/mon_groups") == 0;
}

void write_file(const std::string& path, const char* text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return;
  if (write(fd, text, std::char_traits<char>::length(text)) < 0) abort();
  close(fd);
}

int make(const std::string& path, mode_t mode) {
  // As the kernel has it: so many groups, and no more.
  if (is_group(path) && path.find("one-too-many") != std::string::npos) {
    write_file(kRoot + "/info/last_cmd_status", "Out of RMIDs\n");
    errno = ENOSPC;
    return -1;
  }
  const int result = real<int(const char*, mode_t)>("mkdir")(path.c_str(), mode);
  if (result != 0 || !is_group(path)) return result;
  write_file(path + "/tasks", "");
  if (is_monitor(path)) return 0;
  write_file(path + "/schemata", kSchemata);
  return real<int(const char*, mode_t)>("mkdir")((path + "/mon_groups").c_str(), mode);
}

int take_away(const std::string& path) {
  auto* rmdir = real<int(const char*)>("rmdir");
  if (!is_group(path)) return rmdir(path.c_str());
  if (DIR* directory = opendir(path.c_str())) {
    while (const dirent* entry = readdir(directory)) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (entry->d_type == DT_DIR)
        take_away(path + "/" + name);
      else
        unlink((path + "/" + name).c_str());
    }
    closedir(directory);
  }
  return rmdir(path.c_str());
}

}  // namespace

extern "C" {

int statfs(const char* path, struct statfs* status) {
  const int result = real<int(const char*, struct statfs*)>("statfs")(path, status);
  if (result == 0 && path == kRoot) status->f_type = kMagic;
  return result;
}

int statfs64(const char* path, struct statfs64* status) {
  const int result = real<int(const char*, struct statfs64*)>("statfs64")(path, status);
  if (result == 0 && path == kRoot) status->f_type = kMagic;
  return result;
}

int mkdir(const char* path, mode_t mode) noexcept { return make(path, mode); }

int rmdir(const char* path) noexcept { return take_away(path); }

}
