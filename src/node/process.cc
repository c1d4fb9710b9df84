#include "node/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/thread_name.h"

extern char** environ;

namespace ondol {
namespace {

struct Pipe {
  int ends[2] = {-1, -1};
  ~Pipe() {
    for (const int end : ends)
      if (end >= 0) ::close(end);
  }
  bool open() { return ::pipe2(ends, O_CLOEXEC) == 0; }
  int take(int i) { return std::exchange(ends[i], -1); }
};

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& more) {
  std::vector<std::string> out;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view entry(*at);
    if (!more.contains(std::string(entry.substr(0, entry.find('='))))) out.emplace_back(entry);
  }
  for (const auto& [name, value] : more) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

// In the child, between fork and exec: only what is safe in a copy of one thread of many.
[[noreturn]] void become(char* const* argv, char* const* envp, pid_t parent, int output, int trouble) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (::getppid() == parent && ::dup2(nothing, 0) == 0 && ::dup2(output, 1) == 1 && ::dup2(output, 2) == 2) {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::execvpe(argv[0], argv, envp);
  }
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(trouble, &error, sizeof error);
  ::_exit(127);
}

std::string how_text(int status) {
  if (WIFEXITED(status)) return "exit code " + std::to_string(WEXITSTATUS(status));
  return "signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")";
}

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
}

}  // namespace

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(const std::vector<std::string>& argv,
                                                          const std::map<std::string, std::string>& environment,
                                                          std::shared_ptr<EngineLog> log) {
  if (argv.empty()) return fail(Code::kInvalidArgument, "there is no program to start");
  Pipe output, trouble;
  if (!output.open() || !trouble.open()) return fail(Code::kResourceExhausted, std::string("cannot make a pipe: ") + std::strerror(errno));
  const std::vector<std::string> entries = merged_environment(environment);
  const std::vector<char*> words = pointers(argv), env = pointers(entries);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(Code::kResourceExhausted, std::string("cannot start a process: ") + std::strerror(errno));
  if (pid == 0) become(words.data(), env.data(), parent, output.ends[1], trouble.ends[1]);
  ::setpgid(pid, pid);  // in both: whoever comes first
  ::close(trouble.take(1));
  int error = 0;
  ssize_t got = 0;
  while ((got = ::read(trouble.ends[0], &error, sizeof error)) < 0 && errno == EINTR) continue;
  if (got > 0) {
    reap(pid);
    return fail(Code::kNotFound, "cannot run " + ondol::quoted(argv[0]) + ": " + std::strerror(error) + "; is it installed and in PATH?");
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, output.take(0), std::move(log)));
}

ChildProcess::ChildProcess(pid_t pid, int output, std::shared_ptr<EngineLog> log)
    : pid_(pid), output_(output), stop_reading_(::eventfd(0, EFD_CLOEXEC)), log_(std::move(log)) {
  reader_ = std::thread([this] { read_output(); });
}

ChildProcess::~ChildProcess() {
  if (!how_) {
    ::kill(-pid_, SIGKILL);
    reap(pid_);
    ::kill(-pid_, SIGKILL);
  }
  // Somebody who left the group may hold the pipe open: what is in it is read, its end is not waited for.
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_reading_, &one, sizeof one);
  reader_.join();
  ::close(output_);
  ::close(stop_reading_);
}

void ChildProcess::signal(int number) {
  if (!how_) ::kill(-pid_, number);
}

std::optional<std::string> ChildProcess::ended() {
  if (how_) return how_;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  ::kill(-pid_, SIGKILL);
  how_ = how_text(status);
  return how_;
}

void ChildProcess::read_output() {
  name_this_thread("ondol-log");
  std::vector<char> buffer(16 << 10);
  while (true) {
    pollfd wait_for[2] = {{output_, POLLIN, 0}, {stop_reading_, POLLIN, 0}};
    if (::poll(wait_for, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (wait_for[0].revents == 0) return;
    const ssize_t got = ::read(output_, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    log_->append({buffer.data(), static_cast<size_t>(got)});
    // A flood must not hold the end back.
    if (wait_for[1].revents != 0 && static_cast<size_t>(got) == buffer.size()) return;
  }
}

void adopt_orphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

int kill_orphans(const std::vector<pid_t>& known) {
  int killed = 0, adopts = 0;
  if (::prctl(PR_GET_CHILD_SUBREAPER, &adopts) != 0 || adopts == 0) return 0;
  std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  for (pid_t pid = 0; children >> pid;) {
    if (std::ranges::find(known, pid) != known.end()) continue;
    if (::waitpid(pid, nullptr, WNOHANG) == pid) continue;  // it had ended by itself
    ::kill(pid, SIGKILL);                                   // reaped the next time
    ++killed;
  }
  return killed;
}

}  // namespace ondol
