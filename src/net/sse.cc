#include <algorithm>
#include <utility>

#include "net/client.h"

namespace ondol {

// WHATWG HTML, "Interpreting an event stream"; ids and retry times are of no use here.
void SseReader::take_line(std::string_view line, const OnEvent& on_event) {
  if (line.empty()) {
    if (has_data_) on_event(event_, data_);
    event_.clear();
    data_.clear();
    has_data_ = false;
    return;
  }
  const size_t colon = std::min(line.find(':'), line.size());
  const std::string_view field = line.substr(0, colon);
  std::string_view value = line.substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  } else if (field == "event") {
    event_ = value;
  }
}

Status SseReader::push(std::string_view bytes, const OnEvent& on_event) {
  while (!bytes.empty()) {
    if (std::exchange(skip_lf_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const size_t end = bytes.find_first_of("\r\n");
    const std::string_view piece = bytes.substr(0, end);
    if (line_.size() + piece.size() + data_.size() + event_.size() > max_event_bytes_) {
      return fail(Code::kResourceExhausted, "a server-sent event is larger than " + std::to_string(max_event_bytes_) + " bytes");
    }
    if (end == std::string_view::npos) {
      line_ += piece;
      return {};
    }
    skip_lf_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    if (line_.empty()) {
      take_line(piece, on_event);
    } else {
      line_ += piece;
      take_line(line_, on_event);
      line_.clear();
    }
  }
  return {};
}

}  // namespace ondol
