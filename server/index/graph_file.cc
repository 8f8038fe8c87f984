// SPDX-License-Identifier: Apache-2.0
#include "server/index/graph_file.h"

#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "storage/base/crc32c.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

static_assert(std::endian::native == std::endian::little, "columns are written as they lie");

constexpr absl::string_view kMagic = "NGTNGRPH";
constexpr uint32_t kFormatVersion = 1;
constexpr uint32_t kMaxUpperLevels = 64;

class Writer {
 public:
  template <typename T>
  void Number(T number) {
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof(number));
  }
  template <typename T>
  void Column(const std::vector<T>& column) {
    Number(uint64_t{column.size()});
    bytes_.append(reinterpret_cast<const char*>(column.data()), column.size() * sizeof(T));
  }
  void Links(const CompactGraph::Links& links) {
    Column(links.offsets);
    Column(links.links);
  }
  std::string& bytes() { return bytes_; }

 private:
  std::string bytes_{kMagic};
};

class Reader {
 public:
  explicit Reader(absl::string_view rest) : rest_(rest) {}

  template <typename T>
  T Number() {
    T number = 0;
    if (Has(sizeof(T))) {
      std::memcpy(&number, rest_.data(), sizeof(T));
      rest_.remove_prefix(sizeof(T));
    }
    return number;
  }
  template <typename T>
  void Column(std::vector<T>* column) {
    const auto size = Number<uint64_t>();
    if (size > rest_.size() / sizeof(T)) failed_ = true;
    if (failed_) return;
    column->resize(size);
    if (size > 0) std::memcpy(column->data(), rest_.data(), size * sizeof(T));
    rest_.remove_prefix(size * sizeof(T));
  }
  void Links(CompactGraph::Links* links) {
    Column(&links->offsets);
    Column(&links->links);
  }
  bool AtEnd() const { return !failed_ && rest_.empty(); }

 private:
  bool Has(size_t size) {
    if (rest_.size() < size) failed_ = true;
    return !failed_;
  }

  absl::string_view rest_;
  bool failed_ = false;
};

absl::Status Damaged(absl::string_view what) {
  return WithReason(absl::DataLossError(absl::StrCat("graph file: ", what)), "GRAPH_DAMAGED");
}

}  // namespace

std::string EncodeGraph(const GraphOrigin& origin, const CompactGraph& graph) {
  Writer writer;
  writer.Number(kFormatVersion);
  writer.Number(static_cast<uint32_t>(origin.settings.dimension));
  writer.Number(static_cast<uint32_t>(origin.settings.metric));
  writer.Number(static_cast<uint32_t>(graph.upper_levels.size()));
  writer.Number(origin.incarnation);
  writer.Number(origin.generation);
  writer.Number(origin.commit_sequence);
  writer.Number(graph.item_count);
  writer.Number(graph.entry);
  writer.Column(graph.placed);
  writer.Links(graph.ground);
  for (const CompactGraph::UpperLevel& level : graph.upper_levels) {
    writer.Column(level.items);
    writer.Column(level.down);
    writer.Links(level.links);
  }
  writer.Number(Crc32c(writer.bytes().data(), writer.bytes().size()));
  return std::move(writer.bytes());
}

absl::StatusOr<GraphFile> DecodeGraph(absl::string_view bytes) {
  if (bytes.size() < kMagic.size() + 2 * sizeof(uint32_t)) return Damaged("it is cut short");
  if (bytes.substr(0, kMagic.size()) != kMagic) return Damaged("it does not start as one");
  const absl::string_view body = bytes.substr(0, bytes.size() - sizeof(uint32_t));
  if (Reader(bytes.substr(body.size())).Number<uint32_t>() != Crc32c(body.data(), body.size())) {
    return Damaged("its checksum does not fit");
  }
  Reader reader(body.substr(kMagic.size()));
  const auto version = reader.Number<uint32_t>();
  if (version != kFormatVersion) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat("graph file: it has format version ", version)),
        "FORMAT_TOO_NEW");
  }
  GraphFile file;
  file.origin.settings.dimension = static_cast<int>(reader.Number<uint32_t>());
  file.origin.settings.metric = static_cast<Metric>(reader.Number<uint32_t>());
  const auto level_count = reader.Number<uint32_t>();
  file.origin.incarnation = reader.Number<int64_t>();
  file.origin.generation = reader.Number<int64_t>();
  file.origin.commit_sequence = reader.Number<int64_t>();
  CompactGraph& graph = file.graph;
  graph.item_count = reader.Number<int64_t>();
  graph.entry = reader.Number<uint32_t>();
  reader.Column(&graph.placed);
  reader.Links(&graph.ground);
  if (level_count > kMaxUpperLevels) return Damaged("it has too many levels");
  graph.upper_levels.resize(level_count);
  for (CompactGraph::UpperLevel& level : graph.upper_levels) {
    reader.Column(&level.items);
    reader.Column(&level.down);
    reader.Links(&level.links);
  }
  if (!reader.AtEnd()) return Damaged("its length does not fit");
  const std::string_view problem = FindProblem(graph);
  if (!problem.empty()) return Damaged(absl::string_view(problem.data(), problem.size()));
  return file;
}

}  // namespace negatron
