// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/cli.h"
#include "proto/cc/columns.h"
#include "tests/client/cli/cli_fixture.h"

namespace negatron::client {
namespace {

using ::testing::HasSubstr;

class CliControllerTest : public CliTest {
 protected:
  static void Fill(const std::string& id, v1::Controller* controller) {
    controller->set_name("collections/movies/controllers/" + id);
    controller->mutable_settings()->set_target_rate(0.3);
    controller->set_output(0.25);
    controller->set_smoothed_rate(0.125);
    controller->set_report_count(12);
    controller->set_stale_report_count(2);
    controller->set_saturation(v1::SATURATION_NONE);
    v1::ComponentOutcomes* totals = controller->add_totals();
    totals->set_component_index(1);
    totals->set_outcome_count(100);
    totals->set_violation_count(12);
  }
};

TEST_F(CliControllerTest, PutSendsOnlyWhatWasSaid) {
  v1::PutControllerRequest seen;
  server_.handlers.put_controller = [&](const v1::PutControllerRequest& request,
                                        v1::Controller* response) {
    seen = request;
    Fill("warm", response);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"controller", "put", "warm", "--collection", "movies", "--target", "0.3"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_EQ(out_.str(), "warm at output 0.25\n");
  EXPECT_EQ(seen.name(), "collections/movies/controllers/warm");
  EXPECT_EQ(seen.settings().target_rate(), 0.3);
  EXPECT_FALSE(seen.settings().has_gain());
  EXPECT_FALSE(seen.settings().has_stop_rule());
  EXPECT_FALSE(seen.request_id().empty());
  EXPECT_EQ(Run({"controller", "put", "warm", "--collection", "movies", "--target", "0.3", "--gain",
                 "0.2", "--min-output", "0.1", "--stale-after", "10m", "--stop-reports", "20",
                 "--smoothing", "500", "--restart", "--json"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_EQ(seen.settings().gain(), 0.2);
  EXPECT_EQ(seen.settings().min_output(), 0.1);
  EXPECT_EQ(seen.settings().stale_after().seconds(), 600);
  EXPECT_EQ(seen.settings().stop_rule().report_count(), 20);
  EXPECT_EQ(seen.settings().smoothing_outcomes(), 500);
  EXPECT_TRUE(seen.restart());
  EXPECT_EQ(Json().fields().at("output").number_value(), 0.25);
  EXPECT_EQ(Run({"controller", "put", "warm", "--collection", "movies", "--target", "3"}),
            ExitCode::kUsage);
  EXPECT_EQ(Run({"controller", "put", "warm", "--collection", "movies", "--target", "0.3",
                 "--stale-after", "soon"}),
            ExitCode::kUsage);
}

TEST_F(CliControllerTest, GetTellsWhereItStands) {
  server_.handlers.get_controller = [&](const v1::GetControllerRequest& request,
                                        v1::Controller* response) {
    EXPECT_EQ(request.name(), "collections/movies/controllers/warm");
    Fill("warm", response);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"controller", "get", "warm", "--collection", "movies"}), ExitCode::kOk)
      << err_.str();
  for (const char* text :
       {"0.2500", "12.50% of 30.00% wanted", "12, 2 stale", "12 violations of 100", "steering"}) {
    EXPECT_THAT(out_.str(), HasSubstr(text));
  }
}

TEST_F(CliControllerTest, ListFetchesAllPages) {
  server_.handlers.list_controllers = [&](const v1::ListControllersRequest& request,
                                          v1::ListControllersResponse* response) {
    const bool first = request.page_token().empty();
    v1::Controller* controller = response->add_controllers();
    Fill(first ? "a" : "b", controller);
    if (!first) controller->set_saturation(v1::SATURATION_HIGH);
    if (first) controller->mutable_stop_signal()->set_stop_suggested(true);
    if (first) response->set_next_page_token("next");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"controller", "list", "--collection", "movies"}), ExitCode::kOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("the training may end"));
  EXPECT_THAT(out_.str(), HasSubstr("too easy at its highest output"));
  EXPECT_EQ(Run({"controller", "list", "--collection", "movies", "--json"}), ExitCode::kOk);
  EXPECT_EQ(Json().fields().at("controllers").list_value().values_size(), 2);
}

TEST_F(CliControllerTest, DeletesByName) {
  v1::DeleteControllerRequest seen;
  server_.handlers.delete_controller = [&](const v1::DeleteControllerRequest& request,
                                           google::protobuf::Empty*) {
    seen = request;
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"controller", "delete", "a", "--collection", "movies", "--allow-missing"}),
            ExitCode::kOk);
  EXPECT_EQ(seen.name(), "collections/movies/controllers/a");
  EXPECT_TRUE(seen.allow_missing());
}

TEST_F(CliControllerTest, SamplesByTheOutput) {
  v1::SampleNegativesRequest seen;
  server_.handlers.sample = [&](const v1::SampleNegativesRequest& request,
                                v1::SampleNegativesResponse* response) {
    seen = request;
    WriteBytes(std::vector<uint8_t>{1}, v1::COLUMN_ENCODING_TYPED,
               response->mutable_row_statuses());
    WriteIds(std::vector<int64_t>{4}, v1::COLUMN_ENCODING_TYPED, response->mutable_item_ids());
    response->set_progress(0.25);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"sample", "--collection", "movies", "--count", "1", "--policy-name", "warm",
                 "--controller", "k"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_EQ(seen.controller(), "collections/movies/controllers/k");
  EXPECT_THAT(out_.str(), HasSubstr("progress 0.25"));
  EXPECT_EQ(Run({"sample", "--collection", "movies", "--count", "1", "--policy-name", "warm",
                 "--controller", "k", "--progress", "0.5"}),
            ExitCode::kUsage);
}

}  // namespace
}  // namespace negatron::client
