#include "gate.h"

#include <linux/socket.h>

namespace {

constexpr int kSolSocket = 1, kScmRights = 1, kMsgNosignal = 0x4000, kMsgCmsgCloexec = 0x40000000;
constexpr int kExitFailed = 1;

struct OneFd {
  sys::Cmsghdr header;
  int fd;
  int padding;
};

}  // namespace

namespace gate {

long send(Context& context, plan::MessageKind kind, long error, uint64_t value, int fd) {
  plan::Message message{kind, context.step, static_cast<int32_t>(error), static_cast<uint32_t>(context.notes.length), value};
  long result;
  if (fd < 0) {
    // write and read are what every seccomp filter lets through.
    static text::Buffer<sizeof message + plan::kMaxText + 1> record;
    record.truncate(0);
    record.add(reinterpret_cast<const char*>(&message), sizeof message);
    record.add(context.notes.data, context.notes.length);
    result = sys::write(context.gate, record.data, record.length);
  } else {
    sys::Iovec parts[2] = {{&message, sizeof message}, {context.notes.data, context.notes.length}};
    OneFd control{{sizeof(sys::Cmsghdr) + sizeof(int), kSolSocket, kScmRights}, fd, 0};
    sys::Msghdr header{nullptr, 0, parts, 2, &control, sizeof control, 0};
    result = sys::call(__NR_sendmsg, context.gate, sys::ptr(&header), kMsgNosignal);
  }
  context.notes.truncate(0);
  return result < 0 ? result : 0;
}

long wait_for_go(Context& context, int* places, uint32_t count) {
  plan::Reply reply{};
  if (count == 0) {
    if (sys::read(context.gate, &reply, sizeof reply) <= 0) sys::exit(kExitFailed);
    return reply.kind == plan::kGo && reply.fds == 0 ? 0 : -sys::kEPROTO;
  }
  sys::Iovec part{&reply, sizeof reply};
  alignas(sys::Cmsghdr) static char control[sizeof(sys::Cmsghdr) + plan::kMaxGateFds * sizeof(int)];
  sys::Msghdr header{nullptr, 0, &part, 1, control, sizeof control, 0};
  long got = sys::call(__NR_recvmsg, context.gate, sys::ptr(&header), kMsgCmsgCloexec);
  if (got <= 0) sys::exit(kExitFailed);
  if (got != sizeof reply || reply.kind != plan::kGo || reply.fds != count) return -sys::kEPROTO;
  sys::Cmsghdr first;
  if (header.control_length < sizeof first) return -sys::kEPROTO;
  memcpy(&first, control, sizeof first);
  if (first.length != sizeof first + count * sizeof(int) || first.type != kScmRights) return -sys::kEPROTO;
  memcpy(places, control + sizeof first, count * sizeof(int));
  return 0;
}

void warn(Context& context, long error, uint64_t value) { send(context, plan::kWarning, -error, value, -1); }

void tell_failure(Context& context, long error) { send(context, plan::kFailure, -error, 0, -1); }

void fail(Context& context, long error) {
  tell_failure(context, error);
  sys::exit(kExitFailed);
}

}  // namespace gate
