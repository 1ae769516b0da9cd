// What a shell cannot do, for the tests: single system calls, and the other end of the sockets that a runtime connects to.
//
//   probe call NUMBER [ARGUMENT...]   makes a system call: prints what it returns and errno
//   probe trap NUMBER                 the same with a handler for SIGSYS: prints the signal's code and the call's number
//   probe console SOCKET              takes a terminal's master: prints the message, the window's size, then what is written
//   probe scheduling PID              prints policy, flags, nice, priority, runtime, deadline and period of a process
//   probe keylabel KEYRING            prints the label that a security module has put on a keyring
//   probe notify SOCKET ERRNO         takes a seccomp listener: prints the messages, then answers every call with ERRNO

#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

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
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  if (bind(server, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
  if (listen(server, 1) != 0) fail("listen");
  const int connection = accept(server, nullptr, nullptr);
  if (connection < 0) fail("accept");
  return connection;
}

// Prints the whole payload and how many descriptors came with which message; returns the last descriptor.
int receive(int connection) {
  char payload[65536];
  int descriptor = -1;
  int messages = 0;
  for (;; messages++) {
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
      memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    }
    if (length == 0) break;
    printf("message %d: %d descriptors: %.*s\n", messages, count, static_cast<int>(length), payload);
  }
  printf("closed\n");
  fflush(stdout);
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

int notify(char** words) {
  const int listener = receive(accept_one(words[0]));
  for (;;) {
    seccomp_notif request = {};
    pollfd waiting = {listener, POLLIN, 0};
    if (poll(&waiting, 1, -1) < 0) fail("poll");
    if ((waiting.revents & POLLIN) == 0) break;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) continue;
    printf("call %d of a process %d\n", request.data.nr, request.pid > 0);
    fflush(stdout);
    seccomp_notif_resp response = {};
    response.id = request.id;
    response.error = -atoi(words[1]);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) != 0 && errno != ENOENT) fail("send");
  }
  printf("over\n");
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) return 64;
  const char* mode = words[1];
  if (strcmp(mode, "call") == 0) return call(count - 2, words + 2);
  if (strcmp(mode, "trap") == 0) return trap(words + 2);
  if (strcmp(mode, "console") == 0) return console(words + 2);
  if (strcmp(mode, "scheduling") == 0) return scheduling(words + 2);
  if (strcmp(mode, "keylabel") == 0) return keylabel(words + 2);
  if (strcmp(mode, "notify") == 0 && count > 3) return notify(words + 2);
  return 64;
}
