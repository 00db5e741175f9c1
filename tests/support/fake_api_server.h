// SPDX-License-Identifier: Apache-2.0
//
// An API server in memory, as far as the operator uses one: lists, single objects, creates, merge
// patches with resourceVersion as precondition, the status subresource, generations, deletion with
// finalizers and of what is owned. One thread only. Calls can be made to fail before or after they
// took effect.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "operator/kube/http.h"
#include "operator/kube/resource_kind.h"

namespace testing_support {

class FakeApiServer : public kube::HttpTransport {
 public:
  using Json = nlohmann::json;
  using Objects = std::map<kube::Key, Json>;

  // Which call of those that write is lost (1-based; 0: none), and whether it took effect.
  struct Loss {
    int write = 0;
    bool after_effect = false;
  };

  kube::Response send(const kube::Request& request, std::chrono::milliseconds,
                      std::stop_token) override {
    if (const auto answer = override_ ? override_(request) : std::nullopt) return *answer;
    const bool writes = request.method != "GET";
    if (!writes) return handle(request);
    requests_.push_back(request.method + " " + request.path);
    const bool lost = ++writes_ == loss_.write;
    if (lost && !loss_.after_effect) throw kube::TransportError("lost before it took effect");
    const kube::Response response = handle(request);
    if (lost) throw kube::TransportError("lost after it took effect");
    return response;
  }

  // Watches end at once: tests take lists.
  kube::Response stream(const kube::Request&, const std::function<void(std::string_view)>&,
                        std::chrono::milliseconds, std::stop_token) override {
    on_watch_();
    return {.status = 200};
  }

  // --- for tests ---------------------------------------------------------------------------------

  // Lists over all namespaces, as caches take them, answer with what is there now until thaw();
  // lists of one namespace and single objects are always live.
  void freeze_lists() { frozen_ = objects_; }
  void thaw_lists() { frozen_.reset(); }
  void lose(Loss loss) {
    loss_ = loss;
    writes_ = 0;
  }
  int writes() const { return writes_; }
  const std::vector<std::string>& requests() const { return requests_; }  // of those that write
  void on_watch(std::function<void()> on_watch) { on_watch_ = std::move(on_watch); }
  // Answers in place of the server; an empty result leaves it to the server.
  void answer_with(std::function<std::optional<kube::Response>(const kube::Request&)> override) {
    override_ = std::move(override);
  }

  Objects& objects(const std::string& plural) { return objects_[plural]; }
  Json& object(const std::string& plural, const kube::Key& key) {
    return objects_.at(plural).at(key);
  }
  // A change that somebody else makes.
  void touch(Json& object) { object["metadata"]["resourceVersion"] = std::to_string(++version_); }

  static kube::Response refusal(int status, const std::string& reason,
                                const std::string& message = {}) {
    const Json body = {{"kind", "Status"},    {"apiVersion", "v1"},
                       {"status", "Failure"}, {"reason", reason},
                       {"code", status},      {"message", message.empty() ? reason : message}};
    return {.status = status, .body = body.dump()};
  }

  kube::Response create(const std::string& plural, const std::string& ns, Json object) {
    const kube::Key key{ns, object.at("metadata").at("name")};
    if (objects_[plural].contains(key)) return refusal(409, "AlreadyExists");
    Json& metadata = object["metadata"];
    metadata["namespace"] = ns;
    metadata["uid"] = "uid-" + std::to_string(++version_);
    metadata["generation"] = 1;
    metadata["creationTimestamp"] = now_;
    if (plural == "databasemigrations") object["status"] = {{"observedGeneration", -1}};
    if (plural == "jobs") object["status"] = {{"active", 1}};
    touch(object);
    objects_[plural][key] = object;
    return {.status = 201, .body = object.dump()};
  }

  kube::Response patch(const std::string& plural, const kube::Key& key, const Json& patch,
                       const std::string& subresource = {}) {
    const auto found = objects_[plural].find(key);
    if (found == objects_[plural].end()) return refusal(404, "NotFound");
    Json& stored = found->second;
    const Json before = stored;
    const std::string wanted = patch.value("/metadata/resourceVersion"_json_pointer, "");
    if (!wanted.empty() && wanted != before["metadata"]["resourceVersion"]) {
      return refusal(409, "Conflict");
    }
    Json patched = before;
    patched.merge_patch(patch);
    if (subresource == "status") {
      stored["status"] = patched["status"];
    } else {
      patched["status"] = before["status"];
      stored = patched;
      if (stored["spec"] != before["spec"]) {
        stored["metadata"]["generation"] = before["metadata"]["generation"].get<long>() + 1;
      }
    }
    if (stored != before) touch(stored);
    const kube::Response response{.status = 200, .body = stored.dump()};
    finish_deletion(plural, key);
    return response;
  }

