// What `ondol model inspect` says about an embedding model (model/e5s1.h).
//
// Pure functions; any thread.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "base/error.h"

namespace ondol {

// With `tensors`, what the file holds in the order of the names; their shapes are no part of it.
Result<boost::json::object> describe_embedding_model(const std::string& path, const std::string& name, bool tensors);

// The same for people, without the tensors.
std::string embedding_model_text(const boost::json::object& description);

}  // namespace ondol
