#include "app/cmd_chat.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "app/chat_client.h"
#include "app/signals.h"

namespace ondol {
namespace {

void print_text(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void print_stats(const ChatAnswer& answer) {
  const double seconds = static_cast<double>(answer.total_us - answer.first_token_us) / 1e6;
  const bool measurable = answer.first_token_us >= 0 && answer.completion_tokens > 1 && seconds > 0;
  fmt::print(stderr, "TTFT {:.3f} s, {} tokens", static_cast<double>(answer.first_token_us) / 1e6, answer.completion_tokens);
  if (measurable) fmt::print(stderr, " at {:.1f} tokens/s", (answer.completion_tokens - 1) / seconds);
  fmt::print(stderr, " (prompt {}, {} of it cached; {})\n", answer.prompt_tokens, answer.cached_tokens, answer.finish_reason);
}

ChatCall base_call(const ChatOptions& options, std::string model) {
  ChatCall call;
  call.url = options.url;
  while (call.url.ends_with('/')) call.url.pop_back();
  call.model = std::move(model);
  call.max_tokens = options.max_tokens;
  if (options.temperature >= 0) call.temperature = options.temperature;
  if (!options.system.empty()) call.turns.push_back({"system", options.system});
  return call;
}

Status ask_once(const ChatOptions& options, ChatCall call, std::string prompt) {
  call.turns.push_back({"user", std::move(prompt)});
  ONDOL_TRY(const ChatAnswer answer, stream_chat(call, print_text, [] { return false; }));
  if (!answer.text.ends_with('\n')) print_text("\n");
  if (options.stats) print_stats(answer);
  return {};
}

constexpr size_t kMaxPromptBytes = 16 << 20;

Result<std::string> read_stdin() {
  std::string text;
  char buffer[16384];
  while (const size_t got = std::fread(buffer, 1, sizeof buffer, stdin)) {
    text.append(buffer, got);
    if (text.size() > kMaxPromptBytes)
      return fail(Code::kPayloadTooLarge, "the prompt on standard input is larger than 16 MiB; shorten it");
  }
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return fail(Code::kInvalidArgument, "standard input holds no prompt; write one, as: ondol chat \"Why is the sky blue?\"");
  }
  return text;
}

// One line from the terminal; nothing at its end (Ctrl-D) and after Ctrl-C.
std::optional<std::string> read_line(const InterruptFlag& interrupt) {
  fmt::print("> ");
  std::fflush(stdout);
  char* line = nullptr;
  size_t capacity = 0;
  const ssize_t length = ::getline(&line, &capacity, stdin);
  const std::unique_ptr<char, decltype(&std::free)> owner(line, &std::free);
  if (length < 0 || interrupt.raised()) {
    print_text("\n");
    return std::nullopt;
  }
  std::string text(line, static_cast<size_t>(length));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

void answer_turn(const ChatOptions& options, ChatCall& call, InterruptFlag& interrupt) {
  const Result<ChatAnswer> answer = stream_chat(call, print_text, [&] { return interrupt.raised(); });
  const bool interrupted = interrupt.raised();
  interrupt.clear();
  print_text(interrupted ? "\n(stopped)\n" : "\n");
  if (!answer) fmt::print(stderr, "ondol: {}\n", answer.error().message);
  if (!answer || answer->text.empty()) {
    call.turns.pop_back();  // a question without an answer would confuse the next one
    return;
  }
  call.turns.push_back({"assistant", answer->text});
  if (options.stats && !interrupted) print_stats(*answer);
}

Status converse(const ChatOptions& options, ChatCall call) {
  const size_t fixed_turns = call.turns.size();
  InterruptFlag interrupt;
  fmt::print("{} at {}. /help shows the commands; Ctrl-C stops an answer, Ctrl-D leaves.\n", call.model, call.url);
  while (std::optional<std::string> line = read_line(interrupt)) {
    if (line->find_first_not_of(" \t") == std::string::npos) continue;
    if (*line == "/exit" || *line == "/quit") break;
    if (*line == "/clear") {
      call.turns.resize(fixed_turns);
      fmt::print("The conversation starts anew.\n");
    } else if (*line == "/help") {
      fmt::print("/clear  forget the conversation\n/exit   leave (also Ctrl-D, or Ctrl-C at the prompt)\nCtrl-C  stop the answer\n");
    } else if (line->starts_with('/') && line->find(' ') == std::string::npos) {
      fmt::print("There is no command {}; /help lists them.\n", ondol::quoted(*line));
    } else {
      call.turns.push_back({"user", *line});
      answer_turn(options, call, interrupt);
    }
  }
  return {};
}

}  // namespace

void bind_chat(CLI::App& command, ChatOptions& options) {
  command.add_option("prompt", options.prompt, "The question; without it a conversation, or the text on standard input");
  command.add_option("--url", options.url, "The server")->capture_default_str();
  command.add_option("--model", options.model, "Model to ask; without it the first that the server lists");
  command.add_option("--system", options.system, "System message in front of the conversation");
  command.add_option("--max-tokens", options.max_tokens, "Longest answer, in tokens; 0 = the server's limit")
      ->check(CLI::Range(0, 1 << 24));
  command.add_option("--temperature", options.temperature, "0 = always the likeliest token; without it the server's choice")
      ->check(CLI::Range(0.0, 2.0));
  command.add_flag("--stats", options.stats, "Print time to first token and tokens/s on stderr");
  command.footer(
      "Examples:\n"
      "  ondol chat\n"
      "  ondol chat \"대한민국의 수도는 어디인가요?\" --stats\n"
      "  git diff | ondol chat --system \"Summarise this change in one sentence.\" --temperature 0");
}

Status run_chat(const ChatOptions& options) {
  std::string prompt;
  for (const std::string& word : options.prompt) prompt += (prompt.empty() ? "" : " ") + word;
  const bool conversation = prompt.empty() && ::isatty(STDIN_FILENO) == 1;
  if (prompt.empty() && !conversation) {
    ONDOL_TRY(prompt, read_stdin());
  }
  ChatCall call = base_call(options, options.model);
  if (call.model.empty()) {
    ONDOL_TRY(call.model, first_served_model(call.url));
  }
  return conversation ? converse(options, std::move(call)) : ask_once(options, std::move(call), std::move(prompt));
}

void add_chat(CLI::App& root, Action& action) {
  CLI::App* command = root.add_subcommand("chat", "Ask a running server, once or in a conversation");
  const auto options = std::make_shared<ChatOptions>();
  bind_chat(*command, *options);
  command->callback([options, &action] { action = [options] { return run_chat(*options); }; });
}

}  // namespace ondol
