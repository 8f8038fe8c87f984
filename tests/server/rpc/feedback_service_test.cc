// SPDX-License-Identifier: Apache-2.0
// Controllers and reports of outcomes, as clients see them.
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>

#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr char kName[] = "collections/c/controllers/k";

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

class FeedbackServiceTest : public testing::Test {
 protected:
  FeedbackServiceTest() {
    v1::CreateCollectionRequest create;
    create.set_collection_id("c");
    v1::Collection collection;
    EXPECT_TRUE(Invoke(server_.collections(), &v1::CollectionService::Stub::CreateCollection,
                       create, &collection)
                    .ok());
    v1::BatchWriteItemsRequest items;
    items.set_collection("collections/c");
    SetColumn({1, 2, 3, 4, 5, 6}, items.mutable_item_ids());
    v1::WriteReceipt receipt;
    EXPECT_TRUE(
        Invoke(server_.pool(), &v1::PoolService::Stub::BatchWriteItems, items, &receipt).ok());
  }

  absl::Status Put(const std::string& name, const std::string& settings,
                   v1::Controller* controller = nullptr) {
    v1::PutControllerRequest request;
    request.set_name(name);
    *request.mutable_settings() = Parse<v1::ControllerSettings>(settings);
    v1::Controller ignored;
    return Invoke(server_.feedback(), &v1::FeedbackService::Stub::PutController, request,
                  controller == nullptr ? &ignored : controller);
  }
  absl::Status Get(v1::Controller* controller) {
    v1::GetControllerRequest request;
    request.set_name(kName);
    return Invoke(server_.feedback(), &v1::FeedbackService::Stub::GetController, request,
                  controller);
  }
  absl::Status Report(const v1::ReportOutcomesRequest& request,
                      v1::ReportOutcomesResponse* response = nullptr) {
    v1::ReportOutcomesResponse ignored;
    return Invoke(server_.feedback(), &v1::FeedbackService::Stub::ReportOutcomes, request,
                  response == nullptr ? &ignored : response);
  }
  static v1::ReportOutcomesRequest ReportOf(const std::string& outcomes, double progress = 0.5) {
    auto request = Parse<v1::ReportOutcomesRequest>(outcomes);
    request.set_name(kName);
    request.set_progress(progress);
    return request;
  }

  // Rows by a schedule from one half of the items to the other.
  static v1::SampleNegativesRequest Rows() {
    auto request = Parse<v1::SampleNegativesRequest>(R"(
      collection: "collections/c" negative_count: 3 seed: 5 row_count: 20
      as_of_time { seconds: 1000 }
      policy {
        components {
          uniform {}
          share_schedule {
            interpolation: INTERPOLATION_LINEAR
            points { progress: 0 value: 1 } points { progress: 1 value: 0.5 } } }
        components { share: 1 uniform {} } })");
    std::vector<int64_t> keys;
    for (int64_t r = 0; r < 20; ++r) keys.push_back(r);
    SetColumn(keys, request.mutable_row_keys());
    return request;
  }
  absl::Status Sample(const v1::SampleNegativesRequest& request,
                      v1::SampleNegativesResponse* response) {
    return Invoke(server_.sampling(), &v1::SamplingService::Stub::SampleNegatives, request,
                  response);
  }

  RpcServer server_;
};

