#include "model/chat_template.h"

#include <boost/json/object.hpp>

#include "model/jinja_interp.h"
#include "model/jinja_parser.h"

namespace ondol {

struct ChatTemplate::Program {
  std::unique_ptr<const jinja::Program> parsed;
  TemplateLimits limits;
};

ChatTemplate::ChatTemplate(std::unique_ptr<const Program> program) : program_(std::move(program)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::parse(std::string_view source, const TemplateLimits& limits) {
  ONDOL_TRY(auto parsed, jinja::parse_program(source, limits));
  return ChatTemplate(std::make_unique<const Program>(Program{.parsed = std::move(parsed), .limits = limits}));
}

Result<std::string> ChatTemplate::render(const boost::json::object& context, int64_t now_unix_s) const {
  return jinja::Interpreter(*program_->parsed, program_->limits, now_unix_s).run(context);
}

bool ChatTemplate::mentions(std::string_view variable) const { return program_->parsed->symbol_of.contains(variable); }

}  // namespace ondol
