// SPDX-License-Identifier: Apache-2.0
#include "engine/cli/status_lines.h"

#include <utility>

namespace engine {
namespace {

// Says how it ended also when an exception leaves.
class Ending {
 public:
  explicit Ending(const Say& say) : say_(say) {}
  ~Ending() { say_(done_ ? "  done\n" : "  FAILED\n"); }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;
  void succeeded() { done_ = true; }

 private:
  const Say& say_;
  bool done_ = false;
};

}  // namespace

void say_status(const Say& say, const std::string& what, const std::function<void()>& action) {
  say(what + " ...");
  Ending ending(say);
  action();
  ending.succeeded();
}

Status status_lines(Say say) {
  return [say = std::move(say)](const std::string& what, const std::function<void()>& action) {
    say_status(say, what, action);
  };
}

}  // namespace engine
