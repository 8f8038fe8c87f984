// SPDX-License-Identifier: Apache-2.0
// Controllers: what they keep, what reports do to them, and sampling by their output.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/base/status.h"
#include "storage/model/limits.h"
#include "tests/server/engine/engine_harness.h"
#include "tests/server/engine/row_bytes.h"

namespace negatron {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int kRows = 40;

class ControllersTest : public testing::Test {
 protected:
  ControllersTest() {
    EXPECT_TRUE(harness_.Open().ok());
    EXPECT_TRUE(harness_.Create(Settings("c")).ok());
    EXPECT_TRUE(harness_.Items("c", ItemsAlways({1, 2, 3, 4, 5, 6, 7, 8})).ok());
    EXPECT_TRUE(harness_.Events("c", EventsOf({1, 2, 3}, {1, 1, 2}, {10, 20, 30})).ok());
  }

  static PutControllerRequest PutOf(const std::string& id, double target = 0.3) {
    PutControllerRequest request;
    request.controller_id = id;
    request.settings.target_rate = target;
    request.settings.start_output = 0.5;
    return request;
  }

  // 1,000 outcomes at `progress`.
  static ReportOutcomesRequest ReportOf(const std::string& id, int64_t violations, double progress,
                                        const std::string& request_id = "") {
    ReportOutcomesRequest request;
    request.controller_id = id;
    request.report.progress = progress;
    request.report.outcomes[1] = {1000, violations, 0, 0};
    request.options.request_id = request_id;
    request.options.level = AckLevel::kApplied;
    return request;
  }

  ControllerPointer Get(const std::string& id) {
    return *(*harness_.engine().GetControllers("c"))->Find(id);
  }
  std::vector<std::string> All() {
    std::vector<std::string> ids;
    for (const ControllerPointer& controller :
         (*harness_.engine().GetControllers("c"))->List("", 1000)) {
      ids.push_back(controller->controller_id);
    }
    return ids;
  }

  // Uniform gives way to popularity as the progress goes from 0 to 1.
  static SampleRequest Rows() {
    SampleRequest request = SampleOf(UniformSource{}, kRows, 4, 100);
    request.policy.components = {{0, "", UniformSource{}}, {0, "", PopularitySource{}}};
    for (const double end : {0.0, 1.0}) {
      Schedule schedule;
      schedule.points = {{0, 1 - end}, {1, end}};
      request.policy.components[static_cast<size_t>(end)].share_schedule = schedule;
    }
    request.want_shares = true;
    return request;
  }
  static SampleRequest RowsBy(const std::string& controller) {
    SampleRequest request = Rows();
    request.controller_id = controller;
    return request;
  }

