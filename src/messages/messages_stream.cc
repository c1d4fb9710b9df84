#include "messages/messages_stream.h"

#include <boost/json.hpp>
#include <utility>

#include "messages/answer_json.h"
#include "messages/messages_answer.h"
#include "messages/messages_error.h"

namespace ondol {

namespace json = boost::json;

void ObjectEnd::push(std::string_view text) {
  for (const char c : text) {
    if (in_string_) {
      if (!std::exchange(escaped_, c == '\\' && !escaped_) && c == '"') in_string_ = false;
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      begun_ = true;
      ++depth_;
    } else if ((c == '}' || c == ']') && depth_ > 0) {
      --depth_;
    }
  }
}

std::string MessagesStream::event(std::string_view data) {
  if (over_) return {};
  if (data == "[DONE]") return end();
  const std::optional<json::value> value = parse_answer_json(data);
  const json::object* chunk = value ? value->if_object() : nullptr;
  if (chunk == nullptr) {
    fail(502, "The engine's stream has an event that is no JSON object.");
  } else if (chunk->contains("error") && !chunk->at("error").is_null()) {
    const std::string message = error_message_in(data);
    fail(status_in(*chunk), message.empty() ? "The answer failed, and the engine gave no reason." : message);
  } else {
    take(*chunk);
  }
  return std::exchange(out_, {});
}

std::string MessagesStream::end() {
  if (over_) return {};
  if (finish_reason_.empty()) {
    fail(502, "The answer broke off: the engine's stream ended before it was complete.");
  } else {
    close();
  }
  return std::exchange(out_, {});
}

std::string MessagesStream::failed(const ApiError& error) {
  if (over_) return {};
  fail(error.status, error.message);
  return std::exchange(out_, {});
}

void MessagesStream::take(const json::object& chunk) {
  if (const json::object* usage = object_at(&chunk, "usage")) usage_ = *usage;
  if (!std::exchange(started_, true)) {
    emit("message_start", {{"message", open_message(id_, text_at(&chunk, "model"), {}, messages_usage(&usage_))}});
  }
  const json::array* choices = array_at(&chunk, "choices");
  const json::object* choice = choices == nullptr || choices->empty() ? nullptr : (*choices)[0].if_object();
  const json::object* delta = object_at(choice, "delta");
  add_text(Kind::kThinking, reasoning_in(delta));
  add_text(Kind::kText, text_at(delta, "content"));
  add_text(Kind::kText, text_at(delta, "refusal"));
  const json::array* calls = array_at(delta, "tool_calls");
  for (size_t i = 0; calls != nullptr && i < calls->size() && !over_; ++i) add_call((*calls)[i].if_object(), i);
  if (const std::string_view reason = text_at(choice, "finish_reason"); !reason.empty()) {
    finish_reason_ = reason;
    stop_sequence_ = text_at(choice, "stop_reason");
  }
}

void MessagesStream::add_text(Kind kind, std::string_view text) {
  if (text.empty() || over_) return;
  if (blocks_.empty() || blocks_.back().kind != kind) begin_block({.kind = kind});
  if (!over_) append(blocks_.back(), text);
}

// An index that comes again with another id is another call: there are engines that count none.
MessagesStream::Block* MessagesStream::find_call(int64_t index, std::string_view id) {
  for (Block& block : blocks_) {
    if (block.kind == Kind::kTool && block.call == index && (id.empty() || id == block.id)) return &block;
  }
  return nullptr;
}

void MessagesStream::add_call(const json::object* call, size_t place) {
  const json::object* function = object_at(call, "function");
  const bool counted = call != nullptr && call->contains("index") && call->at("index").is_int64();
  const int64_t index = counted ? call->at("index").get_int64() : static_cast<int64_t>(place);
  const std::string_view id = text_at(call, "id"), name = text_at(function, "name"), arguments = text_at(function, "arguments");
  Block* block = find_call(index, id);
  if (block == nullptr) {
    if (name.empty()) {
      // More of a call whose object was complete: it can only be white space or what the engine said twice.
      if (!closed_calls_.contains(index)) fail(502, "The engine's stream has a tool call without a name.");
      return;
    }
    std::string call_id(id);
    if (call_id.empty()) call_id = "toolu_" + id_ + "_" + std::to_string(index_ + static_cast<int64_t>(blocks_.size()));
    begin_block({.kind = Kind::kTool, .call = index, .id = std::move(call_id), .name = std::string(name)});
    if (over_) return;
    calls_tools_ = true;
    block = &blocks_.back();
  }
  append(*block, arguments);
}

void MessagesStream::begin_block(Block block) {
  if (index_ + static_cast<int64_t>(blocks_.size()) >= static_cast<int64_t>(kMaxBlocks)) {
    return fail(502, "The answer has more than " + std::to_string(kMaxBlocks) + " blocks.");
  }
  blocks_.push_back(std::move(block));
  advance();
}

void MessagesStream::append(Block& block, std::string_view text) {
  if (text.empty()) return;
  if (block.kind == Kind::kTool) {
    if (block.arguments.complete()) return;
    block.arguments.push(text);
  }
  if (&block == &blocks_.front()) {
    emit_delta(block, text);
    return advance();
  }
  held_bytes_ += text.size();
  if (held_bytes_ > kMaxHeldBytes) return fail(502, "The tool calls of the answer interleave over more than 4 MiB.");
  block.held += text;
}

void MessagesStream::advance() {
  start_front();
  while (blocks_.size() > 1 && (blocks_.front().kind != Kind::kTool || blocks_.front().arguments.complete())) {
    stop_front();
    start_front();
  }
}

void MessagesStream::start_front() {
  if (std::exchange(front_begun_, true)) return;
  Block& block = blocks_.front();
  json::object shown = block.kind == Kind::kThinking ? thinking_block("")
                       : block.kind == Kind::kText   ? text_block("")
                                                     : tool_use_block(block.id, block.name, {});
  emit("content_block_start", {{"index", index_}, {"content_block", std::move(shown)}});
  if (block.held.empty()) return;
  emit_delta(block, block.held);
  held_bytes_ -= block.held.size();
  block.held.clear();
}

void MessagesStream::stop_front() {
  const Block& block = blocks_.front();
  if (block.kind == Kind::kThinking) {
    // Clients keep the thinking for the next turn only if it was signed.
    emit("content_block_delta", {{"index", index_}, {"delta", {{"type", "signature_delta"}, {"signature", ""}}}});
  }
  emit("content_block_stop", {{"index", index_}});
  if (block.kind == Kind::kTool) closed_calls_.insert(block.call);
  blocks_.pop_front();
  ++index_;
  front_begun_ = false;
}

void MessagesStream::close() {
  while (!blocks_.empty()) {
    start_front();
    stop_front();
  }
  StopFields stop = stop_fields(finish_reason_, stop_sequence_, calls_tools_);
  json::object delta;
  delta["stop_reason"] = std::move(stop.reason);
  delta["stop_sequence"] = std::move(stop.sequence);
  delta["stop_details"] = nullptr;
  delta["container"] = nullptr;
  emit("message_delta", {{"delta", std::move(delta)}, {"usage", messages_usage(&usage_)}});
  emit("message_stop", {});
  over_ = true;
}

void MessagesStream::fail(int status, std::string_view message) {
  out_ += "event: error\ndata: " + messages_error_json(messages_error_type(status), message, request_id_) + "\n\n";
  over_ = true;
}

void MessagesStream::emit(std::string_view type, json::object fields) {
  json::object event{{"type", type}};
  for (auto& field : fields) event[field.key()] = std::move(field.value());
  out_ += "event: ";
  out_ += type;
  out_ += "\ndata: " + json::serialize(event) + "\n\n";
}

void MessagesStream::emit_delta(const Block& block, std::string_view text) {
  json::object delta;
  switch (block.kind) {
    case Kind::kThinking: delta = {{"type", "thinking_delta"}, {"thinking", text}}; break;
    case Kind::kText: delta = {{"type", "text_delta"}, {"text", text}}; break;
    case Kind::kTool: delta = {{"type", "input_json_delta"}, {"partial_json", text}}; break;
  }
  emit("content_block_delta", {{"index", index_}, {"delta", std::move(delta)}});
}

}  // namespace ondol
