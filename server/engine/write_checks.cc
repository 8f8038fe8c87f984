// SPDX-License-Identifier: Apache-2.0
#include "server/engine/write_checks.h"

#include <algorithm>
#include <span>

#include "absl/strings/str_cat.h"

#include "server/engine/resolve.h"
#include "server/index/vector_table.h"
#include "storage/base/fingerprint.h"
#include "storage/base/philox.h"
#include "storage/base/status.h"
#include "storage/model/limits.h"
#include "storage/model/validate.h"

namespace negatron {
namespace {

void CheckCommon(const IdBatch& ids, const WriteOptions& options, Violations* violations) {
  if (ids.size() > kMaxBatchRows) {
    violations->Add("item_ids", absl::StrCat("at most ", kMaxBatchRows, " rows a call"));
  }
  const absl::string_view problem = RequestIdProblem(options.request_id);
  if (!problem.empty()) violations->Add("request_id", problem);
}

void CheckLength(int64_t length, int64_t rows, absl::string_view field, Violations* violations) {
  if (length == rows) return;
  violations->Add(field, absl::StrCat("has ", length, " entries for ", rows, " rows"));
}

uint64_t FingerprintIds(const IdBatch& ids, uint64_t seed) {
  if (!ids.is_names()) {
    return Fingerprint(ids.numbers().data(), ids.numbers().size() * sizeof(int64_t), seed);
  }
  uint64_t hash = MixHash(seed, 1);
  for (const std::string& name : ids.names()) hash = Fingerprint(name, hash);
  return hash;
}

template <typename T>
uint64_t FingerprintValues(const std::vector<T>& values, uint64_t seed) {
  return Fingerprint(values.data(), values.size() * sizeof(T), seed);
}

int64_t BytesOfIds(const IdBatch& ids) {
  int64_t bytes = ids.size() * static_cast<int64_t>(sizeof(int64_t));
  if (ids.is_names()) {
    for (const std::string& name : ids.names()) {
      bytes += static_cast<int64_t>(sizeof(std::string) + name.size());
    }
  }
  return bytes;
}

}  // namespace

absl::Status CheckWrite(const WriteItemsRequest& request, const CollectionRecord& settings) {
  Violations violations;
  CheckCommon(request.ids, request.options, &violations);
  CheckIds(request.ids, settings.item_id_type, "item_ids", &violations);
  CheckDistinct(request.ids, "item_ids", &violations);
  CheckLength(static_cast<int64_t>(request.alive.size()), request.ids.size(), "interval_splits",
              &violations);
  for (size_t i = 0; i < request.alive.size(); ++i) {
    const int64_t row = static_cast<int64_t>(i);
    if (request.alive[i].size() > kMaxIntervals) {
      violations.AddRow("interval_splits", row, "an item has at most 64 intervals");
    }
    const absl::string_view problem = IntervalsProblem(request.alive[i]);
    if (!problem.empty()) violations.AddRow("alive_from_micros", row, problem);
  }
  return violations.ToStatus();
}

absl::Status CheckWrite(const WriteEventsRequest& request, const CollectionRecord& settings) {
  Violations violations;
  const int64_t rows = request.items.size();
  CheckCommon(request.items, request.options, &violations);
  CheckIds(request.items, settings.item_id_type, "item_ids", &violations);
  CheckIds(request.users, settings.user_id_type, "user_ids", &violations);
  CheckLength(request.users.size(), rows, "user_ids", &violations);
  CheckLength(static_cast<int64_t>(request.times.size()), rows, "event_time_micros", &violations);
  if (!request.weights.empty()) {
    CheckLength(static_cast<int64_t>(request.weights.size()), rows, "weights", &violations);
  }
  for (size_t i = 0; i < request.times.size(); ++i) {
    if (!IsEventTime(request.times[i])) {
      violations.AddRow("event_time_micros", static_cast<int64_t>(i),
                        "must be microseconds since the Unix epoch, in the years 1 to 9999");
    }
  }
  for (size_t i = 0; i < request.weights.size(); ++i) {
    if (!(request.weights[i] >= kMinWeight && request.weights[i] <= kMaxWeight)) {
      violations.AddRow("weights", static_cast<int64_t>(i), "must be in [1/64, 4096]");
    }
  }
  return violations.ToStatus();
}

absl::Status CheckWrite(WriteEmbeddingsRequest* request, const CollectionRecord& settings) {
  if (!settings.embedding.has_value()) {
    return WithReason(absl::FailedPreconditionError("the collection has no embedding_settings; "
                                                    "set them with UpdateCollection"),
                      "EMBEDDINGS_NOT_CONFIGURED");
  }
  Violations violations;
  const int64_t rows = request->items.size();
  CheckCommon(request->items, request->options, &violations);
  CheckIds(request->items, settings.item_id_type, "item_ids", &violations);
  CheckDistinct(request->items, "item_ids", &violations);
  const int dimension = settings.embedding->dimension;
  if (request->column_count != dimension) {
    violations.Add("vectors.column_count",
                   absl::StrCat("is ", request->column_count, "; the collection has ", dimension));
    return violations.ToStatus();
  }
  CheckLength(static_cast<int64_t>(request->values.size()), rows * dimension, "vectors.values",
              &violations);
  NEGATRON_RETURN_IF_ERROR(violations.ToStatus());
  for (int64_t i = 0; i < rows; ++i) {
    const std::string_view problem =
        PrepareVector(settings.embedding->metric,
                      std::span<float>(request->values).subspan(i * dimension, dimension));
    if (!problem.empty()) {
      violations.AddRow("vectors", i, absl::string_view(problem.data(), problem.size()));
    }
  }
  return violations.ToStatus();
}

uint64_t FingerprintOf(const WriteItemsRequest& request) {
  uint64_t hash = FingerprintIds(request.ids, 1);
  for (const std::vector<Interval>& alive : request.alive) hash = FingerprintValues(alive, hash);
  return hash;
}

uint64_t FingerprintOf(const WriteEventsRequest& request) {
  uint64_t hash = FingerprintIds(request.users, 2);
  hash = FingerprintIds(request.items, hash);
  hash = FingerprintValues(request.times, hash);
  return FingerprintValues(request.weights, hash);
}

uint64_t FingerprintOf(const WriteEmbeddingsRequest& request) {
  return FingerprintValues(request.values, FingerprintIds(request.items, 3));
}

int64_t BytesOf(const WriteItemsRequest& request) {
  int64_t bytes = BytesOfIds(request.ids);
  for (const std::vector<Interval>& alive : request.alive) {
    bytes += static_cast<int64_t>(sizeof(std::vector<Interval>) + alive.size() * sizeof(Interval));
  }
  return bytes;
}

int64_t BytesOf(const WriteEventsRequest& request) {
  return BytesOfIds(request.users) + BytesOfIds(request.items) +
         static_cast<int64_t>(request.times.size() * sizeof(Micros) +
                              request.weights.size() * sizeof(float));
}

int64_t BytesOf(const WriteEmbeddingsRequest& request) {
  return BytesOfIds(request.items) + static_cast<int64_t>(request.values.size() * sizeof(float));
}

}  // namespace negatron
