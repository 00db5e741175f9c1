// SPDX-License-Identifier: Apache-2.0
//
// Keeps a local copy of a collection up to date: drives the machine of watch.h over a transport, on
// a thread of its own. Readers get snapshots.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "operator/kube/http.h"
#include "operator/kube/watch.h"

namespace kube {

using Object = std::shared_ptr<const Json>;  // managedFields are dropped

class Reflector {
 public:
  // Called on the reflector's thread for every object that appeared, changed or vanished (then: as
  // last seen), after the copy has changed. Must not block.
  using OnChange = std::function<void(const Key&, const Json&)>;
  // Called for what an operator of this program should know: lost watches, refusals (a constant
  // text and detail). May be empty.
  using OnTrouble = std::function<void(const std::string& what, const std::string& detail)>;

  // What the loop takes from outside; tests bring their own.
  struct Surroundings {
    std::function<std::chrono::steady_clock::time_point()> now;
    std::function<void(std::chrono::milliseconds, std::stop_token)> pause;  // ends early on stop
    std::function<double()> random;                                         // [0,1)
    // After so long all is listed again: whatever lies in between may have lost an event.
    std::chrono::seconds resync{600};
  };
  static Surroundings real_surroundings();

  Reflector(HttpTransport&, Collection, OnChange, OnTrouble, Surroundings = real_surroundings());

  void run(std::stop_token);      // until stop is requested
  bool synced() const;            // the first complete list is in
  Object find(const Key&) const;  // null: not there
  std::vector<Object> list() const;
  std::size_t size() const;

 private:
  struct Progress;
  Outcome attempt(Progress&, const std::stop_token&);
  Outcome list_page(Progress&, std::stop_token);
  Outcome watch(Progress&, std::stop_token);
  std::optional<Outcome> take_line(const std::string& line, Progress&);
  void apply(const Event&);
  void replace(const std::map<Key, Object>&);
  void tell(const char* what, const std::string& detail) const;

  HttpTransport& transport_;
  Collection collection_;
  OnChange on_change_;
  OnTrouble on_trouble_;
  Surroundings surroundings_;
  mutable std::mutex mutex_;
  std::map<Key, Object> objects_;  // guarded by mutex_
  bool synced_ = false;            // guarded by mutex_
};

}  // namespace kube
