// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/cli.h"
#include "client/cli/source_spec.h"
#include "proto/cc/columns.h"
#include "tests/client/cli/cli_fixture.h"

namespace negatron::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CliSampleTest : public CliTest {
 protected:
  // Answers one row with one draw, which says nothing.
  void Answer(v1::SampleNegativesRequest* seen) {
    server_.handlers.sample = [seen](const v1::SampleNegativesRequest& request,
                                     v1::SampleNegativesResponse* response) {
      *seen = request;
      WriteBytes(std::vector<uint8_t>{1}, v1::COLUMN_ENCODING_TYPED,
                 response->mutable_row_statuses());
      WriteIds(std::vector<int64_t>{4}, v1::COLUMN_ENCODING_TYPED, response->mutable_item_ids());
      return grpc::Status::OK;
    };
  }
};

TEST_F(CliSampleTest, SamplePrintsATableOrJson) {
  v1::SampleNegativesRequest seen;
  server_.handlers.sample = [&](const v1::SampleNegativesRequest& request,
                                v1::SampleNegativesResponse* response) {
    seen = request;
    WriteIds(std::vector<int64_t>{11, 12, 13, -1}, v1::COLUMN_ENCODING_TYPED,
             response->mutable_item_ids());
    WriteFloats(std::vector<float>{-1.5F, -2, -3, std::nanf("")}, v1::COLUMN_ENCODING_TYPED,
                response->mutable_log_q());
    WriteBytes(std::vector<uint8_t>{0, 0, 0, 255}, v1::COLUMN_ENCODING_TYPED,
               response->mutable_component_indexes());
    WriteBytes(std::vector<uint8_t>{v1::ROW_STATUS_OK, v1::ROW_STATUS_EXHAUSTED},
               v1::COLUMN_ENCODING_TYPED, response->mutable_row_statuses());
    WriteInt64s(std::vector<int64_t>{2, 1}, v1::COLUMN_ENCODING_TYPED,
                response->mutable_drawn_counts());
    response->add_components()->set_source("popularity");
    response->set_law_kind(v1::LAW_KIND_EXACT);
    response->set_seed(7);
    return grpc::Status::OK;
  };
  const std::vector<std::string> line = {
      "sample", "--collection", "movies",     "--count",  "2",          "--user", "5", "--user",
      "-6",     "--as-of",      "2020-01-01", "--source", "popularity", "--seed", "7"};
  EXPECT_EQ(Run(line), ExitCode::kOk) << err_.str();
  EXPECT_THAT(ReadIds(seen.user_ids(), "").value(), ElementsAre(5, -6));
  EXPECT_EQ(seen.negative_count(), 2);
  EXPECT_EQ(seen.as_of_time().seconds(), 1'577'836'800);
  EXPECT_EQ(seen.seed(), 7);
  EXPECT_TRUE(seen.policy().components(0).has_popularity());
  EXPECT_THAT(out_.str(), HasSubstr("11           popularity  -1.5000  -"));
  EXPECT_THAT(out_.str(), testing::Not(HasSubstr("importance")));
  EXPECT_THAT(out_.str(), HasSubstr("(1 missing)"));
  EXPECT_THAT(out_.str(), HasSubstr("EXHAUSTED"));
  EXPECT_THAT(out_.str(), HasSubstr("law of log q EXACT"));

  std::vector<std::string> json = line;
  json.push_back("--json");
  EXPECT_EQ(Run(json), ExitCode::kOk);
  EXPECT_EQ(Json().fields().at("seed").string_value(), "7");
}

TEST_F(CliSampleTest, SampleTakesAPolicyFromAFile) {
  v1::SampleNegativesRequest seen;
  server_.handlers.sample = [&](const v1::SampleNegativesRequest& request,
                                v1::SampleNegativesResponse* response) {
    seen = request;
    WriteBytes(std::vector<uint8_t>{1}, v1::COLUMN_ENCODING_TYPED,
               response->mutable_row_statuses());
    WriteIds(std::vector<int64_t>{4}, v1::COLUMN_ENCODING_TYPED, response->mutable_item_ids());
    return grpc::Status::OK;
  };
  const std::string good =
      File("p.json", R"({"components":[{"share":1,"uniform":{}},{"share":3,"popularity":{}}]})");
  EXPECT_EQ(Run({"sample", "--collection", "movies", "--count", "1", "--policy", good}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_EQ(seen.policy().components_size(), 2);
  EXPECT_EQ(seen.row_count(), 1);
  EXPECT_EQ(Run({"sample", "--collection", "movies", "--count", "1", "--policy",
                 File("bad.json", "{\"shares\": 1}")}),
            ExitCode::kInput);
  EXPECT_THAT(err_.str(), HasSubstr("is not a policy"));
}

TEST_F(CliSampleTest, CandidatesAreRanked) {
  v1::GetCandidatesRequest seen;
  server_.handlers.candidates = [&seen](const v1::GetCandidatesRequest& request,
                                        v1::GetCandidatesResponse* response) {
    seen = request;
    constexpr auto kTyped = v1::COLUMN_ENCODING_TYPED;
    v1::SampleNegativesResponse* sample = response->mutable_sample();
    WriteBytes(std::vector<uint8_t>{1}, kTyped, sample->mutable_row_statuses());
    WriteIds(std::vector<int64_t>{4, 7}, kTyped, sample->mutable_item_ids());
    WriteFloats(std::vector<float>{2.5F, std::nanf("")}, kTyped, sample->mutable_scores());
    WriteMatrix(std::vector<float>{1, 2, 3, 4}, 2, 2, kTyped,
                response->mutable_candidate_vectors());
    return grpc::Status::OK;
  };
  std::vector<std::string> line = {"sample", "--collection", "movies", "--count",
                                   "2",      "--rank-by",    "query"};
  EXPECT_EQ(Run(line), ExitCode::kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--query"));
  line.insert(line.end(), {"--query", "1,2", "--positive", "9"});
  EXPECT_EQ(Run(line), ExitCode::kOk) << err_.str();
  EXPECT_EQ(seen.anchor(), v1::NEAREST_ANCHOR_QUERY);
  std::vector<std::string> by_user = line;
  by_user[6] = "user";
  EXPECT_EQ(Run(by_user), ExitCode::kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--user"));
  by_user.insert(by_user.end(), {"--user", "3"});
  EXPECT_EQ(Run(by_user), ExitCode::kOk) << err_.str();
  EXPECT_EQ(seen.anchor(), v1::NEAREST_ANCHOR_USER);
  EXPECT_EQ(Run(line), ExitCode::kOk) << err_.str();
  EXPECT_EQ(seen.sample().negative_count(), 2);
  EXPECT_FALSE(seen.include_candidate_vectors());
  EXPECT_THAT(out_.str(), HasSubstr("2.5000"));
  line.push_back("--json");
  EXPECT_EQ(Run(line), ExitCode::kOk) << err_.str();
  EXPECT_TRUE(seen.include_candidate_vectors());
  EXPECT_TRUE(seen.include_positive_vectors());
  EXPECT_EQ(Json().fields().count("candidateVectors") + Json().fields().count("candidate_vectors"),
            1U);
  line[6] = "positive";
  EXPECT_EQ(Run(line), ExitCode::kOk) << err_.str();
  EXPECT_EQ(seen.anchor(), v1::NEAREST_ANCHOR_POSITIVE);
  line[6] = "user";
  EXPECT_EQ(Run(line), ExitCode::kUsage);
}

TEST_F(CliSampleTest, DemandsOnEmbeddingsAreSent) {
  v1::SampleNegativesRequest seen;
  Answer(&seen);
  std::vector<std::string> line = {"sample", "--collection", "movies", "--count", "1"};
  EXPECT_EQ(Run(line), ExitCode::kOk) << err_.str();
  EXPECT_FALSE(seen.has_max_staleness());
  line.insert(line.end(), {"--min-model-version", "7", "--max-staleness", "10m"});
  EXPECT_EQ(Run(line), ExitCode::kOk) << err_.str();
  EXPECT_EQ(seen.min_model_version(), 7);
  EXPECT_EQ(seen.max_staleness().seconds(), 600);
  line.back() = "soon";
  EXPECT_EQ(Run(line), ExitCode::kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--max-staleness"));
}

TEST_F(CliSampleTest, SourcesAreMixedWithTheirParameters) {
  v1::SampleNegativesRequest seen;
  Answer(&seen);
  EXPECT_EQ(Run({"sample",
                 "--collection",
                 "movies",
                 "--count",
                 "1",
                 "--user",
                 "1",
                 "--positive",
                 "2",
                 "--cohort",
                 "7",
                 "--query",
                 "0.5,-1",
                 "--exclude",
                 "8",
                 "--exclude",
                 "9",
                 "--unique",
                 "--category-cap",
                 "2",
                 "--source",
                 "popularity:share=3,alpha=0.75,half-life=none,window=30d,within-cohort",
                 "--source",
                 "uniform:by-base-weight,category=Film noir",
                 "--source",
                 "exposure:half-life=7d,max-importance-weight=10",
                 "--source",
                 "mined",
                 "--source",
                 "nearest:anchor=query,begin=5,end=50,pick=softmax,temperature=0.1",
                 "--source",
                 "adversarial:anchor=query,temperature=0.2"}),
            ExitCode::kOk)
      << err_.str();
  const v1::Policy& policy = seen.policy();
  ASSERT_EQ(policy.components_size(), 6);
  EXPECT_TRUE(policy.unique());
  EXPECT_EQ(policy.category_cap(), 2);
  EXPECT_EQ(policy.components(0).share(), 3);
  EXPECT_EQ(policy.components(0).popularity().alpha(), 0.75);
  EXPECT_TRUE(policy.components(0).popularity().has_half_life());
  EXPECT_EQ(policy.components(0).popularity().half_life().seconds(), 0);
  EXPECT_EQ(policy.components(0).popularity().window().seconds(), 30 * 86'400);
  EXPECT_TRUE(policy.components(0).popularity().within_cohort());
  EXPECT_TRUE(policy.components(1).uniform().by_base_weight());
  EXPECT_EQ(policy.components(1).category(), "Film noir");
  EXPECT_EQ(policy.components(2).exposure().half_life().seconds(), 7 * 86'400);
  EXPECT_EQ(policy.components(2).exposure().max_importance_weight(), 10);
  EXPECT_TRUE(policy.components(3).has_mined());
  EXPECT_FALSE(policy.components(3).mined().has_half_life());
  EXPECT_EQ(policy.components(4).nearest().anchor(), v1::NEAREST_ANCHOR_QUERY);
  EXPECT_EQ(policy.components(4).nearest().rank_begin(), 5);
  EXPECT_EQ(policy.components(4).nearest().rank_end(), 50);
  EXPECT_EQ(policy.components(4).nearest().pick(), v1::NEAREST_PICK_SOFTMAX);
  EXPECT_EQ(policy.components(4).nearest().temperature(), 0.1);
  EXPECT_EQ(policy.components(5).adversarial().anchor(), v1::NEAREST_ANCHOR_QUERY);
  EXPECT_EQ(policy.components(5).adversarial().temperature(), 0.2);
  EXPECT_EQ(seen.row_count(), 1);
  EXPECT_THAT(ReadBytes(seen.cohorts(), "").value(), ElementsAre(7));
  EXPECT_THAT(ReadIds(seen.exclusions().ids(), "").value(), ElementsAre(8, 9));
  EXPECT_THAT(ReadInt64s(seen.exclusions().row_splits(), "").value(), ElementsAre(0, 2));
  EXPECT_THAT(ViewMatrix(seen.queries(), "").value().ToVector(), ElementsAre(0.5F, -1));
}

TEST_F(CliSampleTest, GuardsReachTheServer) {
  v1::SampleNegativesRequest seen;
  Answer(&seen);
  EXPECT_EQ(Run({"sample", "--collection", "movies", "--count", "1", "--history-horizon", "6h",
                 "--min-distance", "0.25"}),
            ExitCode::kOk);
  EXPECT_EQ(seen.policy().history_horizon().seconds(), 6 * 3600);
  EXPECT_EQ(seen.policy().min_distance().distance(), 0.25);
}

TEST_F(CliSampleTest, WithoutASourceItIsUniform) {
  v1::SampleNegativesRequest seen;
  Answer(&seen);
  EXPECT_EQ(Run({"sample", "--collection", "movies", "--count", "1"}), ExitCode::kOk);
  ASSERT_EQ(seen.policy().components_size(), 1);
  EXPECT_TRUE(seen.policy().components(0).has_uniform());
  EXPECT_EQ(seen.policy().components(0).share(), 1);
  EXPECT_EQ(seen.row_count(), 1);
}

TEST_F(CliSampleTest, TableTellsImportancePositivesAndRejects) {
  server_.handlers.sample = [](const v1::SampleNegativesRequest&,
                               v1::SampleNegativesResponse* response) {
    constexpr auto kTyped = v1::COLUMN_ENCODING_TYPED;
    WriteBytes(std::vector<uint8_t>{1}, kTyped, response->mutable_row_statuses());
    WriteIds(std::vector<int64_t>{4, 5}, kTyped, response->mutable_item_ids());
    WriteFloats(std::vector<float>{1, 8}, kTyped, response->mutable_importance_weights());
    WriteFloats(std::vector<float>{-2.5F}, kTyped, response->mutable_positive_log_q());
    WriteInt64s(std::vector<int64_t>{3, 0, 0, 1, 2}, kTyped,
                response->mutable_rejects_by_all_causes());
    response->set_reject_cause_count(5);
    WriteBytes(std::vector<uint8_t>{0, v1::DRAW_TAG_IN_HORIZON}, kTyped, response->mutable_tags());
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"sample", "--collection", "movies", "--count", "2", "--user", "1", "--positive",
                 "77", "--source", "exposure:max-importance-weight=10"}),
            ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("importance"));
  EXPECT_THAT(out_.str(), HasSubstr("8.0000"));
  EXPECT_THAT(out_.str(), HasSubstr("row 0, positive 77: log q -2.5000"));
  EXPECT_THAT(out_.str(), HasSubstr("thrown back: 3 EXCLUDED, 1 DUPLICATE, 2 UNCERTAIN"));
  EXPECT_THAT(out_.str(), HasSubstr("tags"));
  EXPECT_THAT(out_.str(), HasSubstr("IN_HORIZON"));
}

TEST_F(CliSampleTest, WrongRowsAndSourcesAreUsageErrors) {
  const std::vector<std::vector<std::string>> options = {
      {"--source", "newest"},
      {"--source", "uniform:alpha=1"},
      {"--source", "mined"},
      {"--source", "exposure"},
      {"--source", "nearest"},
      {"--source", "nearest:anchor=query"},
      {"--source", "adversarial:temperature=1"},
      {"--source", "adversarial:temperature=1,anchor=query"},
      {"--source", "dynamic:pool=8,top=2"},
      {"--source", "dynamic:pool=8,top=2,anchor=query"},
      {"--query", "1,x"},
      {"--query", "1,2", "--query", "1"},
      {"--cohort", "-1"},
      {"--cohort", "256"},
      {"--rows", "0"},
      {"--category-cap", "0"},
      {"--history-horizon", "soon"},
      {"--min-distance", "0"},
      {"--exclude", "x"},
      {"--user", "1", "--cohort", "1", "--cohort", "2"},
      {"--source", "uniform", "--policy", "p.json"}};
  for (const std::vector<std::string>& some : options) {
    std::vector<std::string> line = {"sample", "--collection", "movies", "--count", "2"};
    line.insert(line.end(), some.begin(), some.end());
    EXPECT_EQ(Run(line), ExitCode::kUsage) << testing::PrintToString(some);
    EXPECT_NE(err_.str(), "") << testing::PrintToString(some);
  }
}

TEST(SourceSpecTest, BadKeysAndValuesAreNamed) {
  const auto message = [](const char* spec) {
    const absl::StatusOr<v1::PolicyComponent> component = ParseSource(spec);
    EXPECT_EQ(component.status().code(), absl::StatusCode::kInvalidArgument) << spec;
    return std::string(component.status().message());
  };
  EXPECT_THAT(message(""), HasSubstr("none of uniform"));
  EXPECT_THAT(message("popularity:"), HasSubstr("`` is no key"));
  EXPECT_THAT(message("popularity:beta=1"), HasSubstr("alpha, category, half-life"));
  EXPECT_THAT(message("popularity:alpha=0"), HasSubstr("alpha"));
  EXPECT_THAT(message("popularity:alpha=4.1"), HasSubstr("(0, 4]"));
  EXPECT_THAT(message("popularity:alpha=nan"), HasSubstr("alpha"));
  EXPECT_THAT(message("popularity:window=none"), HasSubstr("window"));
  EXPECT_THAT(message("popularity:within-cohort=yes"), HasSubstr("takes no value"));
  EXPECT_THAT(message("mined:half-life=often"), HasSubstr("half-life"));
  EXPECT_THAT(message("exposure:max-importance-weight=0.5"), HasSubstr("of at least 1"));
  EXPECT_THAT(message("uniform:share=-1"), HasSubstr("share"));
  EXPECT_THAT(message("uniform:category="), HasSubstr("category"));
  EXPECT_THAT(message("nearest:anchor=nobody"), HasSubstr("positive, query, user"));
  EXPECT_THAT(message("adversarial"), HasSubstr("temperature"));
  EXPECT_THAT(message("adversarial:temperature=0"), HasSubstr("temperature"));
  EXPECT_THAT(message("adversarial:temperature=1,anchor=nobody"),
              HasSubstr("positive, query, user"));
  EXPECT_THAT(message("dynamic"), HasSubstr("pool: dynamic needs one"));
  EXPECT_THAT(message("dynamic:pool=1025"), HasSubstr("in [1, 1024]"));
  EXPECT_THAT(message("dynamic:pool=8"), HasSubstr("top:"));
  EXPECT_THAT(message("dynamic:pool=8,top=9"), HasSubstr("top: must not be above pool"));
  EXPECT_THAT(message("dynamic:pool=8,pick=softmax"), HasSubstr("temperature"));
  EXPECT_THAT(message("dynamic:pool=8,pick=softmax,temperature=1,top=1"), HasSubstr("top: only"));
  EXPECT_THAT(message("dynamic:pool=8,top=1,temperature=1"), HasSubstr("temperature: only"));
  EXPECT_THAT(message("dynamic:pool=8,pick=ahns"), HasSubstr("target-alpha"));
  EXPECT_THAT(message("dynamic:pool=8,top=1,target-p=1"), HasSubstr("only pick=ahns"));
  EXPECT_THAT(message("dynamic:pool=8,pick=ahns,target-p=inf"), HasSubstr("target-p"));
  EXPECT_THAT(message("dynamic:base=mined"), HasSubstr("popularity, uniform"));
  EXPECT_THAT(message("dynamic:base=uniform,base=uniform"), HasSubstr("one already"));
  EXPECT_THAT(message("dynamic:base=uniform,alpha=1"), HasSubstr("no key of dynamic"));
  EXPECT_THAT(message("dynamic:pick=best"), HasSubstr("ahns, softmax, top, uniform"));
  EXPECT_THAT(message("nearest:begin=100"), HasSubstr("begin: must be below end"));
  EXPECT_THAT(message("nearest:end=10001"), HasSubstr("end"));
  EXPECT_THAT(message("nearest:pick=softmax"), HasSubstr("temperature"));
  EXPECT_THAT(message("nearest:temperature=1"), HasSubstr("temperature"));
  EXPECT_THAT(message("nearest:min-score=inf"), HasSubstr("min-score"));
  EXPECT_THAT(message("nearest:max-score=nan"), HasSubstr("max-score"));
  EXPECT_THAT(message("nearest:min-score=1,max-score=0"),
              HasSubstr("max-score: must not be below"));
  EXPECT_THAT(message("nearest:margin=-1"), HasSubstr("margin"));
  EXPECT_THAT(message("nearest:relative-margin=x"), HasSubstr("relative-margin"));
  EXPECT_THAT(message("nearest:noise=-0.1"), HasSubstr("noise"));
}

TEST(SourceSpecTest, ReadsDynamic) {
  absl::StatusOr<v1::PolicyComponent> component = ParseSource(
      "dynamic:base=popularity,alpha=0.75,window=30d,pool=64,pick=ahns,target-alpha=1,"
      "target-beta=0.5,target-p=-2,category=a,share=2");
  ASSERT_TRUE(component.ok()) << component.status();
  EXPECT_EQ(component->share(), 2);
  EXPECT_EQ(component->category(), "a");
  v1::DynamicSource dynamic = component->dynamic();
  EXPECT_EQ(dynamic.popularity().alpha(), 0.75);
  EXPECT_EQ(dynamic.popularity().window().seconds(), 30 * 86'400);
  EXPECT_EQ(dynamic.anchor(), v1::NEAREST_ANCHOR_POSITIVE);
  EXPECT_EQ(dynamic.pool_size(), 64);
  EXPECT_EQ(dynamic.pick(), v1::DYNAMIC_PICK_AHNS);
  EXPECT_EQ(dynamic.target().alpha(), 1);
  EXPECT_EQ(dynamic.target().beta(), 0.5);
  EXPECT_EQ(dynamic.target().p(), -2);

  component = ParseSource("dynamic:base=uniform,by-base-weight,anchor=query,pool=8,top=3");
  ASSERT_TRUE(component.ok()) << component.status();
  dynamic = component->dynamic();
  EXPECT_TRUE(dynamic.uniform().by_base_weight());
  EXPECT_EQ(dynamic.anchor(), v1::NEAREST_ANCHOR_QUERY);
  EXPECT_EQ(dynamic.pick(), v1::DYNAMIC_PICK_TOP);
  EXPECT_EQ(dynamic.top_count(), 3);

  component = ParseSource("dynamic:pool=8,pick=softmax,temperature=0.5");
  ASSERT_TRUE(component.ok()) << component.status();
  EXPECT_EQ(component->dynamic().base_case(), v1::DynamicSource::BASE_NOT_SET);
  EXPECT_EQ(component->dynamic().temperature(), 0.5);
}

TEST(SourceSpecTest, ReadsTheBoundsOfNearest) {
  const absl::StatusOr<v1::PolicyComponent> component =
      ParseSource("nearest:min-score=-1.5,max-score=0.9,margin=0,relative-margin=0.05,noise=0.2");
  ASSERT_TRUE(component.ok()) << component.status();
  const v1::NearestSource& nearest = component->nearest();
  EXPECT_EQ(nearest.min_score(), -1.5);
  EXPECT_EQ(nearest.max_score(), 0.9);
  EXPECT_TRUE(nearest.has_margin());
  EXPECT_EQ(nearest.margin(), 0);
  EXPECT_EQ(nearest.relative_margin(), 0.05);
  EXPECT_EQ(nearest.noise(), 0.2);
  EXPECT_FALSE(ParseSource("nearest").value().nearest().has_margin());
}

}  // namespace
}  // namespace negatron::client
