// tsrun-init: reads a plan, runs it step by step inside the container's namespaces, and becomes the container's program.
//
// It decides nothing. It is one static executable without a C library and without threads, so what it asks of the
// kernel is what the plan says, and nothing of the host is mapped in a process that the container can see.
#include <linux/prctl.h>
#include <linux/stat.h>

#include "context.h"
#include "gate.h"
#include "pause.h"

namespace {

struct Entry {
  plan::Op op;
  const char* fields;
  OpFunction run;
};

constexpr Entry kOps[] = {
#define X(name, code, fields) {plan::Op::name, fields, op::name},
    TSRUN_OPS(X)
#undef X
};

const Entry* find(uint32_t code) {
  for (const Entry& entry : kOps)
    if (static_cast<uint32_t>(entry.op) == code) return &entry;
  return nullptr;
}

constexpr int kExitNoPlan = 70;  // EX_SOFTWARE: no gate to tell it through

const char* map_plan(int fd, size_t& size) {
  struct statx status {};
  if (sys::call(__NR_statx, fd, sys::ptr(""), sys::kAtEmptyPath, STATX_SIZE, sys::ptr(&status)) < 0) return nullptr;
  size = status.stx_size;
  constexpr int kProtRead = 1, kMapPrivate = 2, kMapPopulate = 0x8000;
  long at = sys::call(__NR_mmap, 0, static_cast<long>(size), kProtRead, kMapPrivate | kMapPopulate, fd, 0);
  return at < 0 && at > -4096 ? nullptr : reinterpret_cast<const char*>(at);
}

void die(int signal) { sys::exit(128 + signal); }

#if defined(__x86_64__)
extern "C" void restore_from_signal();
asm("restore_from_signal: mov $15, %eax\n syscall\n");  // rt_sigreturn; the kernel wants a restorer on this architecture
#endif

// What a process does not die of by itself: it cannot be caught, or stops, continues, or does nothing.
constexpr bool ends_a_process(int signal) {
  constexpr int kOthers[] = {9, 17, 18, 19, 20, 21, 22, 23, 28};  // KILL CHLD CONT STOP TSTP TTIN TTOU URG WINCH
  for (int other : kOthers)
    if (signal == other) return false;
  return true;
}

// Pid 1 of a namespace ignores each signal that it does not handle, and a container that waits to be started must end
// like any other process. Signals that the caller ignored stay ignored, as the program is to find them.
void die_of_signals() {
  constexpr int kHighest = 64;
  void (*const kIgnore)(int) = reinterpret_cast<void (*)(int)>(1);
  for (int signal = 1; signal <= kHighest; signal++) {
    if (!ends_a_process(signal)) continue;
    sys::Sigaction action{}, before{};
    action.handler = die;
#if defined(__x86_64__)
    constexpr unsigned long kSaRestorer = 0x04000000;
    action.flags = kSaRestorer;
    action.restorer = restore_from_signal;
#endif
    sys::call(__NR_rt_sigaction, signal, sys::ptr(&action), sys::ptr(&before), sizeof(uint64_t));
    if (before.handler == kIgnore)
      sys::call(__NR_rt_sigaction, signal, sys::ptr(&before), 0, sizeof(uint64_t));
  }
}

void begin(Context& context, const plan::Header& header) {
  constexpr unsigned kCloseRangeCloexec = 4;
  sys::close_range(static_cast<unsigned>(context.own), ~0u, kCloseRangeCloexec);
  // Until the program runs nobody in the container may trace this process or look through its descriptors
  // (CVE-2016-9962); execve makes the program dumpable again.
  sys::prctl(PR_SET_DUMPABLE, 0);
  sys::prctl(PR_SET_NAME, static_cast<unsigned long>(sys::ptr("tsrun-init")));
  die_of_signals();
  for (int& fd : context.fds) fd = -1;
  for (uint32_t i = 0; i < header.inherited; i++) context.fds[i] = context.own + 2 + static_cast<int>(i);
}

[[noreturn]] void run(Context& context, plan::Reader& reader, uint32_t steps) {
  static plan::Field fields[plan::kMaxFields];
  for (uint32_t i = 0; i < steps; i++) {
    plan::StepHeader step;
    if (!reader.step(step)) gate::fail(context, -sys::kEPROTO);
    context.step = step.index;
    const Entry* entry = find(step.op);
    if (entry == nullptr || !reader.fields(entry->fields, fields)) gate::fail(context, -sys::kEPROTO);
    long result = entry->run(context, fields);
    if (result < 0) gate::fail(context, result);
  }
  gate::fail(context, -sys::kEPROTO);  // a plan ends in execve or in waiting, never by running out of steps
}

constexpr const char* kPause = "/pause";

constinit Context context;  // in .bss: the stack of a small rlimit need not hold it

}  // namespace

extern "C" [[noreturn]] void init_main(long* stack) {
  const long argc = stack[0];
  char** argv = reinterpret_cast<char**>(stack + 1);
  if (argc == 1 && text::equal(argv[0], kPause)) pause_until_told();
  const long own = argc == 2 ? text::parse_number(argv[1]) : -1;
  if (own < 3 || own > 100000) sys::exit(kExitNoPlan);
  context.own = static_cast<int>(own);
  context.gate = context.own + 1;
  size_t size = 0;
  const char* data = map_plan(context.own, size);
  if (data == nullptr) sys::exit(kExitNoPlan);
  plan::Reader reader;
  plan::Header header;
  if (!reader.open(data, size, header)) sys::exit(kExitNoPlan);
  begin(context, header);
  sys::close(context.own);
  run(context, reader, header.steps);
}

#if defined(__x86_64__)
asm(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call init_main\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start: mov x29, #0\n mov x0, sp\n bl init_main\n");
#endif
