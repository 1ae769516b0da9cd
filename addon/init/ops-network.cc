// The op that brings the loopback interface up.
#include "context.h"

namespace op {

long lo_up(Context&, const plan::Field*) {
  constexpr int kAfInet = 2, kSockDgramCloexec = 2 | sys::kOCloexec;
  constexpr long kSiocgifflags = 0x8913, kSiocsifflags = 0x8914;
  struct {
    char name[16];
    short flags;
    char padding[22];
  } request{{'l', 'o'}, 0, {}};
  long fd = sys::call(__NR_socket, kAfInet, kSockDgramCloexec, 0);
  if (fd < 0) return fd;
  long result = sys::call(__NR_ioctl, fd, kSiocgifflags, sys::ptr(&request));
  if (result == 0) {
    request.flags |= 1;  // IFF_UP
    result = sys::call(__NR_ioctl, fd, kSiocsifflags, sys::ptr(&request));
  }
  sys::close(static_cast<int>(fd));
  return result;
}

}  // namespace op
