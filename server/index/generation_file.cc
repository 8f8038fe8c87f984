// SPDX-License-Identifier: Apache-2.0
#include "server/index/generation_file.h"

#include <bit>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "storage/base/crc32c.h"
#include "storage/base/status.h"
#include "storage/model/limits.h"

namespace negatron {
namespace {

static_assert(std::endian::native == std::endian::little, "columns are written as they lie");

constexpr absl::string_view kMagic = "NGTNINDX";
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
  return WithReason(absl::DataLossError(absl::StrCat("index file: ", what)), "INDEX_DAMAGED");
}

absl::Status Foreign(absl::string_view what, absl::string_view reason) {
  return WithReason(absl::FailedPreconditionError(absl::StrCat("index file: it is of ", what)),
                    reason);
}

}  // namespace

std::string EncodeGeneration(int64_t incarnation, const Generation& generation) {
  const CompactGraph& links = generation.graph->links;
  Writer writer;
  writer.Number(kFormatVersion);
  writer.Number(static_cast<uint32_t>(generation.settings.dimension));
  writer.Number(static_cast<uint32_t>(generation.settings.metric));
  writer.Number(static_cast<uint32_t>(links.upper_levels.size()));
  writer.Number(incarnation);
  writer.Number(generation.number);
  writer.Number(generation.build_time);
  writer.Number(generation.recall);
  writer.Number(static_cast<uint32_t>(generation.link_count));
  writer.Number(static_cast<uint32_t>(generation.ef_construction));
  writer.Number(static_cast<uint32_t>(generation.ef));
  writer.Number(links.entry);
  writer.Number(links.item_count);
  writer.Column(links.placed);
  writer.Links(links.ground);
  for (const CompactGraph::UpperLevel& level : links.upper_levels) {
    writer.Column(level.items);
    writer.Column(level.down);
    writer.Links(level.links);
  }
  writer.Column(generation.graph->sketch.signs());
  writer.Column(generation.graph->sketch.norms());
  writer.Number(Crc32c(writer.bytes().data(), writer.bytes().size()));
  return std::move(writer.bytes());
}

absl::StatusOr<Generation> DecodeGeneration(absl::string_view bytes, int64_t incarnation,
                                            const EmbeddingSettings& settings) {
  if (bytes.size() < kMagic.size() + 2 * sizeof(uint32_t)) return Damaged("it is cut short");
  if (bytes.substr(0, kMagic.size()) != kMagic) return Damaged("it does not start as one");
  const absl::string_view body = bytes.substr(0, bytes.size() - sizeof(uint32_t));
  if (Reader(bytes.substr(body.size())).Number<uint32_t>() != Crc32c(body.data(), body.size())) {
    return Damaged("its checksum does not fit");
  }
  Reader reader(body.substr(kMagic.size()));
  const auto version = reader.Number<uint32_t>();
  if (version != kFormatVersion)
    return Foreign(absl::StrCat("format version ", version), "FORMAT_TOO_NEW");
  Generation generation;
  generation.settings = settings;
  generation.settings.dimension = static_cast<int>(reader.Number<uint32_t>());
  generation.settings.metric = static_cast<Metric>(reader.Number<uint32_t>());
  const auto level_count = reader.Number<uint32_t>();
  if (reader.Number<int64_t>() != incarnation || generation.settings != settings) {
    return Foreign("another collection or other settings", "INDEX_OF_ANOTHER");
  }
  generation.number = reader.Number<int64_t>();
  generation.build_time = reader.Number<int64_t>();
  generation.recall = reader.Number<double>();
  generation.link_count = static_cast<int>(reader.Number<uint32_t>());
  generation.ef_construction = static_cast<int>(reader.Number<uint32_t>());
  generation.ef = static_cast<int>(reader.Number<uint32_t>());
  if (generation.ef < 1 || generation.ef > kMaxRank) return Damaged("its ef is out of range");
  auto graph = std::make_shared<Graph>();
  CompactGraph& links = graph->links;
  links.entry = reader.Number<uint32_t>();
  links.item_count = reader.Number<int64_t>();
  reader.Column(&links.placed);
  reader.Links(&links.ground);
  if (level_count > kMaxUpperLevels) return Damaged("it has too many levels");
  links.upper_levels.resize(level_count);
  for (CompactGraph::UpperLevel& level : links.upper_levels) {
    reader.Column(&level.items);
    reader.Column(&level.down);
    reader.Links(&level.links);
  }
  std::vector<uint64_t> signs;
  std::vector<float> norms;
  reader.Column(&signs);
  reader.Column(&norms);
  if (!reader.AtEnd()) return Damaged("its length does not fit");
  const std::string_view problem = FindProblem(links);
  if (!problem.empty()) return Damaged(absl::string_view(problem.data(), problem.size()));
  if (!graph->sketch.Restore(settings, links.ordinal_end(), std::move(signs), std::move(norms))) {
    return Damaged("the sketch does not fit the links");
  }
  graph->unreached = Unreached(links);
  generation.graph = std::move(graph);
  return generation;
}

}  // namespace negatron
