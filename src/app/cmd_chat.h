// `ondol chat`: asks a running server, once or in a conversation.
#pragma once

#include <string>
#include <vector>

#include "app/cli.h"

namespace ondol {

inline constexpr const char* kDefaultUrl = "http://127.0.0.1:8080";

struct ChatOptions {
  std::vector<std::string> prompt;  // words, joined by spaces; none: a conversation, or standard input if that is no terminal
  std::string url = kDefaultUrl;
  std::string model;  // empty = the first that the server lists
  std::string system;
  int max_tokens = 0;
  double temperature = -1;  // negative = the server's choice
  bool stats = false;
};

void bind_chat(CLI::App& command, ChatOptions& options);
Status run_chat(const ChatOptions& options);
void add_chat(CLI::App& root, Action& action);

}  // namespace ondol
