// SPDX-License-Identifier: Apache-2.0
// Embeddings kept as bfloat16: what is written, stored, read and scored is one value.
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/index/vector_table.h"
#include "storage/base/status.h"
#include "storage/rocks/store.h"
#include "tests/server/engine/engine_harness.h"
#include "tests/support/split_mix.h"

namespace negatron {
namespace {

constexpr int kDimension = 19;  // A block of sixteen, and a rest.
constexpr int kItems = 300;

std::vector<float> RandomValues(uint64_t seed, int count) {
  SplitMix random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.Unit() * 2 - 1);
  return values;
}

std::vector<int64_t> Ids() {
  std::vector<int64_t> ids(kItems);
  for (int i = 0; i < kItems; ++i) ids[i] = i;
  return ids;
}

// Bits, so that NaN is equal to itself and -0 is not 0.
template <typename Floats>
std::vector<uint32_t> BitsOf(const Floats& floats) {
  std::vector<uint32_t> bits(floats.size());
  std::memcpy(bits.data(), floats.data(), bits.size() * sizeof(uint32_t));
  return bits;
}

class ElementTypeTest : public testing::Test {
 protected:
  ElementTypeTest() { EXPECT_TRUE(harness_.Open().ok()); }

  // A collection with items that have these embeddings.
  void Make(const std::string& id, const EmbeddingSettings& embedding, std::vector<float> values) {
    CollectionRecord settings = Settings(id);
    settings.embedding = embedding;
    ASSERT_TRUE(harness_.Create(settings).ok());
    ASSERT_TRUE(harness_.Items(id, ItemsAlways(Ids())).ok());
    ASSERT_TRUE(Write(id, std::move(values)).ok());
  }

  absl::Status Write(const std::string& id, std::vector<float> values) {
    WriteEmbeddingsRequest request;
    request.ids.values = Ids();
    request.column_count = kDimension;
    request.values = std::move(values);
    return harness_.Embeddings(id, request).status();
  }

  std::vector<float> Read(const std::string& id) {
    const auto read = harness_.engine().GetEmbeddings(id, VectorOwner::kItem, {Ids()});
    EXPECT_TRUE(read.ok()) << read.status();
    return {read->values.begin(), read->values.end()};
  }