  EngineHarness harness_;
};

TEST_F(ControllersTest, APutMakesOneAndChangesItsSettings) {
  harness_.clock().Set(77);
  const auto made = harness_.PutController("c", PutOf("p"));
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ((*made)->create_time, 77);
  EXPECT_EQ((*made)->state.output, 0.5);
  ASSERT_TRUE(harness_.Report("c", ReportOf("p", 900, 0.5)).ok());
  const ControllerState reported = Get("p")->state;
  harness_.clock().Set(78);
  EXPECT_EQ((*harness_.PutController("c", PutOf("p")))->update_time, 77) << "nothing changed";
  const auto changed = harness_.PutController("c", PutOf("p", 0.4));
  ASSERT_TRUE(changed.ok());
  EXPECT_EQ((*changed)->create_time, 77);
  EXPECT_EQ((*changed)->update_time, 78);
  EXPECT_EQ((*changed)->state, reported);
  PutControllerRequest narrow = PutOf("p", 0.4);
  narrow.settings.min_output = narrow.settings.start_output = 0.6;
  EXPECT_EQ((*harness_.PutController("c", narrow))->state.output, 0.6);
  narrow.restart = true;
  const auto anew = harness_.PutController("c", narrow);
  EXPECT_EQ((*anew)->state.report_count, 0);
  EXPECT_EQ((*anew)->create_time, 78);
  EXPECT_THAT(All(), ElementsAre("p"));
}

TEST_F(ControllersTest, BadSettingsChangeNothing) {
  PutControllerRequest bad = PutOf("Bad id", 2);
  bad.options.request_id = "has a space";
  std::vector<std::string> fields;
  for (const FieldViolation& violation :
       FieldViolationsOf(harness_.PutController("c", bad).status())) {
    fields.push_back(violation.field);
  }
  EXPECT_THAT(fields, ElementsAre("name", "request_id", "settings.target_rate"));
  EXPECT_THAT(All(), IsEmpty());
}

TEST_F(ControllersTest, AReportMovesTheOutputAsTheLawSays) {
  ASSERT_TRUE(harness_.PutController("c", PutOf("p")).ok());
  ControllerState expected = Get("p")->state;
  harness_.clock().Set(500);
  const ReportOutcomesRequest request = ReportOf("p", 600, 0.5);
  TakeReport(PutOf("p").settings, request.report, 500, &expected);
  const auto result = harness_.Report("c", request);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->stale);
  EXPECT_FALSE(result->replayed);
  EXPECT_EQ(result->controller->state, expected);
  EXPECT_LT(expected.output, 0.5);
  const auto stale = harness_.Report("c", ReportOf("p", 1000, 0.9));
  ASSERT_TRUE(stale.ok());
  EXPECT_TRUE(stale->stale);
  EXPECT_EQ(Get("p")->state.output, expected.output);
  EXPECT_EQ(Get("p")->state.totals.at(1).outcome_count, 2000);
  EXPECT_EQ(ReasonOf(harness_.Report("c", ReportOf("q", 1, 0.5)).status()), "CONTROLLER_NOT_FOUND");
  EXPECT_EQ(harness_.Report("c", ReportOf("p", 1, 1.5)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ControllersTest, ARepeatedReportCountsOnce) {
  ASSERT_TRUE(harness_.PutController("c", PutOf("p")).ok());
  ASSERT_TRUE(harness_.Report("c", ReportOf("p", 900, 0.5, "step-1")).ok());
  ASSERT_TRUE(harness_.Report("c", ReportOf("p", 900, 0.9, "step-2"))->stale);
  const ControllerState once = Get("p")->state;
  for (int i = 0; i < 2; ++i) {
    const auto again = harness_.Report("c", ReportOf("p", 900, 0.5, "step-1"));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(again->replayed);
    EXPECT_FALSE(again->stale);
    EXPECT_TRUE(harness_.Report("c", ReportOf("p", 900, 0.9, "step-2"))->stale);
    EXPECT_EQ(again->controller->state, once);
    EXPECT_EQ(ReasonOf(harness_.Report("c", ReportOf("p", 1, 0.5, "step-1")).status()),
              "REQUEST_ID_REUSED");
    ASSERT_TRUE(harness_.Open().ok());
  }
  EXPECT_EQ(Get("p")->state, once);
}

TEST_F(ControllersTest, AllOfAControllerSurvivesCrashes) {
  PutControllerRequest put = PutOf("p");
  put.settings.stop_rule.report_count = 4;
  put.settings.stale_after_micros = 5000000;
  ASSERT_TRUE(harness_.PutController("c", put).ok());
  ASSERT_TRUE(harness_.PutController("c", PutOf("other")).ok());
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    for (int i = 0; i < 3; ++i) {
      ReportOutcomesRequest report = ReportOf("p", 100 * i, Get("p")->state.output);
      report.report.outcomes[7] = {5, 2, 5, 0.75};
      // The last one takes those before it along.
      if (i == 2) report.options.level = AckLevel::kDurable;
      ASSERT_TRUE(harness_.Report("c", report).ok());
    }
    const ControllerRecord before = *Get("p");
    harness_.Crash(/*lose_power=*/seed % 2 == 0, seed);
    ASSERT_TRUE(harness_.Open().ok());
    EXPECT_EQ(*Get("p"), before);
    EXPECT_EQ(before.state.report_count, static_cast<int64_t>(3 * seed));
    EXPECT_THAT(All(), ElementsAre("other", "p"));
  }
}

TEST_F(ControllersTest, ADeletedControllerIsGone) {
  ASSERT_TRUE(harness_.PutController("c", PutOf("p")).ok());
  ASSERT_TRUE(harness_.Report("c", ReportOf("p", 900, 0.5)).ok());
  const auto sequence = [&] {
    return harness_.Sample("c", SampleOf(UniformSource{}, 1, 1, 100))->snapshot.commit_sequence;
  };
  const int64_t before = sequence();
  ASSERT_TRUE(harness_.DeleteController("c", {"p"}).ok());
  EXPECT_GT(sequence(), before);
  EXPECT_EQ(ReasonOf(harness_.DeleteController("c", {"p"})), "CONTROLLER_NOT_FOUND");
  EXPECT_TRUE(harness_.DeleteController("c", {"p", /*allow_missing=*/true}).ok());
  EXPECT_EQ(ReasonOf(harness_.Report("c", ReportOf("p", 1, 0.5)).status()), "CONTROLLER_NOT_FOUND");
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_THAT(All(), IsEmpty());
  EXPECT_GT(sequence(), before);
  EXPECT_EQ((*harness_.PutController("c", PutOf("p")))->state.report_count, 0);
}

TEST_F(ControllersTest, ADiskThatTakesNothingRefusesReports) {
  ASSERT_TRUE(harness_.PutController("c", PutOf("p")).ok());
  const ControllerRecord before = *Get("p");
  harness_.disk().SetFreeBytes(0);
  ReportOutcomesRequest report = ReportOf("p", 900, 0.5, "step-1");
  report.options.level = AckLevel::kDurable;
  EXPECT_EQ(harness_.Report("c", report).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(*Get("p"), before);
  harness_.disk().SetFreeBytes(std::nullopt);
  EXPECT_FALSE(harness_.Report("c", report)->replayed);
  EXPECT_EQ(Get("p")->state.report_count, 1);
}

TEST_F(ControllersTest, ThereIsRoomForSoMany) {
  for (int i = 0; i < kMaxControllers; ++i) {
    ASSERT_TRUE(harness_.PutController("c", PutOf(absl::StrCat("p", i))).ok());
  }
  EXPECT_EQ(ReasonOf(harness_.PutController("c", PutOf("more")).status()), "COLLECTION_FULL");
  EXPECT_TRUE(harness_.PutController("c", PutOf("p7", 0.5)).ok());
  ASSERT_TRUE(harness_.DeleteController("c", {"p7"}).ok());
  EXPECT_TRUE(harness_.PutController("c", PutOf("more")).ok());
}

// Promise 2: the response's progress in the place of the controller gives equal bytes.
TEST_F(ControllersTest, TheProgressOfAResponseRepeatsItsDraws) {
  ASSERT_TRUE(harness_.PutController("c", PutOf("p")).ok());
  std::vector<SampleResult> drawn;
  for (int i = 0; i < 5; ++i) {
    const auto result = harness_.Sample("c", RowsBy("p"));
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->policy.progress, Get("p")->state.output);
    EXPECT_EQ(result->snapshot.commit_sequence, Get("p")->commit_sequence);
    drawn.push_back(*result);
    ASSERT_TRUE(harness_.Report("c", ReportOf("p", 0, Get("p")->state.output)).ok());
  }
  EXPECT_NE(drawn[0].policy.progress, drawn[4].policy.progress);
  EXPECT_NE(drawn[0].shares, drawn[4].shares);
  ASSERT_TRUE(harness_.Open().ok());
  for (const SampleResult& first : drawn) {
    SampleRequest request = Rows();
    request.progress = first.policy.progress;
    const auto again = harness_.Sample("c", request);
    ASSERT_TRUE(again.ok()) << again.status();
    for (size_t r = 0; r < kRows; ++r) EXPECT_EQ(BytesOf(*again, r), BytesOf(first, r)) << r;
  }
}

TEST_F(ControllersTest, AControllerMustHaveSomethingToSteer) {
  ASSERT_TRUE(harness_.PutController("c", PutOf("p")).ok());
  const auto bad_fields = [&](const SampleRequest& request) {
    std::vector<std::string> fields;
    for (const FieldViolation& violation :
         FieldViolationsOf(harness_.Sample("c", request).status())) {
      fields.push_back(violation.field);
    }
    return fields;
  };
  SampleRequest plain = SampleOf(UniformSource{}, 1, 1, 100);
  plain.controller_id = "p";
  EXPECT_THAT(bad_fields(plain), ElementsAre("controller"));
  SampleRequest both = RowsBy("p");
  both.progress = 0.5;
  EXPECT_THAT(bad_fields(both), ElementsAre("controller"));
  EXPECT_THAT(bad_fields(Rows()), ElementsAre("progress"));
  EXPECT_EQ(ReasonOf(harness_.Sample("c", RowsBy("q")).status()), "CONTROLLER_NOT_FOUND");
}

TEST_F(ControllersTest, ABlockFollowsAControllerToo) {
  ASSERT_TRUE(harness_.PutController("c", PutOf("p")).ok());
  SharedRequest request;
  request.rows = RowsBy("p");
  const auto by_controller = harness_.engine().SampleShared("c", request, Cancellation());
  ASSERT_TRUE(by_controller.ok()) << by_controller.status();
  EXPECT_EQ(by_controller->policy.progress, 0.5);
  request.rows = Rows();
  request.rows.progress = 0.5;
  const auto by_progress = harness_.engine().SampleShared("c", request, Cancellation());
  ASSERT_TRUE(by_progress.ok());
  EXPECT_EQ(by_controller->ids, by_progress->ids);
  EXPECT_EQ(by_controller->log_q, by_progress->log_q);
}

}  // namespace
}  // namespace negatron
