// SPDX-License-Identifier: Apache-2.0
// What is wrong with a request is told by code, field and row; it changes nothing and the next call
// is answered.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>

#include "storage/model/limits.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

class BadInputTest : public testing::Test {
 protected:
  BadInputTest() {
    v1::CreateCollectionRequest create;
    create.set_collection_id("films");
    auto* embedding = create.mutable_collection()->mutable_embedding_settings();
    embedding->set_dimension(2);
    embedding->set_metric(v1::EMBEDDING_METRIC_COSINE);
    v1::Collection collection;
    EXPECT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection,
                       create, &collection)
                    .ok());
    EXPECT_TRUE(Write(Items()).ok());
    EXPECT_TRUE(Write(Events()).ok());
    EXPECT_TRUE(Write(Embeddings()).ok());
    before_ = Contents(server_, "collections/films");
  }

  ~BadInputTest() override {
    EXPECT_EQ(Contents(server_, "collections/films"), before_)
        << "a refused call changed something";
    EXPECT_TRUE(Sample(Rows()).ok()) << "the call after the refused ones is not answered";
  }

  static v1::BatchWriteItemsRequest Items() {
    v1::BatchWriteItemsRequest request;
    request.set_collection("collections/films");
    SetColumn(std::vector<int64_t>{10, 11, 12}, request.mutable_item_ids());
    return request;
  }
  static v1::BatchWriteEventsRequest Events() {
    v1::BatchWriteEventsRequest request;
    request.set_collection("collections/films");
    SetColumn(std::vector<int64_t>{1, 2}, request.mutable_user_ids());
    SetColumn(std::vector<int64_t>{10, 11}, request.mutable_item_ids());
    SetColumn(std::vector<int64_t>{1000, 2000}, request.mutable_event_time_micros());
    return request;
  }
  static v1::BatchWriteEmbeddingsRequest Embeddings() {
    v1::BatchWriteEmbeddingsRequest request;
    request.set_collection("collections/films");
    SetColumn(std::vector<int64_t>{10, 11}, request.mutable_item_ids());
    SetMatrix({1, 0, 0, 1}, 2, request.mutable_vectors());
    return request;
  }
  static v1::SampleNegativesRequest Rows() {
    v1::SampleNegativesRequest request;
    request.set_collection("collections/films");
    request.set_negative_count(2);
    SetColumn(std::vector<int64_t>{1, 2}, request.mutable_user_ids());
    auto* component = request.mutable_policy()->add_components();
    component->set_share(1);
    component->mutable_uniform();
    return request;
  }

  absl::Status Write(const v1::BatchWriteItemsRequest& request) {
    v1::WriteReceipt receipt;
    return Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteItems, request, &receipt);
  }
  absl::Status Write(const v1::BatchWriteEventsRequest& request) {
    v1::WriteReceipt receipt;
    return Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteEvents, request, &receipt);
  }
  absl::Status Write(const v1::BatchWriteEmbeddingsRequest& request) {
    v1::WriteReceipt receipt;
    return Invoke(server_.embeddings(), &v1::EmbeddingService::Stub::BatchWriteEmbeddings, request,
                  &receipt);
  }
  absl::Status Sample(const v1::SampleNegativesRequest& request) {
    v1::SampleNegativesResponse response;
    return Invoke(server_.sampling(), &v1::SamplingService::Stub::SampleNegatives, request,
                  &response);
  }

  // The status is INVALID_ARGUMENT and names just this field.
  static void ExpectBad(const absl::Status& status, const std::string& field) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(BadFields(status), ElementsAre(field)) << status;
  }

  // `Rows()` or `Events()` after a change.
  template <typename Change>
  absl::Status SampleWith(Change change) {
    v1::SampleNegativesRequest request = Rows();
    change(request);
    return Sample(request);
  }
  template <typename Change>
  absl::Status WriteEventsWith(Change change) {
    v1::BatchWriteEventsRequest request = Events();
    change(request);
    return Write(request);
  }
  template <typename Change>
  absl::Status WriteItemsWith(Change change) {
    v1::BatchWriteItemsRequest request = Items();
    change(request);
    return Write(request);
  }
  template <typename Change>
  absl::Status WriteEmbeddingsWith(Change change) {
    v1::BatchWriteEmbeddingsRequest request = Embeddings();
    change(request);
    return Write(request);
  }
  template <typename Change>
  absl::Status SampleWithPolicy(Change change) {
    return SampleWith([&](auto& request) { change(*request.mutable_policy()); });
  }

  RpcServer server_;
  std::string before_;
};

