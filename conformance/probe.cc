// What a shell cannot do, for the tests: single system calls, and the other end of the sockets that a runtime connects to.
//
//   probe call NUMBER [ARGUMENT...]   makes a system call: prints what it returns and errno
//   probe call32 NUMBER               makes one of the 32-bit calls that x86-64 has, too: prints what it returns
//   probe signalled NUMBER            makes a system call that SIGUSR1 may interrupt: prints what it returns and errno
//   probe thread NUMBER               makes a system call in a second thread: prints whether the first one goes on
//   probe traced NUMBER               makes a system call in a child: prints what the filter tells its tracer
//   probe trap NUMBER                 makes a system call with a handler for SIGSYS: prints the signal's code and the call's number
//   probe console SOCKET              takes a terminal's master: prints the message, the window's size, then what is written
//   probe scheduling PID              prints policy, flags, nice, priority, runtime, deadline and period of a process
//   probe keylabel KEYRING            prints the label that a security module has put on a keyring
//   probe notify SOCKET ERRNO         takes a seccomp listener: prints the messages, then answers every call with ERRNO
//   probe ready SOCKET                is who wants to hear that a service is ready: prints the datagrams, until BARRIER=1
//   probe tell WORD...                is the service: sends each word to $NOTIFY_SOCKET, "fd:WORD" with a descriptor, waits
//                                     milliseconds where it is a number: prints the word and errno
//   probe pidfd SOCKET                takes a pidfd: prints the message, then the pid that it stands for
//   probe interrupt SOCKET ERRNO      the same as notify, but sends SIGUSR1 first: prints whether the call still waits

#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

[[noreturn]] void fail(const char* what) {
  perror(what);
  exit(2);
}

int call(int count, char** words) {
  long arguments[7] = {};
  for (int i = 0; i < count && i < 7; i++) arguments[i] = static_cast<long>(strtoull(words[i], nullptr, 0));
  errno = 0;
  const long result = syscall(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5], arguments[6]);
  printf("%ld %d\n", result, errno);
  return 0;
}

int call32(char** words) {
#ifdef __x86_64__
  int result = atoi(words[0]);
  asm volatile("int $0x80" : "+a"(result) : "b"(0), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
  printf("%d\n", result);
  return 0;
#else
  return 64;
#endif
}

int signalled(int count, char** words) {
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, nullptr);
  return call(count, words);
}

int thread(char** words) {
  pthread_t other;
  const auto body = [](void* number) -> void* {
    syscall(atol(static_cast<char*>(number)), 0, 0, 0);
    return nullptr;
  };
  if (pthread_create(&other, nullptr, body, words[0]) != 0) fail("pthread_create");
  pthread_join(other, nullptr);
  printf("goes on\n");
  return 0;
}

int traced(char** words) {
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
    syscall(atol(words[0]), 0, 0, 0);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL) != 0) fail("PTRACE_SETOPTIONS");
  for (;;) {
    ptrace(PTRACE_CONT, child, nullptr, nullptr);
    if (waitpid(child, &status, 0) < 0 || WIFEXITED(status) || WIFSIGNALED(status)) break;
    if (status >> 8 != (SIGTRAP | (PTRACE_EVENT_SECCOMP << 8))) continue;
    unsigned long message = 0;
    ptrace(PTRACE_GETEVENTMSG, child, nullptr, &message);
    printf("traced %lu\n", message);
  }
  return 0;
}

void tell_trap(int, siginfo_t* info, void*) {
  dprintf(1, "trapped %d %d\n", info->si_code, info->si_syscall);
  _exit(0);
}

int trap(char** words) {
  struct sigaction action = {};
  action.sa_sigaction = tell_trap;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSYS, &action, nullptr);
  syscall(atol(words[0]), 0, 0, 0);
  printf("not trapped\n");
  return 1;
}

int scheduling(char** words) {
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attr = {};
  if (syscall(SYS_sched_getattr, atol(words[0]), &attr, sizeof attr, 0) != 0) fail("sched_getattr");
  printf("%u %llu %d %u %llu %llu %llu\n", attr.policy, (unsigned long long)attr.flags, attr.nice, attr.priority,
         (unsigned long long)attr.runtime, (unsigned long long)attr.deadline, (unsigned long long)attr.period);
  return 0;
}

int keylabel(char** words) {
  char label[4096] = {};
  if (syscall(SYS_keyctl, KEYCTL_GET_SECURITY, atol(words[0]), label, sizeof label) < 0) fail("keyctl");
  printf("%s\n", label);
  return 0;
}

int accept_one(const char* path) {
  const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  // It gets its name when somebody listens.
  snprintf(address.sun_path, sizeof address.sun_path, "%s.new", path);
  if (bind(server, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
  if (listen(server, 1) != 0) fail("listen");
  if (rename(address.sun_path, path) != 0) fail("rename");
  const int connection = accept(server, nullptr, nullptr);
  if (connection < 0) fail("accept");
  return connection;
}

// Prints a message and how many descriptors came with it, the last of which is kept; false when the connection is closed.
bool receive_one(int connection, int number, int* descriptor) {
  static char payload[65536];
  alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))];
  iovec part = {payload, sizeof payload};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t length = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
  if (length < 0) fail("recvmsg");
  int count = 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_type != SCM_RIGHTS) continue;
    count = static_cast<int>((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
  }
  if (length == 0) printf("closed\n");
  else printf("message %d: %d descriptors: %.*s\n", number, count, static_cast<int>(length), payload);
  fflush(stdout);
  return length > 0;
}

