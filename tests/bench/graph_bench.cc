// SPDX-License-Identifier: Apache-2.0
//
// Row B7 of the benchmarks: a graph of 100,000 revisions with 5 % merges, headers already read.
//
//   graph_bench [REVISIONS [ROUNDS]]    default 100000 5
//
// Prints `name median best` in ms a line: load (goal <= 150), each kind of target (goal <= 1),
// whole plans.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/error.h"
#include "engine/core/plan.h"
#include "engine/core/range.h"

namespace engine {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(const std::function<void()>& action) {
  const Clock::time_point begin = Clock::now();
  action();
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

void report(const std::string& name, int rounds, const std::function<double()>& measure) {
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) times.push_back(measure());
  std::sort(times.begin(), times.end());
  std::printf("%-32s %10.3f %10.3f\n", name.c_str(), times[times.size() / 2], times.front());
}

std::string id_of(int number) {
  char text[16];
  std::snprintf(text, sizeof text, "%012llx",
                static_cast<unsigned long long>(number) * 0x9E3779B97F4A7C15ull >> 16);
  return text;
}

// One line of history from which branches of up to a few dozen revisions leave and come back.
std::vector<Revision> history(int count) {
  std::mt19937 random(7);
  std::vector<Revision> revisions(static_cast<std::size_t>(count));
  int trunk = 0;
  int branch = -1;
  for (int i = 0; i < count; ++i) {
    Revision& revision = revisions[static_cast<std::size_t>(i)];
    revision.id = id_of(i);
    revision.message = "revision " + std::to_string(i);
    revision.file = "versions/" + revision.id + "_revision.py";
    if (i == 0) {
      revision.branch_labels = {"main_line"};
    } else if (branch < 0 && i + 2 < count && random() % 10 == 0) {
      revision.down_revisions = {id_of(trunk)};
      branch = i;
    } else if (branch >= 0 && (i + 2 >= count || random() % 10 == 0)) {
      revision.down_revisions = {id_of(trunk), id_of(branch)};
      trunk = i;
      branch = -1;
    } else {
      int& tip = branch >= 0 && random() % 2 == 0 ? branch : trunk;
      revision.down_revisions = {id_of(tip)};
      tip = i;
    }
  }
  return revisions;
}

void run(int count, int rounds) {
  const std::vector<Revision> revisions = history(count);
  const auto merges = std::count_if(revisions.begin(), revisions.end(),
                                    [](const Revision& r) { return r.down_revisions.size() > 1; });
  std::printf("%d revisions, %ld merges\n", count, static_cast<long>(merges));
  report("load", rounds, [&] {
    std::vector<Revision> copy = revisions;
    RevisionGraph graph;
    return milliseconds([&] { graph = RevisionGraph(std::move(copy)); });
  });
  const RevisionGraph graph{std::vector<Revision>(revisions)};
  const RevisionId middle = revisions[revisions.size() / 2].id;
  const RevisionSet head = graph.heads();
  for (const std::string& target :
       {std::string("head"), std::string("heads"), std::string("base"), middle, middle.substr(0, 9),
        std::string("main_line"), std::string("main_line@head"), "main_line@" + middle,
        std::string("base+1")}) {
    report("target " + target, rounds,
           [&] { return milliseconds([&] { resolve_upgrade_target(graph, target, {}); }); });
  }
  report("target -1", rounds,
         [&] { return milliseconds([&] { resolve_downgrade_target(graph, "-1", head); }); });
  report("plan upgrade of all", rounds,
         [&] { return milliseconds([&] { plan_upgrade(graph, {}, "heads"); }); });
  report("plan downgrade of all", rounds,
         [&] { return milliseconds([&] { plan_downgrade(graph, head, "base"); }); });
  report("plan of nothing", rounds,
         [&] { return milliseconds([&] { plan_upgrade(graph, head, "heads"); }); });
  report("history of all", rounds,
         [&] { return milliseconds([&] { history_range(graph, {}, {}); }); });
}

}  // namespace
}  // namespace engine

int main(int argc, char** argv) {
  try {
    engine::run(argc > 1 ? std::atoi(argv[1]) : 100'000, argc > 2 ? std::atoi(argv[2]) : 5);
  } catch (const engine::Error& error) {
    std::fprintf(stderr, "graph_bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
