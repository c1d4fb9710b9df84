// The responses that clients may ask for again: kept in memory, with the conversation that led to each of them.
//
// Owner: the Api, shared with the generations that finish responses. Any thread (one mutex, held for lookups and copies of pointers; a
// cancel callback runs outside it). Bounded by Limits: whatever was not used for longest goes first. Conversations share their items, so
// that each turn costs what it adds. Of `owner` (an API key's id, or empty) every call sees only its own: to it, others' do not exist.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "endpoint/api_error.h"
#include "gateway/responses_items.h"

namespace ondol {

class ResponsesStore {
 public:
  struct Limits {
    size_t max_entries = 10'000;
    size_t max_bytes = 256 << 20;             // of JSON in memory, estimated
    int64_t max_idle_us = 24 * 3600'000'000;  // since it was stored, read or continued
  };
  struct Page {
    size_t limit = 20;
    bool ascending = false;
    std::string after;  // an item's id; empty = from the start
  };

  // The clock outlives the store.
  ResponsesStore(const Limits& limits, const Clock& clock) : limits_(limits), clock_(&clock) {}
  ResponsesStore(const ResponsesStore&) = delete;
  ResponsesStore& operator=(const ResponsesStore&) = delete;

  // `response` is the response object in progress, `items` its whole conversation. `cancel` ends its generation; it may be called once,
  // on another thread, also after the generation is over, and must not own what finishes the response.
  void begin(std::string_view owner, boost::json::object response, std::vector<ConversationItem> items, std::function<void()> cancel);
  // The same response, over. Without effect if it is gone, or no longer in progress (cancelled).
  void finish(std::string_view owner, boost::json::object response);

  // Errors: 404.
  ApiResult<boost::json::object> response(std::string_view owner, std::string_view id);
  // Items and output of a response, for the next turn. Errors: 400 previous_response_not_found, 400 while it is in progress.
  ApiResult<std::vector<ConversationItem>> conversation(std::string_view owner, std::string_view id);
  // Any item of any stored response; null if there is none of that id.
  ConversationItem item(std::string_view owner, std::string_view id);
  // {"object": "list", "data", "first_id", "last_id", "has_more"}. Errors: 404 (response), 400 (no item `page.after`).
  ApiResult<boost::json::object> input_items(std::string_view owner, std::string_view id, const Page& page);
  // Errors: 404. A response in progress goes on, but is kept no more.
  ApiResult<void> erase(std::string_view owner, std::string_view id);
  // The response as cancelled. Errors: 404; 400 if it is over.
  ApiResult<boost::json::object> cancel(std::string_view owner, std::string_view id);

  size_t entries() const;
  size_t bytes() const;

 private:
  struct Entry {
    std::string owner, id;
    std::shared_ptr<const boost::json::object> response;  // output is empty there: it is in `output`
    std::vector<ConversationItem> items, output;
    bool in_progress = true;
    std::function<void()> cancel;
    int64_t used_us = 0;
    size_t bytes = 0;  // without the items
  };
  using Line = std::list<Entry>;  // most recently used first
  struct Held {
    size_t uses = 0, bytes = 0;
  };

  Entry* find(std::string_view owner, std::string_view id);
  void set_response(Entry& entry, boost::json::object response);
  void hold(const Entry& entry, const ConversationItem& item);
  void release(const Entry& entry, const ConversationItem& item);
  void drop(Line::iterator entry);
  void evict();
  static boost::json::object whole(const boost::json::object& response, const std::vector<ConversationItem>& output);

  const Limits limits_;
  const Clock* clock_;
  mutable std::mutex mutex_;
  Line line_;
  std::unordered_map<std::string, Line::iterator> by_id_;
  std::unordered_map<ConversationItem, Held> held_;
  std::unordered_map<std::string, ConversationItem> items_;  // by owner and id: of two with one id the newer
  size_t bytes_ = 0;
};

}  // namespace ondol
