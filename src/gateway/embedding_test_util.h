// The tiny embedding model of tests/models as a served one.
//
// Owner: the test. One thread. Test code only.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gateway/embedding_model.h"

namespace ondol {

// 64 numbers in a vector, 40 tokens in a text.
inline const std::vector<EmbeddingModel>& tiny_embedding_models() {
  static const std::vector<EmbeddingModel> models = [] {
    auto encoder = Encoder::open(ONDOL_SOURCE_DIR "/tests/models/tiny-e5s1/model.e5s1", 1);
    EXPECT_TRUE(encoder) << encoder.error().message;
    EmbeddingModel model;
    model.name = "tiny";
    model.encoder = std::move(*encoder);
    return std::vector<EmbeddingModel>{model};
  }();
  return models;
}

}  // namespace ondol
