// One model under its public name, ready to answer.
//
// Owner: shared by the requests that use it. Immutable; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "model/chat_template.h"
#include "model/model.h"

namespace ondol {

class EngineMeter;  // gateway/engine_meter.h

struct ServedModel {
  std::string name;
  std::shared_ptr<const Model> model;
  std::shared_ptr<const ChatTemplate> chat_template;  // null: no chat completions, said by name in the error
  std::shared_ptr<Engine> engine;
  std::shared_ptr<EngineMeter> meter;  // null: what answers cost is not metered
  int64_t created_unix_s = 0;
  std::shared_ptr<const void> resident = nullptr;  // its place among those who keep the device waiting, as long as it is in memory
};

}  // namespace ondol
