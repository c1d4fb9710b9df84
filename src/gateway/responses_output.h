// The output items of one response while they grow: parts of an answer in, stream events out.
//
// Owner: a ResponsesFormat. One thread. Bounded by the answer.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/response_format.h"

namespace ondol {

// Server-sent events with type and sequence_number; nothing at all if `on` is false.
class ResponseEvents {
 public:
  void turn_on() { on_ = true; }
  bool on() const { return on_; }
  void add(std::string_view type, boost::json::object fields);
  std::string take();

 private:
  bool on_ = false;
  int64_t next_ = 0;
  std::string text_;
};

class ResponseOutput {
 public:
  // `digits` make the items' ids. The tokenizer outlives it.
  ResponseOutput(std::string digits, const Tokenizer& tokenizer, ResponseEvents& events)
      : digits_(std::move(digits)), tokenizer_(&tokenizer), events_(&events) {}

  void add(const AnswerPiece& piece);
  // Ends the last item, with its status ("completed", "incomplete"). An answer without any item becomes an empty message.
  void finish(std::string_view status);
  // What there is; the item that is not over as incomplete.
  boost::json::array items() const;

 private:
  struct Item {
    AnswerPart::Kind kind;
    int call = 0;
    std::string id, text, call_id, name;
    boost::json::array logprobs;
  };

  void open(const AnswerPart& part);
  void close(std::string_view status);
  void append(const AnswerPart& part);
  boost::json::object item_json(const Item& item, std::string_view status) const;
  boost::json::object content_part(const Item& item) const;
  boost::json::object at(const Item& item) const;
  boost::json::array take_logprobs();

  std::string digits_;
  const Tokenizer* tokenizer_;
  ResponseEvents* events_;
  boost::json::array done_;
  std::optional<Item> item_;
  std::vector<TokenRecord> tokens_;  // not shown yet: the text that they begin in has not come
};

}  // namespace ondol
