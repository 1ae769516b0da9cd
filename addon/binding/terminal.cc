// Terminals: raw mode, window size.
#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "support.h"

namespace binding {
namespace {

// (fd) -> the settings as they were, to be given to setTerminal
Napi::Value make_raw(const Napi::CallbackInfo& info) {
  struct termios before {};
  const int fd = integer32(info[0]);
  check(info.Env(), tcgetattr(fd, &before), "tcgetattr");
  struct termios raw = before;
  cfmakeraw(&raw);
  check(info.Env(), tcsetattr(fd, TCSANOW, &raw), "tcsetattr");
  return Napi::Buffer<uint8_t>::Copy(info.Env(), reinterpret_cast<uint8_t*>(&before), sizeof before);
}

// (fd): what is written to it is passed on with no carriage return before a newline
Napi::Value keep_newlines(const Napi::CallbackInfo& info) {
  struct termios settings {};
  const int fd = integer32(info[0]);
  check(info.Env(), tcgetattr(fd, &settings), "tcgetattr");
  settings.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
  check(info.Env(), tcsetattr(fd, TCSANOW, &settings), "tcsetattr");
  return info.Env().Undefined();
}

// (fd, settings)
Napi::Value set_terminal(const Napi::CallbackInfo& info) {
  const auto settings = info[1].As<Napi::Uint8Array>();
  if (settings.ByteLength() != sizeof(struct termios)) throw_errno(info.Env(), EINVAL, "tcsetattr");
  check(info.Env(), tcsetattr(integer32(info[0]), TCSANOW, reinterpret_cast<const struct termios*>(settings.Data())), "tcsetattr");
  return info.Env().Undefined();
}

// (fd) -> [rows, columns]
Napi::Value window_size(const Napi::CallbackInfo& info) {
  struct winsize size {};
  check(info.Env(), ioctl(integer32(info[0]), TIOCGWINSZ, &size), "ioctl");
  auto out = Napi::Array::New(info.Env(), 2);
  out.Set(0u, Napi::Number::New(info.Env(), size.ws_row));
  out.Set(1u, Napi::Number::New(info.Env(), size.ws_col));
  return out;
}

// (fd, rows, columns)
Napi::Value set_window_size(const Napi::CallbackInfo& info) {
  struct winsize size {};
  size.ws_row = static_cast<unsigned short>(integer32(info[1]));
  size.ws_col = static_cast<unsigned short>(integer32(info[2]));
  check(info.Env(), ioctl(integer32(info[0]), TIOCSWINSZ, &size), "ioctl");
  return info.Env().Undefined();
}

// (fd) -> false when another process group of the session has the terminal
Napi::Value is_foreground(const Napi::CallbackInfo& info) {
  const pid_t group = tcgetpgrp(integer32(info[0]));
  // A terminal that does not control this process has no group that could be in the way.
  return Napi::Boolean::New(info.Env(), group < 0 || group == getpgrp());
}

// (master) -> slave
Napi::Value pty_peer(const Napi::CallbackInfo& info) {
  const long slave = check(info.Env(), ioctl(integer32(info[0]), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC), "ioctl");
  return Napi::Number::New(info.Env(), static_cast<double>(slave));
}

// () -> [master, slave]
Napi::Value open_pty(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  UniqueFd master(static_cast<int>(check(env, posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt")));
  int unlocked = 0;
  check(env, ioctl(master.get(), TIOCSPTLCK, &unlocked), "ioctl");
  const long slave = check(env, ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC), "ioctl");
  auto out = Napi::Array::New(env, 2);
  out.Set(0u, Napi::Number::New(env, master.release()));
  out.Set(1u, Napi::Number::New(env, static_cast<double>(slave)));
  return out;
}

}  // namespace

void export_terminal(Napi::Env env, Napi::Object exports) {
  add(env, exports, "makeRaw", make_raw);
  add(env, exports, "keepNewlines", keep_newlines);
  add(env, exports, "setTerminal", set_terminal);
  add(env, exports, "windowSize", window_size);
  add(env, exports, "setWindowSize", set_window_size);
  add(env, exports, "isForeground", is_foreground);
  add(env, exports, "ptyPeer", pty_peer);
  add(env, exports, "openPty", open_pty);
}

}  // namespace binding