TEST_F(BadInputTest, UnknownCollectionIsNotFoundEverywhere) {
  const auto unknown = [](auto& request) { request.set_collection("collections/songs"); };
  for (const absl::Status& status : {SampleWith(unknown), WriteEventsWith(unknown),
                                     WriteItemsWith(unknown), WriteEmbeddingsWith(unknown)}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
    EXPECT_EQ(Reason(status), "COLLECTION_NOT_FOUND");
  }
}

TEST_F(BadInputTest, MalformedNamesAreInvalidArguments) {
  for (const char* name : {"", "films", "collections/", "collections/Films", "collections/a/b",
                           "collections/1films", "collection/films"}) {
    const auto change = [&](auto& request) { request.set_collection(name); };
    ExpectBad(SampleWith(change), "collection");
    ExpectBad(WriteEventsWith(change), "collection");
    ExpectBad(WriteItemsWith(change), "collection");
    ExpectBad(WriteEmbeddingsWith(change), "collection");
  }
}

TEST_F(BadInputTest, ColumnsThatDisagreeAreNamed) {
  ExpectBad(
      WriteEventsWith([](auto& r) { SetColumn(std::vector<int64_t>{10}, r.mutable_item_ids()); }),
      "item_ids");
  ExpectBad(WriteEventsWith([](auto& r) {
              SetColumn(std::vector<int64_t>{1, 2, 3}, r.mutable_event_time_micros());
            }),
            "event_time_micros");
  ExpectBad(WriteEventsWith([](auto& r) { SetColumn(std::vector<float>{1}, r.mutable_weights()); }),
            "weights");
  ExpectBad(SampleWith([](auto& r) { SetColumn(std::vector<int64_t>{1}, r.mutable_row_keys()); }),
            "row_keys");
  ExpectBad(SampleWith([](auto& r) { r.set_row_count(3); }), "user_ids");
  ExpectBad(WriteItemsWith(
                [](auto& r) { SetColumn(std::vector<int64_t>{5}, r.mutable_alive_from_micros()); }),
            "alive_from_micros");
}

TEST_F(BadInputTest, RawBytesThatAreNoWholeValuesAreNamed) {
  ExpectBad(WriteEventsWith([](auto& r) { r.mutable_user_ids()->set_raw("1234567"); }),
            "user_ids.raw");
  ExpectBad(SampleWith([](auto& r) { r.mutable_user_ids()->set_raw("1234567"); }), "user_ids.raw");
  ExpectBad(
      WriteEmbeddingsWith([](auto& r) { r.mutable_vectors()->mutable_values()->set_raw("12345"); }),
      "vectors.values.raw");
}

TEST_F(BadInputTest, EventValuesAreNamedByRow) {
  ExpectBad(WriteEventsWith([](auto& r) {
              SetColumn(std::vector<int64_t>{1000, std::numeric_limits<int64_t>::max()},
                        r.mutable_event_time_micros());
            }),
            "event_time_micros[1]");
  ExpectBad(WriteEventsWith([](auto& r) {
              SetColumn(std::vector<int64_t>{10, 99}, r.mutable_item_ids());
            }),
            "item_ids[1]");
  for (const float weight : {kNan, kInf, -1.0f, 0.0f, 5000.0f}) {
    ExpectBad(WriteEventsWith([&](auto& r) {
                SetColumn(std::vector<float>{1, weight}, r.mutable_weights());
              }),
              "weights[1]");
  }
}

TEST_F(BadInputTest, SeveralErrorsAreToldAtOnce) {
  const absl::Status status = WriteEventsWith([](auto& r) {
    r.set_collection("films");
    r.set_request_id("with space");
    SetColumn(std::vector<float>{kNan, 5000}, r.mutable_weights());
  });
  EXPECT_THAT(BadFields(status), testing::UnorderedElementsAre("collection", "request_id",
                                                               "weights[0]", "weights[1]"));
}

