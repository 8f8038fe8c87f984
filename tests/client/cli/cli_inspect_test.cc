// SPDX-License-Identifier: Apache-2.0
// `inspect`: which calls it makes, and how many.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/user_history.h"
#include "client/cli/values.h"
#include "proto/cc/columns.h"
#include "tests/client/cli/cli_fixture.h"

namespace negatron::client {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::SizeIs;

constexpr v1::ColumnEncoding kTyped = v1::COLUMN_ENCODING_TYPED;
constexpr int64_t kDay = 86'400'000'000;

// A server that draws the items 0, 1, 2, ..., has vectors of 64 dimensions for all of them, and
// explains all of them as negatives.
class CliInspectTest : public CliTest {
 protected:
  CliInspectTest() {
    collection_.mutable_embedding_settings()->set_dimension(64);
    server_.handlers.statistics = [](const v1::GetCollectionStatisticsRequest&,
                                     v1::CollectionStatistics* statistics) {
      statistics->set_embedding_count(2'300);
      statistics->mutable_as_of_time()->set_seconds(1'700'000'000);
      statistics->mutable_snapshot()->set_commit_sequence(5);
      return grpc::Status::OK;
    };
    server_.handlers.sample = [this](const v1::SampleNegativesRequest& request,
                                     v1::SampleNegativesResponse* response) {
      samples_.push_back(request);
      const auto count = static_cast<size_t>(request.negative_count());
      std::vector<int64_t> ids(count);
      for (size_t i = 0; i < count; ++i) ids[i] = static_cast<int64_t>(i);
      WriteIds(ids, kTyped, response->mutable_item_ids());
      const std::vector<uint8_t> components(count, 0), full = {v1::ROW_STATUS_OK};
      WriteBytes(components, kTyped, response->mutable_component_indexes());
      WriteBytes(full, kTyped, response->mutable_row_statuses());
      WriteFloats(std::vector<float>(count, 0.5F), kTyped, response->mutable_scores());
      response->set_seed(request.seed());
      return grpc::Status::OK;
    };
    server_.handlers.get_items = [this](const v1::BatchGetItemsRequest& request,
                                        v1::BatchGetItemsResponse* response) {
      const std::vector<int64_t> ids = *ReadIds(request.item_ids(), "");
      items_.push_back(ids.size());
      const std::vector<uint8_t> found(ids.size(), 1);
      std::vector<int64_t> splits(ids.size() + 1, 0);
      WriteBytes(found, kTyped, response->mutable_found());
      WriteIds(ids, kTyped, response->mutable_items()->mutable_ids());
      WriteInt64s(splits, kTyped, response->mutable_items()->mutable_interval_splits());
      return grpc::Status::OK;
    };
    server_.handlers.get_embeddings = [this](const v1::BatchGetEmbeddingsRequest& request,
                                             v1::BatchGetEmbeddingsResponse* response) {
      const auto count = static_cast<size_t>(
          std::max(ColumnSize(request.item_ids()), ColumnSize(request.user_ids())));
      vectors_.push_back(count);
      std::vector<float> values(count * 64);
      for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * i % 101);
      WriteMatrix(values, static_cast<int32_t>(count), 64, kTyped, response->mutable_vectors());
      WriteBytes(std::vector<uint8_t>(count, 1), kTyped, response->mutable_found());
      return grpc::Status::OK;
    };
    server_.handlers.explain = [this](const v1::ExplainNegativesRequest& request,
                                      v1::ExplainNegativesResponse* response) {
      explained_.push_back(request);
      Explain(static_cast<size_t>(ColumnSize(request.item_ids())), response);
      return grpc::Status::OK;
    };
  }

  static void Explain(size_t count, v1::ExplainNegativesResponse* response) {
    const std::vector<uint8_t> negative(count, v1::ITEM_CLASS_NEGATIVE), zero(count, 0),
        one(count, 1);
    const std::vector<int64_t> never(count, std::numeric_limits<int64_t>::max()), ranks(count, 1);
    const std::vector<float> values(count, -1);
    WriteBytes(negative, kTyped, response->mutable_classes());
    WriteBytes(zero, kTyped, response->mutable_grounds());
    WriteBytes(one, kTyped, response->mutable_alive());
    WriteBytes(zero, kTyped, response->mutable_obstacles());
    WriteInt64s(never, kTyped, response->mutable_first_positive_micros());
    WriteInt64s(ranks, kTyped, response->mutable_popularity_ranks());
    WriteInt64s(ranks, kTyped, response->mutable_score_ranks());
    WriteInt64s(std::vector<int64_t>{9}, kTyped, response->mutable_ranked_counts());
    WriteIds(ranks, kTyped, response->mutable_nearest_positive_ids());
    for (v1::FloatColumn* column :
         {response->mutable_masses(), response->mutable_positive_distances(),
          response->mutable_log_q(), response->mutable_log_q_source(),
          response->mutable_scores()}) {
      WriteFloats(values, kTyped, column);
    }
    WriteFloats(std::vector<float>{1}, kTyped, response->mutable_effective_shares());
    response->add_components()->set_source("uniform");
  }

  std::vector<v1::SampleNegativesRequest> samples_;
  std::vector<v1::ExplainNegativesRequest> explained_;
  std::vector<size_t> items_, vectors_;
};

TEST_F(CliInspectTest, AsksInPortionsAndAsOfOneTime) {
  ASSERT_EQ(Run({"inspect", "movies", "--items", "2300", "--anchor-item", "3", "--out", "-"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("</html>"));
  EXPECT_THAT(err_.str(), HasSubstr("2,300 items written to standard output"));
  // The row's draws, the sample, the neighbours.
  ASSERT_THAT(samples_, SizeIs(3));
  for (const v1::SampleNegativesRequest& request : samples_) {
    EXPECT_EQ(request.as_of_time().seconds(), 1'700'000'000);
    EXPECT_EQ(request.seed(), 1);
  }
  EXPECT_EQ(samples_[1].negative_count(), 2'300);
  EXPECT_TRUE(samples_[1].policy().unique());
  EXPECT_EQ(ColumnSize(samples_[1].positive_ids()), 0);
  EXPECT_EQ(samples_[2].queries().column_count(), 64);
  ASSERT_THAT(explained_, SizeIs(3));
  for (const v1::ExplainNegativesRequest& request : explained_) {
    EXPECT_LE(ColumnSize(request.item_ids()), 1'000);
    EXPECT_EQ(request.sample().as_of_time().seconds(), 1'700'000'000);
    EXPECT_EQ(request.sample().seed(), 1);
    EXPECT_THAT(*ReadIds(request.sample().positive_ids(), ""), ElementsAre(3));
  }
  EXPECT_THAT(items_, Each(Le(2'500)));
  EXPECT_THAT(vectors_, ElementsAre(1, 2'048, 252));
}

TEST_F(CliInspectTest, SamplingOverTimeIsAskedForBeforeThePageDraws) {
  std::vector<int64_t> windows;
  server_.handlers.sampling_statistics = [&](const v1::GetSamplingStatisticsRequest& request,
                                             v1::SamplingStatistics* response) {
    EXPECT_THAT(samples_, ::testing::IsEmpty());
    windows.push_back(request.window().seconds());
    response->mutable_end_time()->set_seconds(1'700'000'000);
    response->mutable_resolution()->set_seconds(600);
    auto* const bucket = response->add_buckets();
    bucket->mutable_start_time()->set_seconds(1'700'000'000 - 7'200);
    auto* const source = bucket->add_sources();
    source->set_source("nearest");
    source->mutable_scores()->set_count(2);
    source->mutable_scores()->set_mean(0.625);
    return grpc::Status::OK;
  };
  ASSERT_EQ(Run({"inspect", "movies", "--items", "2", "--draws", "1", "--out", "-"}), ExitCode::kOk)
      << err_.str();
  // A week, and then the finer buckets of the half day that all of it lies in.
  EXPECT_THAT(windows, ElementsAre(7 * 86'400, 12 * 3'600));
  EXPECT_THAT(out_.str(), HasSubstr("\"hardness\":[0.625]"));
}

TEST_F(CliInspectTest, AServerWithoutSamplingStatisticsHasAPageAllTheSame) {
  ASSERT_EQ(Run({"inspect", "movies", "--items", "2", "--draws", "1", "--out", "-"}), ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("too old to tell what was drawn over time"));
}

TEST_F(CliInspectTest, AnAnswerThatDoesNotFitIsAnError) {
  server_.handlers.explain = [](const v1::ExplainNegativesRequest&,
                                v1::ExplainNegativesResponse* response) {
    Explain(3, response);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"inspect", "movies", "--items", "10", "--draws", "5", "--out", "-"}),
            ExitCode::kRefused);
  EXPECT_THAT(out_.str(), ::testing::IsEmpty());
}

TEST_F(CliInspectTest, HelpTeaches) {
  RunAlone({"inspect", "--help"});
  for (const char* text : {"--anchor-item", "--policy-name", "count in the collection's", "PCA"}) {
    EXPECT_THAT(out_.str(), HasSubstr(text));
  }
}

// A log of events against the search for a user's history.
class UserHistoryTest : public CliTest {
 protected:
  struct Event {
    int64_t time;
    int64_t user;
    int64_t item;
    uint8_t kind = v1::EVENT_KIND_POSITIVE;
  };

  // Pages of two events.
  UserHistoryTest() {
    server_.handlers.list_events = [this](const v1::ListEventsRequest& request,
                                          v1::ListEventsResponse* response) {
      std::vector<int64_t> users, items, times;
      std::vector<uint8_t> kinds;
      size_t at =
          request.page_token().empty() ? 0 : static_cast<size_t>(std::stoul(request.page_token()));
      for (; at < log_.size() && users.size() < 2; ++at) {
        const Event& event = log_[at];
        if (event.time < ToMicros(request.start_time()) ||
            event.time >= ToMicros(request.end_time())) {
          continue;
        }
        users.push_back(event.user);
        items.push_back(event.item);
        times.push_back(event.time);
        kinds.push_back(event.kind);
      }
      if (at < log_.size()) response->set_next_page_token(absl::StrCat(at));
      WriteIds(users, kTyped, response->mutable_user_ids());
      WriteIds(items, kTyped, response->mutable_item_ids());
      WriteInt64s(times, kTyped, response->mutable_event_time_micros());
      WriteBytes(kinds, kTyped, response->mutable_kinds());
      return grpc::Status::OK;
    };
  }

  UserHistory Find(int64_t end, size_t max_items, int64_t max_events) {
    ClientOptions options;
    options.target = server_.target();
    const auto client = Client::Create(std::move(options));
    HistorySearch search;
    search.user = "7";
    search.first_micros = log_.front().time;
    search.end_micros = end;
    search.max_items = max_items;
    search.max_events = max_events;
    search.report = [](int64_t) {};
    const auto history = FindUserHistory(**client, collection_, search);
    EXPECT_TRUE(history.ok()) << history.status();
    return *history;
  }

  std::vector<Event> log_;
};

TEST_F(UserHistoryTest, FindsTheNewestFirstEachOnce) {
  log_ = {{0, 7, 1},         {kDay, 8, 50},     {20 * kDay, 7, 2},
          {20 * kDay, 7, 3}, {30 * kDay, 7, 1}, {39 * kDay, 7, 60, v1::EVENT_KIND_EXPOSURE},
          {40 * kDay, 7, 4}, {41 * kDay, 7, 5}};
  const UserHistory all = Find(41 * kDay, 100, 1'000);
  EXPECT_THAT(all.items, ElementsAre("4", "1", "3", "2"));
  EXPECT_TRUE(all.seen && all.complete);
  EXPECT_EQ(all.events_read, 7);
  EXPECT_THAT(Find(41 * kDay, 2, 1'000).items, ElementsAre("4", "1"));
  EXPECT_TRUE(Find(41 * kDay, 2, 1'000).complete);
}

TEST_F(UserHistoryTest, TellsThatItWasCutOff) {
  for (int64_t i = 0; i < 200; ++i) log_.push_back({i * kDay / 4, i % 50 == 0 ? 7 : 8, i});
  const UserHistory some = Find(50 * kDay, 100, 20);
  EXPECT_FALSE(some.complete);
  EXPECT_LE(some.events_read, 22);  // A page more at most.
  const UserHistory all = Find(50 * kDay, 100, 1'000);
  EXPECT_TRUE(all.complete);
  EXPECT_THAT(all.items, ElementsAre("150", "100", "50", "0"));
  log_ = {{0, 8, 1}, {kDay, 9, 2}};
  EXPECT_FALSE(Find(5 * kDay, 100, 1'000).seen);
}

}  // namespace
}  // namespace negatron::client
