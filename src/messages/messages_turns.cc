#include "messages/messages_turns.h"

#include <algorithm>
#include <boost/json.hpp>
#include <functional>
#include <iterator>
#include <optional>

namespace ondol {
namespace {

namespace json = boost::json;

constexpr std::string_view kImageTypes[] = {"image/jpeg", "image/png", "image/gif", "image/webp"};

struct Turn {
  std::string role;
  json::array parts = {};  // {"type": "text"} or {"type": "image_url"}
  std::string reasoning = {};
  json::array calls = {};
  std::string call_id = {};  // of the role tool
};

ApiResult<std::string> required(FieldReader& fields, std::string_view name) {
  ONDOL_TRY(std::optional<std::string> text, fields.string(name));
  if (!text) return invalid_request(fields.path(name), fields.path(name) + " is missing.");
  return std::move(*text);
}

json::object text_part(std::string_view text) { return {{"type", "text"}, {"text", text}}; }
bool is_text(const json::value& part) { return part.at("type") == "text"; }

// The text parts, joined as chat completions join them.
std::string joined(const json::array& parts) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += '\n';
    out += parts[i].at("text").as_string();
  }
  return out;
}

std::unexpected<ApiError> unknown_block(const FieldReader& fields, std::string_view type, std::string_view where) {
  return unsupported(fields.path("type"), "Blocks of type " + quoted(type, 40) + " in " + std::string(where) +
                                              " are not supported by this server; leave them out.");
}

ApiResult<json::object> image_part(FieldReader& fields) {
  ONDOL_TRY(const json::object* object, fields.object("source"));
  if (object == nullptr) return invalid_request(fields.path("source"), fields.path("source") + " is missing.");
  FieldReader source(*object, fields.path("source"));
  ONDOL_TRY(const std::string type, required(source, "type"));
  std::string url;
  if (type == "url") {
    ONDOL_TRY(url, required(source, "url"));
  } else if (type == "base64") {
    ONDOL_TRY(const std::string media, required(source, "media_type"));
    if (std::find(std::begin(kImageTypes), std::end(kImageTypes), media) == std::end(kImageTypes)) {
      return invalid_request(
          source.path("media_type"),
          source.path("media_type") + " must be image/jpeg, image/png, image/gif or image/webp, not " + quoted(media, 40) + ".");
    }
    ONDOL_TRY(const std::string data, required(source, "data"));
    url = "data:" + media + ";base64," + data;
  } else {
    return unsupported(source.path("type"), "Images are taken as base64 or url, not as " + quoted(type, 40) + ".");
  }
  return json::object{{"type", "image_url"}, {"image_url", {{"url", std::move(url)}}}};
}

// A document of plain text is text, with its title in front.
ApiResult<json::object> document_part(FieldReader& fields) {
  ONDOL_TRY(const json::object* object, fields.object("source"));
  if (object == nullptr) return invalid_request(fields.path("source"), fields.path("source") + " is missing.");
  FieldReader source(*object, fields.path("source"));
  ONDOL_TRY(const std::string type, required(source, "type"));
  if (type != "text") {
    return unsupported(source.path("type"), "Documents are taken as plain text (source.type \"text\"), not as " + quoted(type, 40) + ".");
  }
  ONDOL_TRY(const std::string data, required(source, "data"));
  ONDOL_TRY(const std::optional<std::string> title, fields.string("title"));
  ONDOL_TRY(const std::optional<std::string> context, fields.string("context"));
  std::string text;
  for (const auto& line : {title, context}) {
    if (line && !line->empty()) text += *line + "\n";
  }
  return text_part(text + data);
}

// A block that both a user's turn and a tool's result may have; none for any other type.
ApiResult<std::optional<json::object>> plain_part(std::string_view type, FieldReader& fields) {
  if (type == "text") {
    ONDOL_TRY(const std::string text, required(fields, "text"));
    return text_part(text);
  }
  if (type == "image") return image_part(fields);
  if (type == "document") return document_part(fields);
  return std::nullopt;
}

using OnBlock = std::function<ApiResult<void>(std::string_view type, FieldReader& fields)>;