TEST_F(BadInputTest, EmbeddingsOfAnotherShapeOrNotFiniteAreNamed) {
  ExpectBad(WriteEmbeddingsWith([](auto& r) {
              SetMatrix({1, 0, 0, 0, 1, 0}, 3, r.mutable_vectors());
            }),
            "vectors.column_count");
  ExpectBad(WriteEmbeddingsWith([](auto& r) {
              SetMatrix({1, 0}, 2, r.mutable_vectors());
            }),
            "vectors.row_count");
  ExpectBad(WriteEmbeddingsWith([](auto& r) {
              SetMatrix({1, 0, kNan, 1}, 2, r.mutable_vectors());
            }),
            "vectors.values[2]");
  ExpectBad(WriteEmbeddingsWith([](auto& r) {
              SetMatrix({1, kInf, 0, 1}, 2, r.mutable_vectors());
            }),
            "vectors.values[1]");
  ExpectBad(WriteEmbeddingsWith([](auto& r) {
              SetMatrix({1, 0, 0, 0}, 2, r.mutable_vectors());
            }),
            "vectors[1]");
  ExpectBad(WriteEmbeddingsWith([](auto& r) {
              SetColumn(std::vector<int64_t>{10, 99}, r.mutable_item_ids());
            }),
            "item_ids[1]");
}

TEST_F(BadInputTest, EmbeddingsAreOfItemsOrOfUsers) {
  ExpectBad(WriteEmbeddingsWith([](auto& r) { *r.mutable_user_ids() = r.item_ids(); }), "user_ids");
  ExpectBad(WriteEmbeddingsWith([](auto& r) { r.clear_item_ids(); }), "item_ids");
  ExpectBad(WriteEmbeddingsWith([](auto& r) {
              r.clear_item_ids();
              r.mutable_user_ids();
            }),
            "user_ids");
}

