// SPDX-License-Identifier: Apache-2.0
//
// Reads a spec that the API server has let through, or an older CRD: what is wrong is collected,
// each fault with the path of its field.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace controller {

using Json = nlohmann::json;

// The members of one object. `object` and `problems` must outlive it.
class Fields {
 public:
  Fields(const Json& object, std::string path, std::vector<std::string>& problems);

  bool has(const char* name) const;
  Fields object(const char* name) const;
  std::string text(const char* name, std::string fallback = {}) const;
  std::string needed_text(const char* name) const;
  bool flag(const char* name) const;
  // A whole number within these bounds.
  int number(const char* name, int least, int most, int fallback) const;
  // Seconds; empty: not given, or no duration of at least `least` seconds.
  std::optional<long> duration(const char* name, long least) const;
  // One of `words`.
  std::string choice(const char* name, const std::vector<std::string>& words) const;
  // JSON text of what is handed on as it is; empty: not given.
  std::string whole_object(const char* name) const;
  std::string whole_list(const char* name) const;
  const Json& json(const char* name) const;

  void problem(const std::string& name, std::string_view what) const;

 private:
  const Json& object_;
  std::string path_;
  std::vector<std::string>& problems_;
};

// Seconds of a Go duration ("1h30m", "90s"); empty: not one, or longer than 365 days.
std::optional<long> duration_seconds(const std::string&);

}  // namespace controller
