#include "model/json_file.h"

#include <boost/json/parse_options.hpp>
#include <boost/json/parser.hpp>
#include <filesystem>
#include <fstream>

namespace ondol {

Result<boost::json::value> parse_json(std::string_view text, std::string_view what) {
  boost::json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  boost::json::parser parser({}, options);
  boost::json::error_code error;
  const size_t used = parser.write_some(text.data(), text.size(), error);
  if (!error && used < text.size()) error = boost::json::error::extra_data;
  if (error) {
    return fail(Code::kInvalidArgument, std::string(what) + ": not valid JSON near byte " + std::to_string(used) + ": " + error.message());
  }
  return parser.release();
}

Result<boost::json::object> parse_json_object(std::string_view text, std::string_view what) {
  ONDOL_TRY(auto value, parse_json(text, what));
  if (!value.is_object()) return fail(Code::kInvalidArgument, std::string(what) + ": the top level is not an object");
  return std::move(value.as_object());
}

Result<std::string> read_text_file(const std::string& path, size_t max_bytes) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return fail(Code::kNotFound, "there is no file " + quoted(path, 200));
  if (!std::filesystem::is_regular_file(status)) return fail(Code::kInvalidArgument, quoted(path, 200) + " is not a regular file");
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return fail(Code::kPermissionDenied, "cannot read " + quoted(path, 200) + ": " + error.message());
  if (size > max_bytes) {
    return fail(Code::kPayloadTooLarge,
                quoted(path, 200) + " has " + std::to_string(size) + " bytes, more than the limit of " + std::to_string(max_bytes));
  }
  std::ifstream in(path, std::ios::binary);
  std::string text(static_cast<size_t>(size), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in && !text.empty()) return fail(Code::kPermissionDenied, "cannot read " + quoted(path, 200));
  return text;
}

bool file_exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

}  // namespace ondol