TEST_F(BadInputTest, EmbeddingsNeedSettings) {
  v1::CreateCollectionRequest create;
  create.set_collection_id("plain");
  v1::Collection collection;
  ASSERT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection, create,
                     &collection)
                  .ok());
  EXPECT_EQ(WriteEmbeddingsWith([](auto& r) { r.set_collection("collections/plain"); }).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(SampleWith([](auto& r) {
              r.set_collection("collections/plain");
              auto* nearest = r.mutable_policy()->mutable_components(0)->mutable_nearest();
              nearest->set_rank_end(10);
              SetMatrix({1, 0, 0, 1}, 2, r.mutable_queries());
            }).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(BadInputTest, ItemsAreCheckedByRow) {
  ExpectBad(WriteItemsWith([](auto& r) {
              SetColumn(std::vector<int64_t>{10, 11, 10}, r.mutable_item_ids());
            }),
            "item_ids[2]");
  ExpectBad(WriteItemsWith([](auto& r) {
              SetColumn(std::vector<int64_t>{0, 5, 0}, r.mutable_alive_from_micros());
              SetColumn(std::vector<int64_t>{9, 5, 9}, r.mutable_alive_until_micros());
            }),
            "alive_from_micros[1]");
  ExpectBad(WriteItemsWith([](auto& r) {
              SetColumn(std::vector<int64_t>{0, 1, 3, 4}, r.mutable_interval_splits());
              SetColumn(std::vector<int64_t>{0, 5, 6, 0}, r.mutable_alive_from_micros());
              SetColumn(std::vector<int64_t>{9, 7, 9, 9}, r.mutable_alive_until_micros());
            }),
            "alive_from_micros[2]");
  ExpectBad(WriteItemsWith([](auto& r) {
              SetColumn(std::vector<int64_t>{0, 2, 1, 3}, r.mutable_interval_splits());
            }),
            "interval_splits[2]");
  ExpectBad(WriteItemsWith([](auto& r) {
              SetColumn(
                  std::vector<int64_t>{0, int64_t{1} << 62, int64_t{1} << 62, int64_t{1} << 62},
                  r.mutable_interval_splits());
            }),
            "interval_splits[1]");
  ExpectBad(WriteItemsWith([](auto& r) {
              SetNames({"a", "b"}, r.mutable_item_ids());
            }),
            "item_ids");
  ExpectBad(WriteItemsWith([](auto& r) { r.clear_item_ids(); }), "item_ids");
  ExpectBad(WriteItemsWith([](auto& r) {
              SetColumn(std::vector<int64_t>(kMaxBatchRows + 1), r.mutable_item_ids());
            }),
            "item_ids");
  ExpectBad(WriteItemsWith([](auto& r) {
              r.set_acknowledgement_level(static_cast<v1::AcknowledgementLevel>(9));
            }),
            "acknowledgement_level");
}

TEST_F(BadInputTest, CountsOutOfRangeAreNamed) {
  for (const int count : {0, -1, 131073, std::numeric_limits<int>::max()}) {
    ExpectBad(SampleWith([&](auto& r) { r.set_negative_count(count); }), "negative_count");
  }
  ExpectBad(SampleWith([](auto& r) { r.set_negative_count(131072); }), "negative_count");
  EXPECT_THAT(BadFields(SampleWith([](auto& r) { r.set_row_count(-2); })), Contains("row_count"));
  ExpectBad(SampleWith([](auto& r) { r.clear_user_ids(); }), "row_count");
  ExpectBad(SampleWith([](auto& r) {
              r.clear_user_ids();
              r.set_row_count(std::numeric_limits<int>::max());
            }),
            "negative_count");
}

TEST_F(BadInputTest, TimesOfRowsAreChecked) {
  ExpectBad(SampleWith([](auto& r) {
              SetColumn(std::vector<int64_t>{1000, std::numeric_limits<int64_t>::min()},
                        r.mutable_as_of_micros());
            }),
            "as_of_micros[1]");
  ExpectBad(SampleWith([](auto& r) {
              SetColumn(std::vector<int64_t>{1000, 2000}, r.mutable_as_of_micros());
              r.mutable_as_of_time()->set_seconds(1);
            }),
            "as_of_time");
  ExpectBad(SampleWith([](auto& r) { r.mutable_as_of_time()->set_nanos(-1); }), "as_of_time");
}

TEST_F(BadInputTest, ExclusionsMustFitTheRows) {
  const auto splits = [&](std::vector<int64_t> values) {
    return SampleWith([&](auto& r) {
      SetColumn(std::vector<int64_t>{10, 11}, r.mutable_exclusions()->mutable_ids());
      SetColumn(values, r.mutable_exclusions()->mutable_row_splits());
    });
  };
  EXPECT_TRUE(splits({0, 1, 2}).ok());
  ExpectBad(splits({1, 1, 2}), "exclusions.row_splits[0]");
  ExpectBad(splits({0, 2, 1}), "exclusions.row_splits[2]");
  ExpectBad(splits({0, 1, 3}), "exclusions.row_splits[2]");
  ExpectBad(splits({0, 2}), "exclusions.row_splits");
  ExpectBad(splits({}), "exclusions.row_splits");
}

TEST_F(BadInputTest, QueriesAreChecked) {
  const auto nearest = [](v1::SampleNegativesRequest& r) {
    r.mutable_policy()->mutable_components(0)->mutable_nearest()->set_rank_end(2);
  };
  ExpectBad(SampleWith(nearest), "queries");
  ExpectBad(SampleWith([&](auto& r) {
              nearest(r);
              SetMatrix({1, 0, 0, kNan}, 2, r.mutable_queries());
            }),
            "queries.values[3]");
  ExpectBad(SampleWith([&](auto& r) {
              nearest(r);
              SetMatrix({1, 0, 0, 1, 1, 1}, 3, r.mutable_queries());
            }),
            "queries.column_count");
  ExpectBad(SampleWith([&](auto& r) {
              nearest(r);
              r.mutable_queries()->set_row_count(-2);
              r.mutable_queries()->set_column_count(-2);
            }),
            "queries.row_count");
}

TEST_F(BadInputTest, PoliciesAreCheckedByComponent) {
  ExpectBad(SampleWith([](auto& r) { r.clear_policy(); }), "policy.components");
  ExpectBad(SampleWithPolicy([](auto& p) { p.add_components()->set_share(1); }),
            "policy.components[1].source");
  for (const double share : {-1.0, static_cast<double>(kNan), static_cast<double>(kInf)}) {
    ExpectBad(SampleWithPolicy([&](auto& p) {
                p.add_components()->mutable_popularity();
                p.mutable_components(1)->set_share(share);
              }),
              "policy.components[1].share");
  }
  ExpectBad(SampleWithPolicy([](auto& p) { p.mutable_components(0)->set_share(0); }),
            "policy.components");
  ExpectBad(SampleWithPolicy([](auto& p) {
              auto* nearest = p.mutable_components(0)->mutable_nearest();
              nearest->set_rank_end(2);
              nearest->set_pick(static_cast<v1::NearestPick>(77));
            }),
            "policy.components[0].nearest.pick");
  EXPECT_THAT(BadFields(SampleWithPolicy([](auto& p) {
                p.mutable_components(0)->mutable_nearest()->set_rank_end(20000);
              })),
              Contains("policy.components[0].nearest.rank_end"));
}

TEST_F(BadInputTest, BoundsOfNearestAreChecked) {
  const auto fields = [this](void (*set)(v1::NearestSource*)) {
    return BadFields(SampleWithPolicy([&](auto& p) {
      auto* nearest = p.mutable_components(0)->mutable_nearest();
      nearest->set_rank_end(2);
      set(nearest);
    }));
  };
  EXPECT_THAT(fields([](auto* n) { n->set_min_score(kNan); }),
              Contains("policy.components[0].nearest.min_score"));
  EXPECT_THAT(fields([](auto* n) { n->set_max_score(kInf); }),
              Contains("policy.components[0].nearest.max_score"));
  EXPECT_THAT(fields([](auto* n) { n->set_margin(-1); }),
              Contains("policy.components[0].nearest.margin"));
  EXPECT_THAT(fields([](auto* n) { n->set_relative_margin(kNan); }),
              Contains("policy.components[0].nearest.relative_margin"));
  EXPECT_THAT(fields([](auto* n) { n->set_noise(-0.5); }),
              Contains("policy.components[0].nearest.noise"));
}

TEST_F(BadInputTest, OutputsAndEncodingAreChecked) {
  ExpectBad(SampleWith([](auto& r) {
              r.add_outputs(v1::SAMPLE_OUTPUT_LOG_Q);
              r.add_outputs(v1::SAMPLE_OUTPUT_UNSPECIFIED);
            }),
            "outputs[1]");
  ExpectBad(SampleWith([](auto& r) {
              r.add_outputs(v1::SAMPLE_OUTPUT_NONE);
              r.add_outputs(v1::SAMPLE_OUTPUT_LOG_Q);
            }),
            "outputs[0]");
  ExpectBad(SampleWith([](auto& r) { r.set_encoding(static_cast<v1::ColumnEncoding>(5)); }),
            "encoding");
}

TEST_F(BadInputTest, MessagesOverTheLimitAreRefused) {
  const absl::Status status = SampleWith(
      [](auto& r) { r.mutable_exclusions()->mutable_ids()->set_raw(std::string(17 << 20, 'x')); });
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

TEST_F(BadInputTest, BytesThatAreNoMessageAreInvalid) {
  grpc::GenericStub stub(server_.channel());
  const std::string nonsense(200, '\xff');
  grpc::Slice slice(nonsense);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  auto call = stub.PrepareUnaryCall(&context, "/negatron.v1.SamplingService/SampleNegatives",
                                    request, &queue);
  call->StartCall();
  grpc::Status status;
  call->Finish(&response, &status, this);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
}

TEST_F(BadInputTest, UnknownFieldsAreIgnored) {
  EXPECT_TRUE(SampleWith([](auto& r) {
                r.GetReflection()->MutableUnknownFields(&r)->AddVarint(9999, 1);
              }).ok());
}

TEST_F(BadInputTest, ErrorsWithoutFieldsCarryNone) {
  EXPECT_THAT(BadFields(SampleWith([](auto& r) { r.set_collection("collections/songs"); })),
              IsEmpty());
}

}  // namespace
}  // namespace negatron
