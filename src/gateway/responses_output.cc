#include "gateway/responses_output.h"

#include <boost/json.hpp>
#include <iterator>
#include <utility>

namespace ondol {
namespace {

namespace json = boost::json;

using Kind = AnswerPart::Kind;

json::array one(json::object object) {
  json::array array;
  array.push_back(std::move(object));
  return array;
}

}  // namespace

void ResponseEvents::add(std::string_view type, json::object fields) {
  if (!on_) return;
  json::object event;
  event["type"] = type;
  event["sequence_number"] = next_++;
  for (auto& field : fields) event[field.key()] = std::move(field.value());
  text_ += "event: ";
  text_ += type;
  text_ += "\ndata: ";
  text_ += json::serialize(event);
  text_ += "\n\n";
}

std::string ResponseEvents::take() { return std::exchange(text_, {}); }

void ResponseOutput::add(const AnswerPiece& piece) {
  tokens_.insert(tokens_.end(), piece.tokens.begin(), piece.tokens.end());
  for (const AnswerPart& part : piece.parts) {
    const bool begins_call = part.kind == Kind::kToolCall && !part.call_id.empty();
    if (!item_ || item_->kind != part.kind || item_->call != part.call || begins_call) {
      if (part.text.empty() && part.kind != Kind::kToolCall) continue;
      close("completed");
      open(part);
    }
    append(part);
  }
}

void ResponseOutput::finish(std::string_view status) {
  if (!item_ && done_.empty()) open({.kind = Kind::kContent, .text = {}, .call = 0, .call_id = {}, .name = {}});
  close(status);
}

json::array ResponseOutput::items() const {
  json::array items = done_;
  if (item_) items.push_back(item_json(*item_, "incomplete"));
  return items;
}

void ResponseOutput::open(const AnswerPart& part) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const size_t index = done_.size();
  std::string id = part.kind == Kind::kContent ? "msg_" : part.kind == Kind::kReasoning ? "rs_" : "fc_";
  id += digits_;
  for (int shift = 12; shift >= 0; shift -= 4) id += kHex[(index >> shift) & 15];
  item_ = Item{
      .kind = part.kind, .call = part.call, .id = std::move(id), .text = {}, .call_id = part.call_id, .name = part.name, .logprobs = {}};
  if (!events_->on()) return;
  json::object item = item_json(*item_, "in_progress");
  if (part.kind != Kind::kToolCall) item["content"] = json::array();
  events_->add("response.output_item.added", {{"output_index", index}, {"item", std::move(item)}});
  if (part.kind == Kind::kToolCall) return;
  json::object added = at(*item_);
  added["content_index"] = 0;
  added["part"] = content_part(*item_);
  events_->add("response.content_part.added", std::move(added));
}

void ResponseOutput::append(const AnswerPart& part) {
  item_->text += part.text;
  json::array logprobs = part.kind == Kind::kContent ? take_logprobs() : json::array();
  item_->logprobs.insert(item_->logprobs.end(), logprobs.begin(), logprobs.end());
  if (!events_->on() || (part.text.empty() && logprobs.empty())) return;
  json::object delta = at(*item_);
  if (part.kind != Kind::kToolCall) delta["content_index"] = 0;
  delta["delta"] = part.text;
  if (part.kind == Kind::kContent) delta["logprobs"] = std::move(logprobs);
  events_->add(part.kind == Kind::kContent     ? "response.output_text.delta"
               : part.kind == Kind::kReasoning ? "response.reasoning_text.delta"
                                               : "response.function_call_arguments.delta",
               std::move(delta));
}

void ResponseOutput::close(std::string_view status) {
  if (!item_) return;
  if (item_->kind == Kind::kContent) {
    json::array rest = take_logprobs();
    item_->logprobs.insert(item_->logprobs.end(), rest.begin(), rest.end());
  }
  json::object item = item_json(*item_, status);
  if (events_->on()) {
    json::object done = at(*item_);
    if (item_->kind == Kind::kToolCall) {
      done["name"] = item_->name;
      done["arguments"] = item_->text;
      events_->add("response.function_call_arguments.done", std::move(done));
    } else {
      const bool text = item_->kind == Kind::kContent;
      done["content_index"] = 0;
      json::object part_done = done;
      done["text"] = item_->text;
      if (text) done["logprobs"] = item_->logprobs;
      events_->add(text ? "response.output_text.done" : "response.reasoning_text.done", std::move(done));
      part_done["part"] = content_part(*item_);
      events_->add("response.content_part.done", std::move(part_done));
    }
    events_->add("response.output_item.done", {{"output_index", done_.size()}, {"item", item}});
  }
  done_.push_back(std::move(item));
  item_.reset();
}

// Where the item stands: in most of its events.
json::object ResponseOutput::at(const Item& item) const { return {{"item_id", item.id}, {"output_index", done_.size()}}; }

json::object ResponseOutput::content_part(const Item& item) const {
  json::object part;
  part["type"] = item.kind == Kind::kContent ? "output_text" : "reasoning_text";
  part["text"] = item.text;
  if (item.kind == Kind::kContent) {
    part["annotations"] = json::array();
    part["logprobs"] = item.logprobs;
  }
  return part;
}

json::object ResponseOutput::item_json(const Item& item, std::string_view status) const {
  json::object out;
  out["id"] = item.id;
  out["type"] = item.kind == Kind::kContent ? "message" : item.kind == Kind::kReasoning ? "reasoning" : "function_call";
  out["status"] = status;
  if (item.kind == Kind::kToolCall) {
    out["call_id"] = item.call_id;
    out["name"] = item.name;
    out["arguments"] = item.text;
    return out;
  }
  if (item.kind == Kind::kContent) out["role"] = "assistant";
  if (item.kind == Kind::kReasoning) out["summary"] = json::array();
  out["content"] = one(content_part(item));
  return out;
}

json::array ResponseOutput::take_logprobs() { return token_logprobs_json(*tokenizer_, std::exchange(tokens_, {})); }

}  // namespace ondol
