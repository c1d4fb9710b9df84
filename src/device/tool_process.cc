#include "device/tool_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

extern char** environ;

namespace ondol {
namespace {

constexpr int64_t kReapMs = 200;  // for a killed process to go

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

ToolProcess::~ToolProcess() {
  int status = 0;
  if (left_behind_ > 0) (void)reap(left_behind_, now_ms(), status);
}

bool ToolProcess::reap(pid_t pid, int64_t deadline_ms, int& status) {
  while (true) {
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid || (ended < 0 && errno != EINTR)) return true;
    if (now_ms() >= deadline_ms) return false;
    ::poll(nullptr, 0, 2);  // the tool has closed its output or was killed: it ends in a moment
  }
}

Result<pid_t> ToolProcess::start(const std::vector<std::string>& arguments, int out) const {
  std::vector<char*> argv = {const_cast<char*>(program_.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setpgroup(&attributes, 0);  // a group of its own, so that its children can be killed with it
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program_.c_str(), &actions, &attributes, argv.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail(Code::kNotFound, "cannot run " + quoted(program_, 200) + ": " + std::strerror(error));
  return pid;
}

Status ToolProcess::read_all(int in, int64_t deadline_ms, std::string& output) const {
  while (true) {
    const int64_t left_ms = deadline_ms - now_ms();
    pollfd ready{.fd = in, .events = POLLIN, .revents = 0};
    const int polled = left_ms > 0 ? ::poll(&ready, 1, static_cast<int>(left_ms)) : 0;
    if (polled < 0 && errno == EINTR) continue;
    if (polled <= 0) return fail(Code::kDeadlineExceeded, program_ + " did not answer within " + std::to_string(limit_ms_) + " ms");
    char buffer[16384];
    const ssize_t got = ::read(in, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {};
    output.append(buffer, static_cast<size_t>(got));
    if (output.size() > kMaxOutput) return fail(Code::kPayloadTooLarge, program_ + " wrote more than 4 MiB");
  }
}

Result<std::string> ToolProcess::run(const std::vector<std::string>& arguments) {
  const int64_t deadline_ms = now_ms() + limit_ms_;
  int status = 0;
  if (left_behind_ > 0) {
    if (!reap(left_behind_, 0, status)) return fail(Code::kUnavailable, program_ + " still hangs from an earlier run: is the driver well?");
    left_behind_ = 0;
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Code::kResourceExhausted, std::string("cannot make a pipe: ") + std::strerror(errno));
  const Result<pid_t> pid = start(arguments, ends[1]);
  ::close(ends[1]);
  std::string output;
  Status read = pid ? read_all(ends[0], deadline_ms, output) : Status(std::unexpected(pid.error()));
  ::close(ends[0]);
  if (!pid) return std::unexpected(pid.error());
  if (read && !reap(*pid, deadline_ms, status)) {
    read = fail(Code::kDeadlineExceeded, program_ + " did not end within " + std::to_string(limit_ms_) + " ms");
  } else if (read) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
    return fail(Code::kUnavailable, program_ + (WIFEXITED(status) ? " ended with status " + std::to_string(WEXITSTATUS(status))
                                                                  : " was ended by signal " + std::to_string(WTERMSIG(status))));
  }
  ::kill(-*pid, SIGKILL);
  if (!reap(*pid, now_ms() + kReapMs, status)) left_behind_ = *pid;
  return std::unexpected(std::move(read).error());
}

}  // namespace ondol
