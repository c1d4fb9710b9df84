#include "gateway/responses_store.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>
#include <utility>

namespace ondol {
namespace {

namespace json = boost::json;

// What maps, lists and shared pointers add, roughly.
constexpr size_t kEntryBytes = 512, kItemBytes = 256;

// Memory of a value beside itself. As deep as the parser let it become.
size_t json_bytes(const json::value& value) {
  size_t bytes = 0;
  if (const auto* text = value.if_string()) {
    bytes = text->size();
  } else if (const auto* array = value.if_array()) {
    for (const json::value& element : *array) bytes += sizeof(json::value) + json_bytes(element);
  } else if (const auto* object = value.if_object()) {
    for (const auto& field : *object) bytes += sizeof(json::key_value_pair) + field.key().size() + json_bytes(field.value());
  }
  return bytes;
}

size_t json_bytes(const json::object& object) {
  size_t bytes = 0;
  for (const auto& field : object) bytes += sizeof(json::key_value_pair) + field.key().size() + json_bytes(field.value());
  return bytes;
}

std::string item_key(std::string_view owner, std::string_view id) { return std::string(owner) + '\n' + std::string(id); }

std::string_view id_of(const json::object& object) {
  const json::value* id = object.if_contains("id");
  return id == nullptr || !id->is_string() ? std::string_view() : std::string_view(id->get_string());
}

ApiError no_response(std::string_view id) { return not_found("Response with id " + quoted(id) + " not found.", "", "response_not_found"); }

}  // namespace

void ResponsesStore::begin(std::string_view owner, json::object response, std::vector<ConversationItem> items,
                           std::function<void()> cancel) {
  const std::scoped_lock lock(mutex_);
  Entry entry;
  entry.owner = owner;
  entry.id = id_of(response);
  entry.items = std::move(items);
  entry.cancel = std::move(cancel);
  entry.used_us = clock_->now_us();
  if (const auto old = by_id_.find(entry.id); old != by_id_.end()) drop(old->second);
  line_.push_front(std::move(entry));
  Entry& added = line_.front();
  by_id_[added.id] = line_.begin();
  for (const ConversationItem& item : added.items) hold(added, item);
  set_response(added, std::move(response));
  evict();
}

void ResponsesStore::finish(std::string_view owner, json::object response) {
  std::function<void()> dropped;  // whatever it holds goes outside the lock
  const std::scoped_lock lock(mutex_);
  Entry* entry = find(owner, id_of(response));
  if (entry == nullptr || !entry->in_progress) return;
  entry->in_progress = false;
  dropped.swap(entry->cancel);
  set_response(*entry, std::move(response));
  evict();
}

ApiResult<json::object> ResponsesStore::response(std::string_view owner, std::string_view id) {
  std::shared_ptr<const json::object> response;
  std::vector<ConversationItem> output;
  {
    const std::scoped_lock lock(mutex_);
    const Entry* entry = find(owner, id);
    if (entry == nullptr) return std::unexpected(no_response(id));
    response = entry->response;
    output = entry->output;
  }
  return whole(*response, output);
}

ApiResult<std::vector<ConversationItem>> ResponsesStore::conversation(std::string_view owner, std::string_view id) {
  const std::scoped_lock lock(mutex_);
  const Entry* entry = find(owner, id);
  if (entry == nullptr) {
    return invalid_request("previous_response_id", "Previous response with id " + quoted(id) + " not found.",
                           "previous_response_not_found");
  }
  if (entry->in_progress) {
    return invalid_request("previous_response_id", "Previous response with id " + quoted(id) + " is still in progress; wait for its end.",
                           "previous_response_in_progress");
  }
  std::vector<ConversationItem> items = entry->items;
  items.insert(items.end(), entry->output.begin(), entry->output.end());
  return items;
}

ConversationItem ResponsesStore::item(std::string_view owner, std::string_view id) {
  const std::scoped_lock lock(mutex_);
  const auto found = items_.find(item_key(owner, id));
  return found == items_.end() ? nullptr : found->second;
}

ApiResult<json::object> ResponsesStore::input_items(std::string_view owner, std::string_view id, const Page& page) {
  std::vector<ConversationItem> items;
  {
    const std::scoped_lock lock(mutex_);
    const Entry* entry = find(owner, id);
    if (entry == nullptr) return std::unexpected(no_response(id));
    items = entry->items;
  }
  if (!page.ascending) std::reverse(items.begin(), items.end());
  auto from = items.begin();
  if (!page.after.empty()) {
    from = std::find_if(items.begin(), items.end(), [&](const ConversationItem& item) { return id_of(*item) == page.after; });
    if (from == items.end()) return invalid_request("after", "after: the response has no input item " + quoted(page.after) + ".");
    ++from;
  }
  const size_t count = std::min(page.limit, static_cast<size_t>(items.end() - from));
  json::object list;
  list["object"] = "list";
  json::array data;
  for (size_t i = 0; i < count; ++i) data.push_back(**(from + static_cast<std::ptrdiff_t>(i)));
  list["first_id"] = data.empty() ? json::value(nullptr) : data.front().at("id");
  list["last_id"] = data.empty() ? json::value(nullptr) : data.back().at("id");
  list["has_more"] = static_cast<size_t>(items.end() - from) > count;
  list["data"] = std::move(data);
  return list;
}

ApiResult<void> ResponsesStore::erase(std::string_view owner, std::string_view id) {
  std::function<void()> dropped;
  const std::scoped_lock lock(mutex_);
  Entry* entry = find(owner, id);
  if (entry == nullptr) return std::unexpected(no_response(id));
  dropped.swap(entry->cancel);
  drop(by_id_.find(std::string(id))->second);
  return {};
}

ApiResult<json::object> ResponsesStore::cancel(std::string_view owner, std::string_view id) {
  std::function<void()> cancel;
  std::shared_ptr<const json::object> response;
  {
    const std::scoped_lock lock(mutex_);
    Entry* entry = find(owner, id);
    if (entry == nullptr) return std::unexpected(no_response(id));
    if (!entry->in_progress) {
      return invalid_request("", "Cannot cancel a synchronous response: it is already over.", "response_not_cancellable");
    }
    entry->in_progress = false;
    cancel.swap(entry->cancel);
    json::object cancelled = *entry->response;
    cancelled["status"] = "cancelled";
    set_response(*entry, std::move(cancelled));
    response = entry->response;
  }
  if (cancel) cancel();
  return *response;
}

size_t ResponsesStore::entries() const {
  const std::scoped_lock lock(mutex_);
  return line_.size();
}

size_t ResponsesStore::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

ResponsesStore::Entry* ResponsesStore::find(std::string_view owner, std::string_view id) {
  evict();
  const auto found = by_id_.find(std::string(id));
  if (found == by_id_.end() || found->second->owner != owner) return nullptr;
  line_.splice(line_.begin(), line_, found->second);
  found->second->used_us = clock_->now_us();
  return &*found->second;
}

// Takes the output out of the response, and holds its items.
void ResponsesStore::set_response(Entry& entry, json::object response) {
  for (const ConversationItem& item : entry.output) release(entry, item);
  entry.output.clear();
  if (json::value* output = response.if_contains("output"); output != nullptr && output->is_array()) {
    for (json::value& item : output->get_array()) {
      if (item.is_object()) entry.output.push_back(std::make_shared<const json::object>(std::move(item.get_object())));
    }
    *output = json::array();
  }
  for (const ConversationItem& item : entry.output) hold(entry, item);
  bytes_ -= entry.bytes;
  entry.response = std::make_shared<const json::object>(std::move(response));
  entry.bytes = kEntryBytes + json_bytes(*entry.response) + (entry.items.size() + entry.output.size()) * sizeof(ConversationItem);
  bytes_ += entry.bytes;
}

void ResponsesStore::hold(const Entry& entry, const ConversationItem& item) {
  Held& held = held_[item];
  if (held.uses++ == 0) {
    held.bytes = kItemBytes + json_bytes(*item);
    bytes_ += held.bytes;
  }
  items_[item_key(entry.owner, id_of(*item))] = item;
}

void ResponsesStore::release(const Entry& entry, const ConversationItem& item) {
  const auto held = held_.find(item);
  if (--held->second.uses > 0) return;
  bytes_ -= held->second.bytes;
  const auto named = items_.find(item_key(entry.owner, id_of(*item)));
  if (named != items_.end() && named->second == item) items_.erase(named);
  held_.erase(held);
}

void ResponsesStore::drop(Line::iterator entry) {
  for (const ConversationItem& item : entry->items) release(*entry, item);
  for (const ConversationItem& item : entry->output) release(*entry, item);
  bytes_ -= entry->bytes;
  by_id_.erase(entry->id);
  line_.erase(entry);
}

void ResponsesStore::evict() {
  const int64_t oldest_us = clock_->now_us() - limits_.max_idle_us;
  while (!line_.empty() && (line_.size() > limits_.max_entries || bytes_ > limits_.max_bytes || line_.back().used_us < oldest_us)) {
    drop(std::prev(line_.end()));
  }
}

json::object ResponsesStore::whole(const json::object& response, const std::vector<ConversationItem>& output) {
  json::object copy = response;
  json::array items;
  for (const ConversationItem& item : output) items.push_back(*item);
  copy["output"] = std::move(items);
  return copy;
}

}  // namespace ondol
