// SPDX-License-Identifier: Apache-2.0
#include "client/cli/inspection_page.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "client/cli/json_writer.h"

namespace negatron::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

google::protobuf::Struct Parse(const std::string& json) {
  google::protobuf::Struct parsed;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &parsed).ok()) << json;
  return parsed;
}

std::string Quoted(absl::string_view text) {
  std::string out;
  JsonWriter(&out).String(text);
  return out;
}

// What stands between the tags of the page's data.
std::string DataOf(const std::string& page) {
  const std::string open = "<script type=\"application/json\" id=\"data\">";
  const size_t begin = page.find(open) + open.size();
  return page.substr(begin, page.find("</script>", begin) - begin);
}

size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// An inspection of as many items as there are ids, all in the sample and negatives that one source
// can draw.
Inspection Page(const std::vector<std::string>& ids) {
  Inspection page;
  page.collection.set_name("collections/films");
  page.collection.mutable_embedding_settings()->set_dimension(2);
  page.statistics.set_living_item_count(9);
  page.points.ids = ids;
  const size_t count = ids.size();
  page.points.roles.assign(count, kInSample);
  page.points.attributes.assign(count, "");
  page.points.categories.assign(count, {});
  page.points.x.assign(count, 0.5);
  page.points.y.assign(count, std::nan(""));
  page.points.draw_counts.assign(count, 0);
  page.points.draw_sources.assign(count, -1);
  page.points.neighbour_ranks.assign(count, -1);
  page.points.neighbour_scores.assign(count, std::nan(""));
  Explanation& told = page.explanation;
  told.classes.assign(count, v1::ITEM_CLASS_NEGATIVE);
  told.grounds.assign(count, 0);
  told.alive.assign(count, 1);
  told.first_positive_micros.assign(count, std::numeric_limits<int64_t>::max());
  told.popularity_ranks.assign(count, 1);
  told.masses.assign(count, 1);
  told.positive_distances.assign(count, std::nanf(""));
  told.nearest_positives.assign(count, "");
  told.log_q.assign(count, -INFINITY);
  told.obstacles.assign(count, v1::DRAW_OBSTACLE_UNSPECIFIED);
  told.log_q_source.assign(count, -1.5);
  told.scores.assign(count, 0.25);
  told.score_ranks.assign(count, 3);
  told.sources = {"uniform"};
  told.ranked_counts = {9};
  told.effective_shares = {1};
  return page;
}

TEST(JsonWriterTest, WritesNestedValues) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  json.Key("a");
  json.BeginArray();
  json.Integer(-9007199254740993);
  json.Bool(true);
  json.Null();
  json.BeginArray();
  json.EndArray();
  json.EndArray();
  json.Key("b");
  json.BeginObject();
  json.EndObject();
  WriteNumbers("c", std::vector<double>{0.125, std::nan(""), INFINITY, -INFINITY, 1e-30}, &json);
  json.EndObject();
  EXPECT_EQ(out,
            R"({"a":[-9007199254740993,true,null,[]],"b":{},"c":[0.125,null,"inf","-inf",1e-30]})");
}

TEST(JsonWriterTest, StringsCannotEndAScript) {
  EXPECT_EQ(Quoted("</script><!--&"), R"("\u003c/script\u003e\u003c!--\u0026")");
  EXPECT_EQ(Quoted("a\"b\\c\n\x7F"), R"("a\"b\\c\u000a\u007f")");
  EXPECT_EQ(Quoted("x\xE2\x80\xA8y\xE2\x80\xA9"), R"("x\u2028y\u2029")");
  EXPECT_EQ(Quoted("Fant\xC3\xB4mas"), "\"Fant\xC3\xB4mas\"");
  EXPECT_EQ(Quoted(absl::string_view("\0", 1)), R"("\u0000")");
  // Cut in the middle of a character.
  EXPECT_EQ(Quoted("a\xC3"), "\"a\xEF\xBF\xBD\"");
}

TEST(JsonWriterTest, EveryByteIsReadBackOrReplaced) {
  for (int byte = 0; byte < 128; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    const google::protobuf::Struct read = Parse(absl::StrCat("{\"k\":", Quoted(text), "}"));
    EXPECT_EQ(read.fields().at("k").string_value(), text) << byte;
  }
}

