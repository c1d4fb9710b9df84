#include "app/signals.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

namespace ondol {
namespace {

// What a handler may touch: lock-free atomics and a descriptor to write to.
std::atomic<bool> armed{false};
std::atomic<int> received{0};
std::atomic<bool> interrupted{false};
std::atomic<int> event_fd{-1};

void on_stop(int number) {
  const int saved = errno;
  if (!armed.load() || received.exchange(number) != 0) ::_exit(128 + number);
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_fd.load(), &one, sizeof one);
  errno = saved;
}

void on_interrupt(int) { interrupted.store(true); }

void set_handler(int number, void (*handler)(int), int flags) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = flags;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals() {
  received = 0;
  armed = false;
  event_fd = ::eventfd(0, EFD_CLOEXEC);
  set_handler(SIGINT, on_stop, SA_RESTART);
  set_handler(SIGTERM, on_stop, SA_RESTART);
}

StopSignals::~StopSignals() {
  set_handler(SIGINT, SIG_DFL, 0);
  set_handler(SIGTERM, SIG_DFL, 0);
  ::close(event_fd.exchange(-1));
}

void StopSignals::arm() { armed = true; }

int StopSignals::wait() {
  // Reading what the handler wrote, not only the number it stored: after that it touches the descriptor no more, and it may be closed.
  uint64_t count = 0;
  while (::read(event_fd.load(), &count, sizeof count) < 0 && errno == EINTR) {
  }
  return received.load();
}

InterruptFlag::InterruptFlag() {
  interrupted = false;
  set_handler(SIGINT, on_interrupt, 0);  // no SA_RESTART: a read of the terminal returns with EINTR
}

InterruptFlag::~InterruptFlag() { set_handler(SIGINT, SIG_DFL, 0); }

bool InterruptFlag::raised() const { return interrupted.load(); }

void InterruptFlag::clear() { interrupted = false; }

}  // namespace ondol
