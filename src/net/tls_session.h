// Private to this room: the server's side of one TLS connection, as a filter: bytes of the socket on one side, bytes of HTTP on the other.
//
// Owner: one Connection, on its strand. It does no I/O, so that a connection reads, writes and times out in one way, encrypted or not.
// Bounded: at most the bytes of one received() wait to be decrypted; what it has to say is counted by output_bytes(); a client that sends
// much without any HTTP in it (key updates, for ever) breaks the protocol.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace ondol {

class TlsSession {
 public:
  explicit TlsSession(const std::shared_ptr<ssl_ctx_st>& context);
  ~TlsSession();

  bool ready() const { return state_ != State::kHandshake; }  // encrypt() may be called
  // The client said goodbye, or broke the protocol: nothing more comes from it.
  bool over() const { return state_ == State::kEnded || state_ == State::kBroken; }

  // Where bytes of the socket go before received(). Both only when decrypt() has returned 0.
  std::span<char> space() { return space_; }
  // False if these are the first bytes and they look like plain HTTP.
  bool received(size_t bytes);

  // Bytes of HTTP, as many as there are and fit; 0: none until more is received. Goes on with the handshake, too.
  size_t decrypt(char* into, size_t capacity);
  // Replaces bytes of HTTP by what goes to the socket. False if the connection is broken.
  bool encrypt(std::string& bytes);

  // The end of what this side sends.
  void say_goodbye();
  // Appends what TLS has to send by itself (handshake, alerts, goodbye); false if there is nothing.
  bool take_output(std::string& into);
  size_t output_bytes() const;

 private:
  enum class State { kHandshake, kOpen, kEnded, kBroken };
  struct Free {
    void operator()(ssl_st* ssl) const;
  };

  std::unique_ptr<ssl_st, Free> ssl_;
  State state_ = State::kHandshake;
  bool begun_ = false;
  size_t without_data_ = 0;  // bytes received since decrypt() gave some
  std::string sealed_;       // kept for its capacity
  std::array<char, 8 << 10> space_;
};

}  // namespace ondol
