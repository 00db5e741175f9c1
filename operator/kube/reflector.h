// SPDX-License-Identifier: Apache-2.0
//
// Keeps a local copy of a collection up to date: drives the machine of watch.h over a transport, on a
// thread of its own. Readers get snapshots.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "operator/kube/http.h"
#include "operator/kube/watch.h"

namespace kube {

using Object = std::shared_ptr<const Json>;  // managedFields are dropped

class Reflector {
 public:
  // Called on the reflector's thread for every object that appeared, changed or vanished (then: as last
  // seen). Must not block.
  using OnChange = std::function<void(const Key&, const Json&)>;
  // Called for what an operator of this program should know: lost watches, refusals (a constant text and
  // detail). May be empty.
  using OnTrouble = std::function<void(const std::string& what, const std::string& detail)>;

  Reflector(HttpTransport&, Collection, OnChange, OnTrouble);

  void run(std::stop_token);  // until stop is requested
  bool synced() const;        // the first complete list is in
  Object find(const Key&) const;  // null: not there
  std::vector<Object> list() const;
  std::size_t size() const;

 private:
  struct Store;
  HttpTransport& transport_;
  Collection collection_;
  OnChange on_change_;
  OnTrouble on_trouble_;
  mutable std::mutex mutex_;
  std::map<Key, Object> objects_;  // guarded by mutex_
  bool synced_ = false;            // guarded by mutex_
};

}  // namespace kube