  kube::Response remove(const std::string& plural, const kube::Key& key,
                        const std::string& uid = {}) {
    const auto found = objects_[plural].find(key);
    if (found == objects_[plural].end()) return refusal(404, "NotFound");
    Json& metadata = found->second["metadata"];
    if (!uid.empty() && metadata["uid"] != uid) return refusal(409, "Conflict");
    metadata["deletionTimestamp"] = now_;
    touch(found->second);
    finish_deletion(plural, key);
    return {.status = 200, .body = "{}"};
  }

  void set_now(std::string now) { now_ = std::move(now); }

 private:
  struct Path {
    std::string plural = {};
    kube::Key key = {};  // name empty: the collection
    std::string subresource = {};
  };

  // /api/v1/namespaces/NS/pods/NAME, /apis/batch/v1/jobs ...
  static Path parse(const std::string& path) {
    std::vector<std::string> parts;
    for (std::size_t at = 1; at <= path.size();) {
      const auto end = std::min(path.find('/', at), path.size());
      parts.push_back(path.substr(at, end - at));
      at = end + 1;
    }
    std::size_t next = parts.at(0) == "api" ? 2 : 3;
    Path result;
    if (parts.size() > next + 1 && parts[next] == "namespaces") {
      result.key.ns = parts[next + 1];
      next += 2;
    }
    result.plural = parts.at(next);
    if (parts.size() > next + 1) result.key.name = parts[next + 1];
    if (parts.size() > next + 2) result.subresource = parts[next + 2];
    return result;
  }

  kube::Response handle(const kube::Request& request) {
    const Path path = parse(request.path);
    if (request.method == "GET") return path.key.name.empty() ? list(path, request) : get(path);
    const Json body = Json::parse(request.body);
    if (request.method == "POST") return create(path.plural, path.key.ns, body);
    if (request.method == "PATCH") return patch(path.plural, path.key, body, path.subresource);
    return remove(path.plural, path.key, body.value("/preconditions/uid"_json_pointer, ""));
  }

  kube::Response get(const Path& path) {
    const auto found = objects_[path.plural].find(path.key);
    if (found == objects_[path.plural].end()) return refusal(404, "NotFound");
    return {.status = 200, .body = found->second.dump()};
  }

  kube::Response list(const Path& path, const kube::Request& request) {
    const auto selector = request.query.find("labelSelector");
    const std::string label = selector == request.query.end() ? "" : selector->second;
    Json items = Json::array();
    const bool old = frozen_ && path.key.ns.empty();
    for (const auto& [key, object] : (old ? *frozen_ : objects_)[path.plural]) {
      if (!path.key.ns.empty() && key.ns != path.key.ns) continue;
      if (matches(object, label)) items.push_back(object);
    }
    const Json body = {{"kind", "List"},
                       {"apiVersion", "v1"},
                       {"metadata", {{"resourceVersion", std::to_string(version_)}}},
                       {"items", items}};
    return {.status = 200, .body = body.dump()};
  }

  // "name=value,name=value", or empty.
  static bool matches(const Json& object, const std::string& selector) {
    const Json labels = object["metadata"].value("labels", Json::object());
    for (std::size_t at = 0; at < selector.size();) {
      const auto sign = selector.find('=', at);
      const auto end = std::min(selector.find(',', sign), selector.size());
      const std::string value = selector.substr(sign + 1, end - sign - 1);
      if (labels.value(selector.substr(at, sign - at), "") != value) return false;
      at = end + 1;
    }
    return true;
  }

  void finish_deletion(const std::string& plural, const kube::Key& key) {
    const auto found = objects_[plural].find(key);
    if (found == objects_[plural].end()) return;
    const Json& metadata = found->second["metadata"];
    if (!metadata.contains("deletionTimestamp")) return;
    if (!metadata.value("finalizers", Json::array()).empty()) return;
    const std::string uid = metadata["uid"];
    objects_[plural].erase(found);
    for (auto& [kind, objects] : objects_) {
      std::erase_if(objects, [&](const auto& entry) { return is_owned_by(entry.second, uid); });
    }
  }

  static bool is_owned_by(const Json& object, const std::string& uid) {
    const Json owners = object["metadata"].value("ownerReferences", Json::array());
    return std::ranges::any_of(owners, [&](const Json& owner) { return owner["uid"] == uid; });
  }

  std::map<std::string, Objects> objects_;  // by plural
  std::optional<std::map<std::string, Objects>> frozen_;
  std::vector<std::string> requests_;
  std::function<void()> on_watch_ = [] {};
  std::function<std::optional<kube::Response>(const kube::Request&)> override_;
  Loss loss_ = {};
  int writes_ = 0;
  long version_ = 1000;
  std::string now_ = "2026-11-20T08:00:00Z";
};

}  // namespace testing_support