// Prints the whole payload; returns the last descriptor that came with it.
int receive(int connection) {
  int descriptor = -1;
  for (int messages = 0; receive_one(connection, messages, &descriptor); messages++) continue;
  return descriptor;
}

int console(char** words) {
  const int master = receive(accept_one(words[0]));
  winsize size = {};
  if (ioctl(master, TIOCGWINSZ, &size) != 0) fail("TIOCGWINSZ");
  printf("size %d rows %d columns\n", size.ws_row, size.ws_col);
  fflush(stdout);
  char text[4096];
  for (;;) {
    const ssize_t length = read(master, text, sizeof text);
    // The last one who has the terminal open is gone.
    if (length <= 0) break;
    if (write(1, text, static_cast<size_t>(length)) != length) fail("write");
  }
  return 0;
}

// Whether a call still waits for its answer a while after its process got a signal.
bool waits_on(int listener, __u64 id) {
  for (int i = 0; i < 20; i++) {
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) != 0) return false;
    usleep(5000);
  }
  return true;
}

void answer(int listener, int error, bool interrupting) {
  seccomp_notif request = {};
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) return;
  printf("call %d of a process %d\n", request.data.nr, request.pid > 0);
  if (interrupting) {
    kill(static_cast<pid_t>(request.pid), SIGUSR1);
    printf("%s\n", waits_on(listener, request.id) ? "waits" : "interrupted");
  }
  fflush(stdout);
  seccomp_notif_resp response = {};
  response.id = request.id;
  response.error = -error;
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) != 0 && errno != ENOENT) fail("send");
}

// Answers as soon as there is a descriptor, also while nobody closes the connection.
int notify(char** words, bool interrupting) {
  const int connection = accept_one(words[0]);
  int listener = -1;
  pollfd waiting[2] = {{connection, POLLIN, 0}, {-1, POLLIN, 0}};
  for (int messages = 0; listener < 0 || (waiting[1].revents & ~POLLIN) == 0;) {
    if (poll(waiting, 2, -1) < 0) fail("poll");
    if (waiting[0].revents != 0 && !receive_one(connection, messages++, &listener)) {
      if (listener < 0) return 1;
      waiting[0].fd = -1;
    }
    waiting[1].fd = listener;
    if ((waiting[1].revents & POLLIN) != 0) answer(listener, atoi(words[1]), interrupting);
  }
  printf("over\n");
  return 0;
}

sockaddr_un name_of(const char* path) {
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  strncpy(name.sun_path, path, sizeof name.sun_path - 1);
  return name;
}

int ready(char** words) {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_un name = name_of(words[0]);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) fail("bind");
  for (int number = 0;; number++) {
    int descriptor = -1;
    if (!receive_one(fd, number, &descriptor)) return 1;
    // Only that one brings a descriptor, which says that all was read when nobody has it any more.
    if (descriptor >= 0) return 0;
  }
}

int tell(int count, char** words) {
  const char* path = getenv("NOTIFY_SOCKET");
  if (path == nullptr) return printf("no socket\n"), 1;
  const sockaddr_un name = name_of(path);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (int i = 0; i < count; i++) {
    if (const int milliseconds = atoi(words[i]); milliseconds > 0) {
      usleep(static_cast<useconds_t>(milliseconds) * 1000);
      continue;
    }
    const bool with_descriptor = strncmp(words[i], "fd:", 3) == 0;
    char* text = words[i] + (with_descriptor ? 3 : 0);
    iovec part = {text, strlen(text)};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message = {};
    message.msg_name = const_cast<sockaddr_un*>(&name);
    message.msg_namelen = sizeof name;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (with_descriptor) {
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    printf("%s: %d\n", words[i], sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? errno : 0);
    fflush(stdout);
  }
  return 0;
}

int pidfd(char** words) {
  const int descriptor = receive(accept_one(words[0]));
  const std::string path = "/proc/self/fdinfo/" + std::to_string(descriptor);
  FILE* file = fopen(path.c_str(), "r");
  if (file == nullptr) fail("fdinfo");
  for (char line[256]; fgets(line, sizeof line, file) != nullptr;)
    if (strncmp(line, "Pid:", 4) == 0) printf("pid %d\n", atoi(line + 4));
  fclose(file);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) return 64;
  const char* mode = words[1];
  if (strcmp(mode, "call") == 0) return call(count - 2, words + 2);
  if (strcmp(mode, "call32") == 0) return call32(words + 2);
  if (strcmp(mode, "signalled") == 0) return signalled(count - 2, words + 2);
  if (strcmp(mode, "thread") == 0) return thread(words + 2);
  if (strcmp(mode, "traced") == 0) return traced(words + 2);
  if (strcmp(mode, "trap") == 0) return trap(words + 2);
  if (strcmp(mode, "console") == 0) return console(words + 2);
  if (strcmp(mode, "scheduling") == 0) return scheduling(words + 2);
  if (strcmp(mode, "keylabel") == 0) return keylabel(words + 2);
  if (strcmp(mode, "notify") == 0 && count > 3) return notify(words + 2, false);
  if (strcmp(mode, "interrupt") == 0 && count > 3) return notify(words + 2, true);
  if (strcmp(mode, "ready") == 0) return ready(words + 2);
  if (strcmp(mode, "tell") == 0) return tell(count - 2, words + 2);
  if (strcmp(mode, "pidfd") == 0) return pidfd(words + 2);
  return 64;
}
