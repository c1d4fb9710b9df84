// For the tests of this room: plain blocking TCP, of a client and of a server, and a flag that another thread raises.
//
// Owner: a test. One thread each (Signal: any). Bounded: every wait ends after kPatience with a failed test.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace ondol {

inline constexpr auto kPatience = std::chrono::seconds(60);

class Signal {
 public:
  void raise() {
    const std::scoped_lock lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  bool wait(int count = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return count_ >= count; });
  }
  int count() {
    const std::scoped_lock lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

class TestSocket {
 public:
  TestSocket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int now = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
  }
  explicit TestSocket(uint16_t port, int receive_buffer_bytes = 0) : TestSocket() {
    if (receive_buffer_bytes > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    connect(port);
  }
  struct Adopted {
    int fd;
  };
  explicit TestSocket(Adopted accepted) : fd_(accepted.fd), connected_(true) {}
  ~TestSocket() { close(); }
  TestSocket(TestSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_), buffer_(std::move(other.buffer_)) {}
  TestSocket& operator=(TestSocket&&) = delete;

  bool connect(uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    return connected_;
  }
  bool connected() const { return connected_; }
  int fd() const { return fd_; }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  // Up to and including `end`; what came so far if the connection ends before.
  std::string read_until(std::string_view end) {
    size_t at = 0;
    while ((at = buffer_.find(end)) == std::string::npos) {
      if (!more()) return std::exchange(buffer_, {});
    }
    std::string out = buffer_.substr(0, at + end.size());
    buffer_.erase(0, out.size());
    return out;
  }

  std::string read_bytes(size_t count) {
    while (buffer_.size() < count && more()) continue;
    std::string out = buffer_.substr(0, count);
    buffer_.erase(0, out.size());
    return out;
  }

  std::string read_all() {
    while (more()) continue;
    return std::exchange(buffer_, {});
  }

  // Header block and, by its Content-Length, body.
  std::string read_response() {
    std::string head = read_until("\r\n\r\n");
    const size_t at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    return head + read_bytes(std::stoul(head.substr(at + 16)));
  }

  void finish_sending() { ::shutdown(fd_, SHUT_WR); }
  // Ends with RST, as a killed client with unread data does.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  bool more() {
    pollfd wait_for{fd_, POLLIN, 0};
    if (::poll(&wait_for, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) <= 0) return false;
    char bytes[4096];
    const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n > 0) buffer_.append(bytes, static_cast<size_t>(n));
    return n > 0;
  }

  int fd_;
  bool connected_ = false;
  std::string buffer_;
};

// A free port of this machine, whose connections the test takes itself.
class TestListener {
 public:
  TestListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof at;
    ::bind(fd_, reinterpret_cast<const sockaddr*>(&at), length);
    ::listen(fd_, 16);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &length);
    port_ = ntohs(at.sin_port);
  }
  ~TestListener() { ::close(fd_); }
  TestListener(const TestListener&) = delete;

  uint16_t port() const { return port_; }
  TestSocket accept() const { return TestSocket(TestSocket::Adopted{::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)}); }
  void stop() const { ::shutdown(fd_, SHUT_RDWR); }  // ends a waiting accept(), whose socket is then -1

 private:
  const int fd_;
  uint16_t port_ = 0;
};

}  // namespace ondol
