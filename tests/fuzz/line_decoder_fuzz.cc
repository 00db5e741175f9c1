// SPDX-License-Identifier: Apache-2.0
//
// Any bytes, cut up in any way, as the body of a watch: the lines are the same as those of the
// uncut bytes, and each is an event, a refusal or malformed. The first byte chooses where it is
// cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "operator/kube/watch.h"

namespace {

void must_hold(bool law) {
  if (!law) std::abort();
}

std::vector<std::string> decode(std::string_view bytes, std::size_t step, bool& rest) {
  kube::LineDecoder decoder;
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    for (std::string& line : decoder.feed(bytes.substr(at, step))) lines.push_back(std::move(line));
  }
  rest = decoder.has_rest();
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  bool rest_whole = false;
  bool rest_cut = false;
  const auto lines = decode(bytes, bytes.size(), rest_whole);
  must_hold(lines == decode(bytes, std::size_t{1} + data[0] % 16, rest_cut));
  must_hold(rest_whole == rest_cut && rest_whole == (bytes.back() != '\n'));
  for (const std::string& line : lines) {
    must_hold(!line.empty() && line.find('\n') == std::string::npos);
    kube::Json document = kube::Json::parse(line, nullptr, false);
    const kube::Message message = kube::read_event(document);
    if (const auto* event = std::get_if<kube::Event>(&message))
      must_hold(!kube::resource_version_of(*event->object).empty());
    kube::read_page(document);
  }
  return 0;
}
