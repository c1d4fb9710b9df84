#include "door/answer_tap.h"

#include <simdjson.h>

#include <algorithm>

namespace ondol {
namespace {

namespace od = simdjson::ondemand;

// Behind the empty line that ends the first event in `text`, or npos. Lines end by LF or CRLF; `from`: no end lies before it.
size_t end_of_event(std::string_view text, size_t from) {
  for (size_t at = text.find('\n', from); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    size_t next = at + 1;
    if (next < text.size() && text[next] == '\r') ++next;
    if (next < text.size() && text[next] == '\n') return next + 1;
  }
  return std::string_view::npos;
}

// The field `name` of `object` as text, from bracket to bracket; empty if it is no object.
std::string_view object_text(od::object& object, std::string_view name) {
  od::object inner;
  std::string_view raw;
  if (object.find_field_unordered(name).get_object().get(inner) != simdjson::SUCCESS) return {};
  if (inner.raw_json().get(raw) != simdjson::SUCCESS) return {};
  return raw.substr(0, raw.rfind('}') + 1);
}

void read_count(od::object& usage, std::string_view name, int64_t& out) {
  int64_t count = 0;
  if (usage.find_field_unordered(name).get_int64().get(count) == simdjson::SUCCESS && count >= 0) out = count;
}

// `text` is the whole of an object.
UsagePlace read_usage(od::parser& parser, std::string_view text) {
  UsagePlace out;
  const simdjson::padded_string padded(text);
  od::document document;
  od::object usage;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS || document.get_object().get(usage) != simdjson::SUCCESS) return out;
  for (const std::string_view name : {"prompt_tokens", "input_tokens"}) read_count(usage, name, out.prompt_tokens);
  for (const std::string_view name : {"completion_tokens", "output_tokens"}) read_count(usage, name, out.completion_tokens);
  out.empty = text.find_first_not_of(" \t\r\n", 1) == text.size() - 1;
  return out;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// Whether `"choices":` is followed by an empty list; text of an answer cannot look like it, its quotes are escaped.
bool has_no_choices(std::string_view data) {
  const size_t key = data.find("\"choices\"");
  if (key == std::string_view::npos) return true;
  const size_t bracket = data.find('[', key);
  const size_t next = bracket == std::string_view::npos ? bracket : data.find_first_not_of(" \t\r\n", bracket + 1);
  return next != std::string_view::npos && data[next] == ']';
}

}  // namespace

std::optional<UsagePlace> find_usage(std::string_view json) {
  if (!has(json, "\"usage\"")) return std::nullopt;
  thread_local od::parser parser;
  const simdjson::padded_string padded(json);
  // Only what is valid as a whole is walked on demand: a walk that goes on behind an error is undefined.
  if (simdjson::dom::parser whole; whole.parse(padded).error() != simdjson::SUCCESS) return std::nullopt;
  std::string text;
  size_t begin = 0;
  {
    od::document document;
    od::object top;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS || document.get_object().get(top) != simdjson::SUCCESS)
      return std::nullopt;
    std::string_view usage = object_text(top, "usage");
    if (usage.empty()) {
      od::object response;
      if (top.find_field_unordered("response").get_object().get(response) != simdjson::SUCCESS) return std::nullopt;
      usage = object_text(response, "usage");
    }
    if (usage.empty()) return std::nullopt;
    begin = static_cast<size_t>(usage.data() - padded.data());
    text = usage;
  }
  UsagePlace out = read_usage(parser, text);
  out.closing_bracket = begin + text.size() - 1;
  return out;
}

std::string with_account(std::string_view text, const UsagePlace& place, std::string_view account_json) {
  std::string out;
  out.reserve(text.size() + account_json.size() + 16);
  out += text.substr(0, place.closing_bracket);
  if (!place.empty) out += ',';
  out += "\"ondol\":";
  out += account_json;
  out += text.substr(place.closing_bracket);
  return out;
}

EventSight look_at_event(std::string_view event) {
  EventSight out;
  const size_t field = event.starts_with("data:") ? 0 : event.find("\ndata:");
  if (field == std::string_view::npos) return out;
  const size_t begin = event.find(':', field) + 1;
  const std::string_view data = event.substr(begin, event.find_first_of("\r\n", begin) - begin);
  const size_t first = data.find_first_not_of(' ');
  if (first == std::string_view::npos) return out;
  if (data[first] != '{') {
    out.is_done = data.substr(first).starts_with("[DONE]");
    return out;
  }
  const std::string_view head = data.substr(first, 64);
  out.is_error = has(head, "{\"error\"") || has(head, "\"type\":\"error\"") || has(head, "\"type\": \"error\"");
  const bool bare = has_no_choices(data);
  out.tokens = !bare || has(data, ".delta\"") ? 1 : 0;
  if (!bare) return out;
  out.usage = find_usage(data);
  if (out.usage) out.usage->closing_bracket += begin;
  out.last_usage = out.usage.has_value();
  return out;
}

void EventSplitter::push(std::string_view bytes, const OnEvent& on_event) {
  if (gave_up_) return on_event(bytes);
  // An end may lie across the seam: "\n" here, "\r\n" there.
  size_t from = held_.size() < 2 ? 0 : held_.size() - 2;
  const bool fresh = held_.empty();
  if (!fresh) held_ += bytes;
  std::string_view left = fresh ? bytes : std::string_view(held_);
  for (size_t end = end_of_event(left, from); end != std::string_view::npos; end = end_of_event(left, 0)) {
    on_event(left.substr(0, end));
    left.remove_prefix(end);
    from = 0;
  }
  if (left.size() > kMaxEventBytes) {
    gave_up_ = true;
    on_event(left);
    left = {};
  }
  held_ = std::string(left);
}

}  // namespace ondol