TEST_F(FeedbackServiceTest, DefaultsAreSpelledOut) {
  v1::Controller put, got;
  ASSERT_TRUE(Put(kName, "target_rate: 0.25 min_output: 0.125", &put).ok());
  EXPECT_EQ(put.name(), kName);
  EXPECT_TRUE(MessageDifferencer::Equals(put.settings(), Parse<v1::ControllerSettings>(R"(
        target_rate: 0.25 gain: 0.4 slope: 8 max_step: 0.05 min_output: 0.125 max_output: 1
        start_output: 0.125 smoothing_outcomes: 1000 stale_distance: 0.25)")))
      << put.DebugString();
  EXPECT_EQ(put.output(), 0.125);
  EXPECT_EQ(put.saturation(), v1::SATURATION_NONE);
  EXPECT_TRUE(put.has_create_time());
  EXPECT_FALSE(put.has_smoothed_rate());
  EXPECT_FALSE(put.has_last_report_time());
  EXPECT_FALSE(put.has_stop_signal());
  ASSERT_TRUE(Get(&got).ok());
  EXPECT_TRUE(MessageDifferencer::Equals(put, got));
}

TEST_F(FeedbackServiceTest, EverySettingComesBack) {
  constexpr char kEverything[] = R"(
    target_rate: 0.5 gain: 1 slope: 4 max_step: 0.5 min_output: 0.25 max_output: 0.75
    start_output: 0.5 smoothing_outcomes: 7 stale_after { seconds: 3 nanos: 5000 }
    stale_distance: 0.125
    stop_rule {
      report_count: 6 rate_tolerance: 0.5 output_tolerance: 0.25 hardness_tolerance: 0.125 })";
  v1::Controller put;
  ASSERT_TRUE(Put(kName, kEverything, &put).ok());
  EXPECT_TRUE(
      MessageDifferencer::Equals(put.settings(), Parse<v1::ControllerSettings>(kEverything)))
      << put.DebugString();
}

TEST_F(FeedbackServiceTest, EveryBadSettingIsNamed) {
  const std::string before = Contents(server_, "collections/c");
  const absl::Status status = Put("collections/c/controllers/K", R"(
    gain: 2 slope: 0 max_step: -1 min_output: 2 max_output: 1 smoothing_outcomes: -1
    stale_after { seconds: -1 } stale_distance: 0 stop_rule { rate_tolerance: -1 })");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(BadFields(status),
              UnorderedElementsAre("name", "settings.target_rate", "settings.gain",
                                   "settings.slope", "settings.max_step", "settings.min_output",
                                   "settings.max_output", "settings.start_output",
                                   "settings.smoothing_outcomes", "settings.stale_after",
                                   "settings.stale_distance", "settings.stop_rule.report_count"));
  EXPECT_THAT(BadFields(Put(kName, "target_rate: 0.5 stale_after {}")),
              ElementsAre("settings.stale_after"));
  EXPECT_THAT(BadFields(Put(kName, "target_rate: nan")), ElementsAre("settings.target_rate"));
  EXPECT_EQ(Contents(server_, "collections/c"), before);
}