TEST(InspectionPageTest, NothingOfTheDataBecomesMarkup) {
  const std::string evil = "</script><script>alert(1)</script><!-- {{script}} & \"'";
  Inspection page = Page({evil, "\xE2\x80\xA8"});
  page.points.attributes = {evil, "\xFF\xFE"};
  page.points.categories = {{evil, "b"}, {"b"}};
  page.user = evil;
  page.positive = evil;
  page.policy_name = evil;
  page.explanation.nearest_positives = {evil, evil};
  page.explanation.sources = {evil};
  page.sampling.problem = evil;
  page.anchor = Anchor{"user", evil, {1, 2}, 0, 0};
  const std::string html = InspectionPage(page);
  const std::string plain = InspectionPage(Page({"1", "2"}));
  EXPECT_THAT(html, Not(HasSubstr("alert(1)<")));
  for (const char* part : {"<script", "</script", "<!--", "<body"}) {
    EXPECT_EQ(CountOf(html, part), CountOf(plain, part)) << part;
  }
  const google::protobuf::Struct data = Parse(DataOf(html));
  const auto& points = data.fields().at("points").struct_value().fields();
  EXPECT_EQ(points.at("ids").list_value().values(0).string_value(), evil);
  EXPECT_EQ(points.at("labels").list_value().values(1).string_value(), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(points.at("categories").list_value().values(1).string_value(), evil);
  EXPECT_EQ(data.fields().at("row").struct_value().fields().at("user").string_value(), evil);
}

TEST(InspectionPageTest, ATitleIsEscaped) {
  Inspection page = Page({"1"});
  page.collection.set_name("collections/<b>&");
  EXPECT_THAT(InspectionPage(page), HasSubstr("<title>collections/&lt;b&gt;&amp; - Negatron"));
}

TEST(InspectionPageTest, ThePageIsWholeAndLoadsNothing) {
  const std::string html = InspectionPage(Page({"1", "2"}));
  EXPECT_TRUE(absl::StartsWith(html, "<!doctype html>"));
  EXPECT_TRUE(absl::EndsWith(html, "</html>\n"));
  EXPECT_THAT(html, Not(HasSubstr("{{")));
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  for (const char* part : {" src=", "@import", "url(", "<link", "fetch(", "XMLHttpRequest",
                           "innerHTML", "eval(", "https://"}) {
    EXPECT_THAT(html, Not(HasSubstr(part))) << part;
  }
}

TEST(InspectionPageTest, NumbersThatAreNoneAreTold) {
  const auto data = Parse(InspectionJson(Page({"1"})));
  const auto& points = data.fields().at("points").struct_value().fields();
  EXPECT_EQ(points.at("x").list_value().values(0).number_value(), 0.5);
  EXPECT_TRUE(points.at("y").list_value().values(0).has_null_value());
  EXPECT_EQ(points.at("logQ").list_value().values(0).string_value(), "-inf");
  EXPECT_TRUE(points.at("firstPositive").list_value().values(0).has_null_value());
}

TEST(InspectionPageTest, CategoriesComeCommonestFirst) {
  Inspection page = Page({"1", "2", "3"});
  page.points.categories = {{"a", "z"}, {"z"}, {}};
  const auto data = Parse(InspectionJson(page));
  const auto& points = data.fields().at("points").struct_value().fields();
  EXPECT_EQ(points.at("categories").list_value().values(0).string_value(), "z");
  EXPECT_EQ(points.at("categories").list_value().values(1).string_value(), "a");
  const auto& first = points.at("itemCategories").list_value().values(0).list_value();
  EXPECT_EQ(first.values(0).number_value(), 1);
  EXPECT_EQ(first.values(1).number_value(), 0);
}

TEST(InspectionPageTest, StatesFollowClassGroundsAndObstacles) {
  struct Case {
    int item_class;
    int grounds;
    int obstacle;
    PointState state;
  };
  const Case cases[] = {
      {v1::ITEM_CLASS_POSITIVE, v1::ITEM_GROUND_HISTORY, v1::DRAW_OBSTACLE_EXCLUDED,
       PointState::kPositive},
      {v1::ITEM_CLASS_POSITIVE, v1::ITEM_GROUND_NAMED, v1::DRAW_OBSTACLE_EXCLUDED,
       PointState::kExcluded},
      {v1::ITEM_CLASS_POSITIVE, v1::ITEM_GROUND_NAMED | v1::ITEM_GROUND_ROW_POSITIVE,
       v1::DRAW_OBSTACLE_EXCLUDED, PointState::kPositive},
      {v1::ITEM_CLASS_UNCERTAIN, v1::ITEM_GROUND_IN_HORIZON, v1::DRAW_OBSTACLE_UNCERTAIN,
       PointState::kUncertain},
      {v1::ITEM_CLASS_DEAD, 0, v1::DRAW_OBSTACLE_DEAD, PointState::kDead},
      {v1::ITEM_CLASS_NEGATIVE, 0, v1::DRAW_OBSTACLE_UNSPECIFIED, PointState::kDrawable},
      {v1::ITEM_CLASS_NEGATIVE, 0, v1::DRAW_OBSTACLE_CATEGORY, PointState::kExcluded},
      {v1::ITEM_CLASS_NEGATIVE, 0, v1::DRAW_OBSTACLE_SCORE_BOUNDS, PointState::kExcluded},
      {v1::ITEM_CLASS_NEGATIVE, 0, v1::DRAW_OBSTACLE_NO_WEIGHT, PointState::kOutOfReach},
      {v1::ITEM_CLASS_NEGATIVE, 0, v1::DRAW_OBSTACLE_NO_SHARE, PointState::kOutOfReach}};
  for (const Case& tried : cases) {
    Explanation told = Page({"1"}).explanation;
    told.classes = {static_cast<uint8_t>(tried.item_class)};
    told.grounds = {static_cast<uint8_t>(tried.grounds)};
    told.obstacles = {static_cast<uint8_t>(tried.obstacle)};
    EXPECT_EQ(StateOf(told, 0), tried.state) << tried.item_class << " " << tried.obstacle;
  }
  // A filter of one source does not exclude what another lacks weight for; one that can draw does
  // not ask the others; a fallback does not count.
  Explanation told = Page({"1"}).explanation;
  told.sources = {"uniform", "popularity", "fallback uniform"};
  told.effective_shares = {0.5, 0.5};
  told.obstacles = {v1::DRAW_OBSTACLE_CATEGORY, v1::DRAW_OBSTACLE_NO_WEIGHT, 0};
  EXPECT_EQ(StateOf(told, 0), PointState::kOutOfReach);
  told.obstacles = {v1::DRAW_OBSTACLE_CATEGORY, v1::DRAW_OBSTACLE_CATEGORY_FILTER, 0};
  EXPECT_EQ(StateOf(told, 0), PointState::kExcluded);
  told.obstacles = {v1::DRAW_OBSTACLE_CATEGORY, 0, v1::DRAW_OBSTACLE_DEAD};
  EXPECT_EQ(StateOf(told, 0), PointState::kDrawable);
}

}  // namespace
}  // namespace negatron::client