// A string counts as one block of text.
ApiResult<void> each_block(const json::value& content, const std::string& path, const OnBlock& on_block) {
  if (const json::string* text = content.if_string()) {
    const json::object block = text_part(*text);
    FieldReader fields(block, path);
    return on_block("text", fields);
  }
  const json::array* blocks = content.if_array();
  if (blocks == nullptr) {
    return invalid_request(path, path + " must be a string or an array of blocks, not " + describe_json(content) + ".", "invalid_type");
  }
  for (size_t i = 0; i < blocks->size(); ++i) {
    const std::string at = path + "[" + std::to_string(i) + "]";
    const json::object* object = (*blocks)[i].if_object();
    if (object == nullptr) return invalid_request(at, at + " must be a block object, not " + describe_json((*blocks)[i]) + ".");
    FieldReader fields(*object, at);
    ONDOL_TRY(const std::string type, required(fields, "type"));
    ONDOL_TRY_STATUS(on_block(type, fields));
  }
  return {};
}

class Conversation {
 public:
  explicit Conversation(std::vector<std::string>& ignored) : ignored_(&ignored) {}

  ApiResult<void> system(const json::value& content, const std::string& path) {
    json::array parts;
    ONDOL_TRY_STATUS(each_block(content, path, [&](std::string_view type, FieldReader& fields) -> ApiResult<void> {
      if (type != "text") return unknown_block(fields, type, "system texts");
      ONDOL_TRY(const std::string text, required(fields, "text"));
      if (!text.empty()) parts.push_back(text_part(text));
      return {};
    }));
    if (!parts.empty()) add("system", std::move(parts));
    return {};
  }

  ApiResult<void> user(const json::value& content, const std::string& path) {
    json::array images, parts;  // images: of tool results
    ONDOL_TRY_STATUS(each_block(content, path, [&](std::string_view type, FieldReader& fields) -> ApiResult<void> {
      if (type == "tool_result") return tool_result(fields, images);
      ONDOL_TRY(std::optional<json::object> part, plain_part(type, fields));
      if (!part) return unknown_block(fields, type, "a user's message");
      note_citations(fields);
      parts.push_back(std::move(*part));
      return {};
    }));
    images.insert(images.end(), std::make_move_iterator(parts.begin()), std::make_move_iterator(parts.end()));
    if (!images.empty()) add("user", std::move(images));
    return {};
  }

  ApiResult<void> assistant(const json::value& content, const std::string& path) {
    Turn& turn = add("assistant", {});
    return each_block(content, path, [&](std::string_view type, FieldReader& fields) -> ApiResult<void> {
      if (type == "redacted_thinking") return {};
      if (type == "thinking") {
        ONDOL_TRY(const std::string text, required(fields, "thinking"));
        turn.reasoning += (turn.reasoning.empty() || text.empty() ? "" : "\n") + text;
        return {};
      }
      if (type == "tool_use") return tool_use(fields, turn);
      if (type != "text") return unknown_block(fields, type, "an assistant's message");
      ONDOL_TRY(const std::string text, required(fields, "text"));
      turn.parts.push_back(text_part(text));
      return {};
    });
  }

  json::array chat() && {
    json::array out;
    for (Turn& turn : turns_) out.push_back(message(std::move(turn)));
    return out;
  }

 private:
  // The turn of that role at the end: the last one, or a new one.
  Turn& add(std::string_view role, json::array parts) {
    if (turns_.empty() || turns_.back().role != role) turns_.push_back({.role = std::string(role)});
    Turn& turn = turns_.back();
    turn.parts.insert(turn.parts.end(), std::make_move_iterator(parts.begin()), std::make_move_iterator(parts.end()));
    return turn;
  }

  void note_citations(FieldReader& fields) {
    const json::value* citations = fields.take("citations");
    const json::object* object = citations == nullptr ? nullptr : citations->if_object();
    if (object != nullptr && object->contains("enabled") && object->at("enabled") == true) ignored_->push_back("citations");
  }

