// SPDX-License-Identifier: Apache-2.0
//
// The one exception type of the engine. Thrown for everything that ends a command; expected answers
// are return values. Foreign exceptions are translated in the file that includes their library.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "engine/contract/report.h"

namespace engine {

class Error : public std::exception {
 public:
  // `message`: intent, object, cause. `hint`: what to do about it. Neither holds a secret.
  Error(Reason reason, std::string message, std::string hint = {})
      : reason_(reason), message_(std::move(message)), hint_(std::move(hint)) {}
  Error(Reason reason, std::string message, Failure failure, std::string hint = {})
      : reason_(reason),
        message_(std::move(message)),
        hint_(std::move(hint)),
        failure_(std::move(failure)) {}

  Reason reason() const noexcept { return reason_; }
  const char* what() const noexcept override { return message_.c_str(); }
  const std::string& message() const noexcept { return message_; }
  const std::string& hint() const noexcept { return hint_; }
  const std::optional<Failure>& failure() const noexcept { return failure_; }

 private:
  Reason reason_;
  std::string message_;
  std::string hint_;
  std::optional<Failure> failure_ = {};
};

// The same error, with what was being done in front of its message.
inline Error with_intent(const std::string& intent, const Error& error) {
  const std::string message = intent + ": " + error.message();
  if (!error.failure()) return Error(error.reason(), message, error.hint());
  return Error(error.reason(), message, *error.failure(), error.hint());
}

}  // namespace engine
