#include "gateway/embeddings_response.h"

#include <fmt/format.h>

#include <bit>
#include <boost/json.hpp>
#include <cmath>
#include <iterator>

namespace ondol {
namespace {

// Numbers in the shortest form that gives the same float again: half the bytes of a double's.
void append_numbers(std::string& out, std::span<const float> vector) {
  out += '[';
  for (size_t i = 0; i < vector.size(); ++i) fmt::format_to(std::back_inserter(out), "{}{}", i == 0 ? "" : ",", vector[i]);
  out += ']';
}

std::string float_bytes(std::span<const float> vector) {
  static_assert(std::endian::native == std::endian::little);
  return {reinterpret_cast<const char*>(vector.data()), vector.size_bytes()};
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view part = bytes.substr(at, 3);
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i) bits = bits << 8 | (i < part.size() ? static_cast<uint8_t>(part[i]) : 0u);
    for (size_t i = 0; i < 4; ++i) out += i <= part.size() ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

void shorten(std::vector<float>& vector, size_t dimensions) {
  if (dimensions >= vector.size()) return;
  vector.resize(dimensions);
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * static_cast<double>(x);
  if (squares <= 0) return;
  const double inverse = 1 / std::sqrt(squares);
  for (float& x : vector) x = static_cast<float>(static_cast<double>(x) * inverse);
}

std::string embeddings_json(std::string_view model, std::span<const std::vector<float>> vectors, EncodingFormat format,
                            size_t prompt_tokens) {
  std::string out = R"({"object":"list","data":[)";
  for (size_t i = 0; i < vectors.size(); ++i) {
    fmt::format_to(std::back_inserter(out), R"({}{{"object":"embedding","index":{},"embedding":)", i == 0 ? "" : ",", i);
    if (format == EncodingFormat::kFloat) {
      append_numbers(out, vectors[i]);
    } else {
      out += '"' + to_base64(float_bytes(vectors[i])) + '"';
    }
    out += '}';
  }
  out += R"(],"model":)" + boost::json::serialize(boost::json::string(model));
  fmt::format_to(std::back_inserter(out), R"(,"usage":{{"prompt_tokens":{0},"total_tokens":{0}}}}})", prompt_tokens);
  return out;
}

ApiResult<HttpResponse> answer_embeddings(std::span<const EmbeddingModel> models, std::string_view body, const JsonLimits& limits,
                                          const std::function<bool()>& stop) {
  ONDOL_TRY(const boost::json::value json, parse_json(body, limits));
  ONDOL_TRY(const EmbeddingsRequest request, parse_embeddings_request(json));
  ONDOL_TRY(const EmbeddingModel* model, find_embedding_model(models, request.model));
  const int own = model->encoder->dimensions();
  if (request.dimensions.value_or(own) > own) {
    return invalid_request("dimensions", fmt::format("dimensions is {}; this model's vectors have {}.", *request.dimensions, own));
  }
  ONDOL_TRY(const auto tokens, embedding_tokens(*model, request.inputs, request.input_type, request.truncate, "input"));
  auto vectors = model->encoder->embed(tokens, stop);
  if (!vectors) return std::unexpected(to_api_error(vectors.error()));
  size_t count = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    shorten((*vectors)[i], static_cast<size_t>(request.dimensions.value_or(own)));
    count += tokens[i].size();
  }
  return embedding_response(embeddings_json(model->name, *vectors, request.format, count), request.ignored);
}

}  // namespace ondol