  ApiResult<void> tool_result(FieldReader& fields, json::array& images) {
    Turn turn{.role = "tool"};
    ONDOL_TRY(turn.call_id, required(fields, "tool_use_id"));
    ONDOL_TRY(const std::optional<bool> failed, fields.boolean("is_error"));
    json::array texts;
    if (const json::value* content = fields.take("content"); content != nullptr) {
      ONDOL_TRY_STATUS(each_block(*content, fields.path("content"), [&](std::string_view type, FieldReader& inner) -> ApiResult<void> {
        ONDOL_TRY(std::optional<json::object> part, plain_part(type, inner));
        if (!part) return unknown_block(inner, type, "a tool's result");
        const bool text = is_text(*part);
        texts.push_back(text ? *part : text_part("[image]"));
        if (!text) images.push_back(std::move(*part));
        return {};
      }));
    }
    turn.parts.push_back(text_part((failed.value_or(false) ? "Error: " : "") + joined(texts)));
    turns_.push_back(std::move(turn));
    return {};
  }

  ApiResult<void> tool_use(FieldReader& fields, Turn& turn) {
    ONDOL_TRY(const std::string id, required(fields, "id"));
    ONDOL_TRY(const std::string name, required(fields, "name"));
    ONDOL_TRY(const json::object* input, fields.object("input"));
    if (input == nullptr) return invalid_request(fields.path("input"), fields.path("input") + " is missing: an object.");
    json::object function{{"name", name}, {"arguments", json::serialize(*input)}};
    turn.calls.push_back({{"id", id}, {"type", "function"}, {"function", std::move(function)}});
    return {};
  }

  static json::object message(Turn turn) {
    json::object out;
    out["role"] = turn.role;
    if (turn.parts.empty() && !turn.calls.empty()) {
      out["content"] = nullptr;
    } else if (std::all_of(turn.parts.begin(), turn.parts.end(), is_text)) {
      out["content"] = joined(turn.parts);
    } else {
      out["content"] = std::move(turn.parts);
    }
    if (!turn.reasoning.empty()) out["reasoning_content"] = turn.reasoning;
    if (!turn.calls.empty()) out["tool_calls"] = std::move(turn.calls);
    if (turn.role == "tool") out["tool_call_id"] = turn.call_id;
    return out;
  }

  std::vector<Turn> turns_;
  std::vector<std::string>* ignored_;
};

ApiResult<void> add_message(Conversation& conversation, const json::value& value, const std::string& path, bool last) {
  const json::object* object = value.if_object();
  if (object == nullptr)
    return invalid_request(path, path + " must be a message object, not " + describe_json(value) + ".", "invalid_type");
  FieldReader fields(*object, path);
  ONDOL_TRY(const std::string role, required(fields, "role"));
  const json::value* content = fields.take("content");
  const std::string content_path = fields.path("content");
  if (content == nullptr || (content->is_array() && content->get_array().empty() && role == "user")) {
    return invalid_request(content_path, content_path + " is missing: a string, or an array of at least one block.");
  }
  if (role == "user") return conversation.user(*content, content_path);
  if (role == "system") return conversation.system(*content, content_path);
  if (role != "assistant") {
    return invalid_request(path + ".role", path + ".role must be user, assistant or system, not " + quoted(role, 40) + ".");
  }
  if (last) {
    return unsupported(
        path, "The last message is the assistant's: this server does not continue a text that is given to it. End with a user's message.");
  }
  return conversation.assistant(*content, content_path);
}

}  // namespace

ApiResult<json::array> parse_turns(FieldReader& fields, std::vector<std::string>& ignored) {
  ONDOL_TRY(const json::array* messages, fields.array("messages"));
  if (messages == nullptr || messages->empty()) return invalid_request("messages", "messages must be an array of at least one message.");
  if (messages->size() > kMaxTurns) {
    return invalid_request("messages", "messages has " + std::to_string(messages->size()) + " entries; at most " +
                                           std::to_string(kMaxTurns) + " are accepted.");
  }
  Conversation conversation(ignored);
  if (const json::value* system = fields.take("system"); system != nullptr) ONDOL_TRY_STATUS(conversation.system(*system, "system"));
  for (size_t i = 0; i < messages->size(); ++i) {
    ONDOL_TRY_STATUS(add_message(conversation, (*messages)[i], "messages[" + std::to_string(i) + "]", i + 1 == messages->size()));
  }
  return std::move(conversation).chat();
}

}  // namespace ondol