TEST_F(FeedbackServiceTest, ColumnsAndSumsSayTheSame) {
  ASSERT_TRUE(Put(kName, "target_rate: 0.25 start_output: 0.5 smoothing_outcomes: 10").ok());
  v1::ReportOutcomesRequest columns = ReportOf("");
  WriteBytes(std::vector<uint8_t>{1, 0, 1, 9}, v1::COLUMN_ENCODING_RAW,
             columns.mutable_violations());
  WriteBytes(std::vector<uint8_t>{0, 2, 2, 255}, v1::COLUMN_ENCODING_RAW,
             columns.mutable_component_indexes());
  SetColumn({0.5f, 1.5f, 1.0f, std::numeric_limits<float>::quiet_NaN()},
            columns.mutable_hardness());
  v1::ReportOutcomesResponse by_columns, by_sums;
  ASSERT_TRUE(Report(columns, &by_columns).ok());
  EXPECT_FALSE(by_columns.stale());
  EXPECT_TRUE(by_columns.controller().has_last_report_time());
  ASSERT_TRUE(Put("collections/c/controllers/l",
                  "target_rate: 0.25 start_output: 0.5 smoothing_outcomes: 10")
                  .ok());
  v1::ReportOutcomesRequest sums = ReportOf(R"(
    outcomes { component_index: 2 outcome_count: 1 hardness_sum: 1.5 }
    outcomes { component_index: 0 outcome_count: 1 violation_count: 1 hardness_sum: 0.5 }
    outcomes { component_index: 2 outcome_count: 1 violation_count: 1 hardness_sum: 1
               hardness_count: 1 })");
  sums.set_name("collections/c/controllers/l");
  ASSERT_TRUE(Report(sums, &by_sums).ok());
  EXPECT_EQ(by_sums.controller().output(), by_columns.controller().output());
  EXPECT_LT(by_sums.controller().output(), 0.5);
  ASSERT_EQ(by_sums.controller().totals_size(), 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(MessageDifferencer::Equals(by_sums.controller().totals(i),
                                           by_columns.controller().totals(i)));
  }
  EXPECT_TRUE(
      MessageDifferencer::Equals(by_sums.controller().totals(1), Parse<v1::ComponentOutcomes>(R"(
        component_index: 2 outcome_count: 2 violation_count: 1 hardness_sum: 2.5
        hardness_count: 2)")));
}

TEST_F(FeedbackServiceTest, EveryBadOutcomeIsNamedAndNothingCounts) {
  ASSERT_TRUE(Put(kName, "target_rate: 0.25").ok());
  v1::ReportOutcomesRequest columns = ReportOf("", 1.5);
  columns.set_request_id("a space");
  columns.mutable_progress_time()->set_nanos(-1);
  WriteBytes(std::vector<uint8_t>{2, 0, 0}, v1::COLUMN_ENCODING_RAW, columns.mutable_violations());
  WriteBytes(std::vector<uint8_t>{0, 65, 0}, v1::COLUMN_ENCODING_RAW,
             columns.mutable_component_indexes());
  SetColumn({0.5f, 1.5f, std::numeric_limits<float>::infinity()}, columns.mutable_hardness());
  EXPECT_THAT(BadFields(Report(columns)),
              UnorderedElementsAre("progress", "request_id", "progress_time", "violations[0]",
                                   "component_indexes[1]", "hardness[2]"));
  v1::ReportOutcomesRequest lengths = ReportOf("outcomes {}");
  WriteBytes(std::vector<uint8_t>{0}, v1::COLUMN_ENCODING_RAW, lengths.mutable_violations());
  SetColumn({0.5f, 1.5f}, lengths.mutable_hardness());
  EXPECT_THAT(BadFields(Report(lengths)), UnorderedElementsAre("outcomes", "hardness"));
  EXPECT_THAT(BadFields(Report(ReportOf(R"(
    outcomes { component_index: -1 outcome_count: -1 violation_count: 1 }
    outcomes { outcome_count: 1 violation_count: 2 hardness_sum: inf hardness_count: 2 }
    outcomes { outcome_count: 1 hardness_count: 1 })"))),
              UnorderedElementsAre("outcomes[0].component_index", "outcomes[0].outcome_count",
                                   "outcomes[0].violation_count", "outcomes[0].hardness_count",
                                   "outcomes[1].violation_count", "outcomes[1].hardness_sum",
                                   "outcomes[1].hardness_count", "outcomes[2].hardness_sum"));
  v1::ReportOutcomesRequest bare;
  bare.set_name("collections/c");
  EXPECT_THAT(BadFields(Report(bare)), UnorderedElementsAre("name", "progress"));
  v1::Controller controller;
  ASSERT_TRUE(Get(&controller).ok());
  EXPECT_EQ(controller.report_count(), 0);
}

TEST_F(FeedbackServiceTest, ARequestIdCountsOnce) {
  ASSERT_TRUE(Put(kName, "target_rate: 0.25 start_output: 0.5").ok());
  v1::ReportOutcomesRequest report = ReportOf("outcomes { outcome_count: 100 }");
  report.set_request_id("step-1");
  v1::ReportOutcomesResponse first, again;
  ASSERT_TRUE(Report(report, &first).ok());
  EXPECT_FALSE(first.replayed());
  ASSERT_TRUE(Report(report, &again).ok());
  EXPECT_TRUE(again.replayed());
  EXPECT_TRUE(MessageDifferencer::Equals(again.controller(), first.controller()));
  report.mutable_outcomes(0)->set_violation_count(1);
  EXPECT_EQ(Reason(Report(report)), "REQUEST_ID_REUSED");
}

TEST_F(FeedbackServiceTest, OldReportsAreToldToBeStale) {
  ASSERT_TRUE(Put(kName, "target_rate: 0.25 start_output: 0.5 stale_after { seconds: 60 }").ok());
  v1::ReportOutcomesRequest report = ReportOf("outcomes { outcome_count: 100 }");
  report.mutable_progress_time()->set_seconds(1000);
  v1::ReportOutcomesResponse response;
  ASSERT_TRUE(Report(report, &response).ok());
  EXPECT_TRUE(response.stale());
  EXPECT_EQ(response.controller().stale_report_count(), 1);
  EXPECT_EQ(response.controller().output(), 0.5);
}

TEST_F(FeedbackServiceTest, AStopSignalIsTold) {
  ASSERT_TRUE(Put(kName, "target_rate: 0.25 start_output: 0.5 stop_rule { report_count: 4 }").ok());
  v1::ReportOutcomesResponse response;
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(response.controller().stop_signal().stop_suggested());
    ASSERT_TRUE(Report(ReportOf("outcomes { outcome_count: 100 violation_count: 25 "
                                "hardness_sum: 50 }"),
                       &response)
                    .ok());
  }
  EXPECT_TRUE(response.controller().stop_signal().stop_suggested())
      << response.controller().DebugString();
  EXPECT_EQ(response.controller().stop_signal().hardness_change(), 0);
  EXPECT_EQ(response.controller().smoothed_rate(), 0.25);
}

TEST_F(FeedbackServiceTest, ListsInPagesAndDeletes) {
  for (const char* const id : {"b", "a", "k"}) {
    ASSERT_TRUE(Put(std::string("collections/c/controllers/") + id, "target_rate: 0.25").ok());
  }
  v1::ListControllersRequest list;
  list.set_collection("collections/c");
  list.set_page_size(2);
  v1::ListControllersResponse page;
  const auto fetch = [&] {
    return Invoke(server_.feedback(), &v1::FeedbackService::Stub::ListControllers, list, &page);
  };
  ASSERT_TRUE(fetch().ok());
  ASSERT_EQ(page.controllers_size(), 2);
  EXPECT_EQ(page.controllers(0).name(), "collections/c/controllers/a");
  list.set_page_token(page.next_page_token());
  ASSERT_TRUE(fetch().ok());
  ASSERT_EQ(page.controllers_size(), 1);
  EXPECT_EQ(page.controllers(0).name(), kName);
  EXPECT_THAT(page.next_page_token(), IsEmpty());
  list.set_page_token("x");
  list.set_page_size(1001);
  EXPECT_THAT(BadFields(fetch()), UnorderedElementsAre("page_token", "page_size"));
  v1::DeleteControllerRequest remove;
  remove.set_name(kName);
  google::protobuf::Empty empty;
  const auto erase = [&] {
    return Invoke(server_.feedback(), &v1::FeedbackService::Stub::DeleteController, remove, &empty);
  };
  ASSERT_TRUE(erase().ok());
  EXPECT_EQ(Reason(erase()), "CONTROLLER_NOT_FOUND");
  remove.set_allow_missing(true);
  EXPECT_TRUE(erase().ok());
  v1::Controller controller;
  EXPECT_EQ(Reason(Get(&controller)), "CONTROLLER_NOT_FOUND");
}

TEST_F(FeedbackServiceTest, ASampleTellsTheProgressThatRepeatsIt) {
  ASSERT_TRUE(Put(kName, "target_rate: 0.25 start_output: 0.375").ok());
  v1::SampleNegativesRequest request = Rows();
  request.set_controller(kName);
  v1::SampleNegativesResponse by_controller, by_progress;
  ASSERT_TRUE(Sample(request, &by_controller).ok());
  EXPECT_EQ(by_controller.progress(), 0.375);
  EXPECT_EQ(by_controller.controller(), kName);
  EXPECT_TRUE(by_controller.has_progress_time());
  request.clear_controller();
  request.set_progress(by_controller.progress());
  ASSERT_TRUE(Sample(request, &by_progress).ok());
  EXPECT_EQ(by_progress.item_ids().raw(), by_controller.item_ids().raw());
  EXPECT_EQ(by_progress.log_q().raw(), by_controller.log_q().raw());
  EXPECT_EQ(by_progress.progress(), 0.375);
  EXPECT_FALSE(by_progress.has_progress_time());

  request.set_controller(kName);
  EXPECT_THAT(BadFields(Sample(request, &by_progress)), ElementsAre("controller"));
  request.clear_progress();
  request.set_controller("collections/d/controllers/k");
  EXPECT_THAT(BadFields(Sample(request, &by_progress)), ElementsAre("controller"));
  request.set_controller("k");
  EXPECT_THAT(BadFields(Sample(request, &by_progress)), ElementsAre("controller"));
  request.set_controller("collections/c/controllers/none");
  EXPECT_EQ(Reason(Sample(request, &by_progress)), "CONTROLLER_NOT_FOUND");

  v1::GetCandidatesRequest candidates;
  *candidates.mutable_sample() = Rows();
  candidates.mutable_sample()->mutable_policy()->mutable_components()->DeleteSubrange(0, 1);
  candidates.mutable_sample()->set_controller("k");
  v1::GetCandidatesResponse ranked;
  EXPECT_THAT(BadFields(Invoke(server_.sampling(), &v1::SamplingService::Stub::GetCandidates,
                               candidates, &ranked)),
              ElementsAre("sample.controller"));
}

TEST_F(FeedbackServiceTest, ASharedBlockFollowsAController) {
  ASSERT_TRUE(Put(kName, "target_rate: 0.25 start_output: 0.375").ok());
  v1::SampleSharedNegativesRequest request;
  request.set_collection("collections/c");
  request.set_negative_count(8);
  request.set_row_count(2);
  request.set_seed(1);
  *request.mutable_policy() = Rows().policy();
  request.set_controller(kName);
  v1::SampleSharedNegativesResponse response;
  ASSERT_TRUE(Invoke(server_.sampling(), &v1::SamplingService::Stub::SampleSharedNegatives, request,
                     &response)
                  .ok());
  EXPECT_EQ(response.progress(), 0.375);
  EXPECT_EQ(response.controller(), kName);
  EXPECT_TRUE(response.has_progress_time());
}

}  // namespace
}  // namespace negatron