  EngineHarness harness_;
};

TEST_F(ElementTypeTest, WhatIsReadIsWhatWasRoundedAlsoInTheLogAndAfterARestart) {
  for (const Metric metric : {Metric::kInnerProduct, Metric::kCosine, Metric::kL2}) {
    const std::string id = std::string("c") + std::to_string(static_cast<int>(metric));
    const EmbeddingSettings embedding{kDimension, metric, ElementType::kBfloat16};
    const std::vector<float> values = RandomValues(1, kItems * kDimension);
    Make(id, embedding, values);
    std::vector<float> rounded = values;
    for (int i = 0; i < kItems; ++i) {
      const auto vector = std::span(rounded).subspan(i * kDimension, kDimension);
      ASSERT_TRUE(PrepareToStore(embedding, vector).empty());
    }
    ASSERT_NE(rounded, values);
    EXPECT_EQ(BitsOf(Read(id)), BitsOf(rounded));
    ASSERT_TRUE(harness_.Open().ok());
    EXPECT_EQ(BitsOf(Read(id)), BitsOf(rounded));
    EXPECT_EQ(harness_.engine().GetCollection(id)->embedding, embedding);

    const int64_t incarnation = harness_.engine().GetCollection(id)->incarnation;
    harness_.Close();
    {
      StoreOptions options;
      options.path = harness_.options().data_dir;
      options.file_system = harness_.options().file_system;
      const auto store = Store::Open(options);
      ASSERT_TRUE(store.ok()) << store.status();
      std::vector<float> logged;
      const auto add = [&](const EmbeddingRecord& record) {
        logged.insert(logged.end(), record.vector.begin(), record.vector.end());
        return absl::OkStatus();
      };
      ASSERT_TRUE((*store)->ScanEmbeddings(incarnation, add).ok());
      EXPECT_EQ(BitsOf(logged), BitsOf(rounded));
    }
    ASSERT_TRUE(harness_.Open().ok());
  }
}

// Draws, scores and log q, to the bit, of the same values kept as float32.
TEST_F(ElementTypeTest, SamplesAsFloat32OfTheSameValuesDoes) {
  for (const Metric metric : {Metric::kInnerProduct, Metric::kL2}) {
    const std::string suffix = std::to_string(static_cast<int>(metric));
    const std::string narrow = "narrow" + suffix, wide = "wide" + suffix;
    Make(narrow, {kDimension, metric, ElementType::kBfloat16},
         RandomValues(2, kItems * kDimension));
    Make(wide, {kDimension, metric}, Read(narrow));
    NearestSource top{NearestAnchor::kQuery, 3, 40, NearestPick::kTop};
    NearestSource noisy{NearestAnchor::kPositive, 0, 30, NearestPick::kUniform};
    noisy.noise = 0.5;
    NearestSource bounded{NearestAnchor::kQuery, 0, 50, NearestPick::kSoftmax, 0.3};
    bounded.margin = 0.01;
    for (const SourceSpec& source :
         {SourceSpec(top), SourceSpec(noisy), SourceSpec(bounded),
          SourceSpec(AdversarialSource{NearestAnchor::kQuery, 0.2}),
          SourceSpec(AdversarialSource{NearestAnchor::kPositive, 0.2})}) {
      constexpr int kRows = 40;
      SampleRequest request = SampleOf(source, kRows, 25, 1000);
      request.query_columns = kDimension;
      request.queries = RandomValues(3, kRows * kDimension);
      request.positives.emplace();
      const std::vector<int64_t> ids = Ids();
      request.positives->values = std::vector<int64_t>(ids.begin(), ids.begin() + kRows);
      request.want_scores = true;
      const auto sampled = harness_.Sample(narrow, request);
      const auto expected = harness_.Sample(wide, request);
      ASSERT_TRUE(sampled.ok()) << sampled.status();
      ASSERT_TRUE(expected.ok()) << expected.status();
      EXPECT_EQ(sampled->ids, expected->ids);
      EXPECT_EQ(sampled->statuses, expected->statuses);
      EXPECT_EQ(BitsOf(sampled->scores), BitsOf(expected->scores));
      EXPECT_EQ(BitsOf(sampled->log_q), BitsOf(expected->log_q));
      EXPECT_THAT(sampled->statuses, testing::Contains(static_cast<uint8_t>(RowStatus::kOk)));
    }
  }
}

TEST_F(ElementTypeTest, ARepeatedWriteIsKnownByItsRequestId) {
  Make("c", {kDimension, Metric::kCosine, ElementType::kBfloat16},
       RandomValues(4, kItems * kDimension));
  WriteEmbeddingsRequest request;
  request.ids.values = Ids();
  request.column_count = kDimension;
  request.values = RandomValues(5, kItems * kDimension);
  request.options.request_id = "once";
  ASSERT_TRUE(harness_.Embeddings("c", request).ok());
  EXPECT_TRUE(harness_.Embeddings("c", request)->replayed);
}

TEST_F(ElementTypeTest, WhatWouldRoundToInfinityIsRefusedAndChangesNothing) {
  const std::vector<float> values = RandomValues(6, kItems * kDimension);
  Make("c", {kDimension, Metric::kL2, ElementType::kBfloat16}, values);
  const std::vector<float> before = Read("c");
  std::vector<float> bad = RandomValues(7, kItems * kDimension);
  bad[2 * kDimension + 1] = std::numeric_limits<float>::max();
  const absl::Status status = Write("c", bad);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(FieldViolationsOf(status).size(), 1U);
  EXPECT_EQ(FieldViolationsOf(status)[0].field, "vectors[2]");
  EXPECT_EQ(Read("c"), before);
}

TEST_F(ElementTypeTest, TakesHalfTheMemory) {
  const std::vector<float> values = RandomValues(8, kItems * kDimension);
  Make("narrow", {kDimension, Metric::kL2, ElementType::kBfloat16}, values);
  Make("wide", {kDimension, Metric::kL2}, values);
  const auto bytes = [&](const std::string& id) {
    int64_t sum = 0;
    const auto statistics = harness_.engine().GetStatistics(id, 1000);
    for (const auto& [name, count] : statistics->memory_bytes) {
      if (name == "embeddings") sum += count;
    }
    return sum;
  };
  constexpr int64_t kPages = (kItems + 63) / 64;
  EXPECT_EQ(bytes("wide") - bytes("narrow"), kPages * 64 * kDimension * 2);
}

}  // namespace
}  // namespace negatron
