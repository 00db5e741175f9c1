// SPDX-License-Identifier: Apache-2.0
#include "engine/run/transaction_group.h"

namespace engine {
namespace {

bool stands_alone(const PreparedStep& step, std::size_t index) {
  return !step.revision.transactional || !step.statements[index].transactional;
}

class Grouping {
 public:
  explicit Grouping(TransactionMode mode) : mode_(mode) {}

  void add(const PreparedStep& step, std::size_t number, std::size_t done) {
    if (done > 0) open_ = false;
    Piece piece{number, done, done, false};
    for (; piece.end < step.statements.size(); ++piece.end) {
      if (!stands_alone(step, piece.end)) continue;
      if (piece.first < piece.end) append(piece);
      groups_.push_back({{{number, piece.end, piece.end + 1, false}}, true});
      open_ = false;
      piece.first = piece.end + 1;
    }
    piece.completes = true;
    append(piece);
    if (mode_ == TransactionMode::PerRevision) open_ = false;
  }
  std::vector<TransactionGroup> take() { return std::move(groups_); }

 private:
  void append(const Piece& piece) {
    if (!open_) groups_.emplace_back();
    open_ = true;
    groups_.back().pieces.push_back(piece);
  }

  TransactionMode mode_;
  std::vector<TransactionGroup> groups_ = {};
  bool open_ = false;  // the last one may be added to
};

}  // namespace

std::vector<TransactionGroup> transaction_groups(const std::vector<PreparedStep>& steps,
                                                 TransactionMode mode,
                                                 const std::vector<std::size_t>& done) {
  Grouping grouping(mode);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    grouping.add(steps[i], i, i < done.size() ? done[i] : 0);
  }
  return grouping.take();
}

}  // namespace engine
