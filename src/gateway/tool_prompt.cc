#include "gateway/tool_prompt.h"

#include <boost/json.hpp>
#include <string>
#include <utility>

#include "gateway/answer_parser.h"

namespace ondol {
namespace {

namespace json = boost::json;

std::string instruction(const json::array& tools) {
  std::string out = "You can call functions. Each line between the tags describes one of them:\n<tools>\n";
  for (const json::value& tool : tools) out += json::serialize(tool.at("function")) + "\n";
  out += "</tools>\nTo call a function, answer only with its name and its arguments as JSON between these tags:\n";
  out += std::string(kCallOpen) + "\n{\"name\": \"...\", \"arguments\": {...}}\n" + std::string(kCallClose);
  out += "\nIf no function helps, answer as usual.";
  return out;
}

std::string call_text(const json::value& call) {
  const json::value& function = call.at("function");
  return std::string(kCallOpen) + "\n{\"name\": " + json::serialize(function.at("name")) +
         ", \"arguments\": " + json::serialize(function.at("arguments")) + "}\n" + std::string(kCallClose);
}

void append_line(json::value& content, const std::string& line) {
  json::string& text = content.as_string();
  if (!text.empty()) text += '\n';
  text += line;
}

json::object plain_message(const json::object& message) {
  json::object out = message;
  if (const json::value* calls = message.if_contains("tool_calls")) {
    for (const json::value& call : calls->as_array()) append_line(out["content"], call_text(call));
    out.erase("tool_calls");
  }
  if (message.at("role") == "tool") {
    out["role"] = "user";
    out["content"] = "<tool_response>\n" + std::string(message.at("content").as_string()) + "\n</tool_response>";
    out.erase("tool_call_id");
  }
  return out;
}

}  // namespace

json::array with_tool_prompt(const json::array& messages, const json::array& tools) {
  json::array out;
  bool after_tool = false;
  for (const json::value& message : messages) {
    json::object plain = plain_message(message.as_object());
    const bool tool = message.at("role") == "tool";
    if (tool && after_tool) {  // results of one turn stand in one message: some templates want the roles to alternate
      append_line(out.back().as_object()["content"], std::string(plain["content"].as_string()));
    } else {
      out.push_back(std::move(plain));
    }
    after_tool = tool;
  }
  if (tools.empty()) return out;
  if (!out.empty() && out.front().at("role") == "system") {
    append_line(out.front().as_object()["content"], "\n" + instruction(tools));
  } else {
    out.insert(out.begin(), json::object{{"role", "system"}, {"content", instruction(tools)}});
  }
  return out;
}

}  // namespace ondol
