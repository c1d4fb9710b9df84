// A chat's stream as Anthropic's: the data of its events in, whole server-sent events out.
//
// Owner: one answer. One thread at a time. Bounded: kMaxBlocks blocks; what has to wait for the block before it, kMaxHeldBytes.
// Anthropic's blocks come one after the other, and its clients take a delta for the last one that began. Calls of tools that interleave
// are therefore put in order: a block is open until its JSON is complete, what belongs to the next ones waits.
#pragma once

#include <boost/json/object.hpp>
#include <deque>
#include <set>
#include <string>
#include <string_view>

#include "endpoint/api_error.h"

namespace ondol {

// Finds the end of a JSON object in text that comes in pieces.
class ObjectEnd {
 public:
  void push(std::string_view text);
  bool complete() const { return begun_ && depth_ == 0; }

 private:
  int64_t depth_ = 0;
  bool begun_ = false, in_string_ = false, escaped_ = false;
};

class MessagesStream {
 public:
  static constexpr size_t kMaxBlocks = 4096, kMaxHeldBytes = 4 << 20;

  // `id`: of the message ("msg_..."). `request_id` goes into errors.
  MessagesStream(std::string id, std::string request_id) : id_(std::move(id)), request_id_(std::move(request_id)) {}

  // The data of one event of the chat, "[DONE]" included. An error in it, or what is no chat, ends the stream with an event "error".
  // After the end nothing comes any more.
  std::string event(std::string_view data);
  // The chat's stream is over: what is missing, or the event "error" if it broke off.
  std::string end();
  // Ends it with an error.
  std::string failed(const ApiError& error);
  bool over() const { return over_; }

 private:
  enum class Kind { kThinking, kText, kTool };
  struct Block {
    Kind kind = Kind::kText;
    int64_t call = -1;         // kTool: the index in the chat
    std::string id = {};       // kTool
    std::string name = {};     // kTool
    std::string held = {};     // of a block that has not begun
    ObjectEnd arguments = {};  // kTool
  };

  void take(const boost::json::object& chunk);
  void add_text(Kind kind, std::string_view text);
  void add_call(const boost::json::object* call, size_t place);
  Block* find_call(int64_t index, std::string_view id);
  void begin_block(Block block);
  void append(Block& block, std::string_view text);
  void advance();  // ends blocks that are complete and begins the next one
  void start_front();
  void stop_front();
  void close();
  void fail(int status, std::string_view message);
  void emit(std::string_view type, boost::json::object fields);
  void emit_delta(const Block& block, std::string_view text);

  std::string id_, request_id_;
  std::string out_;
  std::deque<Block> blocks_;  // those that are not over; the first one has begun if front_begun_
  std::set<int64_t> closed_calls_;
  boost::json::object usage_;
  std::string finish_reason_, stop_sequence_;
  size_t held_bytes_ = 0;
  int64_t index_ = 0;  // of the first block
  bool started_ = false, front_begun_ = false, calls_tools_ = false, over_ = false;
};

}  // namespace ondol
