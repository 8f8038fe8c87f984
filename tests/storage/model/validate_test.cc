// SPDX-License-Identifier: Apache-2.0
#include "storage/model/validate.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/model/limits.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(CollectionIdProblemTest, AcceptsWhatTheRuleSays) {
  for (const std::string& id :
       {std::string("a"), std::string("films-2024"), std::string("a-"), std::string(63, 'z')}) {
    EXPECT_THAT(CollectionIdProblem(id), IsEmpty()) << id;
  }
  for (const std::string& id :
       {std::string(), std::string("A"), std::string("1a"), std::string("-a"), std::string("a_b"),
        std::string("a/b"), std::string("a\0b", 3), std::string("\xC3\xA9"),
        std::string(64, 'z')}) {
    EXPECT_FALSE(CollectionIdProblem(id).empty()) << id;
  }
}

TEST(NameProblemTest, WantsOneTo128BytesOfUtf8) {
  for (const std::string& name :
       {std::string("x"), std::string(128, 'x'), std::string("\xC3\xA9\xE2\x82\xAC"),
        std::string("\xF0\x9F\x98\x80"), std::string("\xED\x9F\xBF\xEE\x80\x80"),
        std::string("\xF4\x8F\xBF\xBF"), std::string("a\0b", 3)}) {
    EXPECT_THAT(NameProblem(name), IsEmpty()) << name;
  }
  EXPECT_FALSE(NameProblem("").empty());
  EXPECT_FALSE(NameProblem(std::string(129, 'x')).empty());
}

TEST(NameProblemTest, RefusesBytesThatAreNotUtf8) {
  for (const char* const name : {
           "\x80",              // A continuation without a lead.
           "\xC3",              // Cut off.
           "\xE2\x82",          // Cut off.
           "\xF0\x9F\x98",      // Cut off.
           "\xC3(",             // A lead without a continuation.
           "\xC0\xAF",          // Overlong in two bytes,
           "\xC1\xBF",          //
           "\xE0\x9F\xBF",      // three
           "\xF0\x8F\xBF\xBF",  // and four.
           "\xED\xA0\x80",      // A surrogate.
           "\xF4\x90\x80\x80",  // Above U+10FFFF.
           "\xF5\x80\x80\x80",  //
           "\xFF",
       }) {
    EXPECT_FALSE(NameProblem(name).empty()) << testing::PrintToString(name);
  }
}

TEST(RequestIdProblemTest, WantsPrintableAscii) {
  for (const std::string& id :
       {std::string(), std::string("a"), std::string("!~{}:/"), std::string(64, 'r')}) {
    EXPECT_THAT(RequestIdProblem(id), IsEmpty()) << id;
  }
  for (const std::string& id : {std::string("a b"), std::string("a\n"), std::string("\x7F"),
                                std::string("\xC3\xA9"), std::string(65, 'r')}) {
    EXPECT_FALSE(RequestIdProblem(id).empty()) << id;
  }
}

// Fields that CheckSettings complains about.
std::vector<std::string> BadFields(const CollectionRecord& settings) {
  Violations violations;
  CheckSettings(settings, "collection.", &violations);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(violations.ToStatus())) {
    fields.push_back(violation.field);
  }
  return fields;
}

TEST(CheckSettingsTest, AcceptsTheBounds) {
  CollectionRecord settings;
  EXPECT_THAT(BadFields(settings), IsEmpty());
  settings.display_name = std::string(kMaxDisplayNameBytes, 'n');
  for (int i = 0; i < kMaxLabels; ++i) {
    settings.labels[absl::StrCat(std::string(60, 'k'), 100 + i)] =
        std::string(kMaxLabelValueBytes, 'v');
  }
  settings.half_life_micros = kMinHalfLifeMicros;
  settings.embedding = EmbeddingSettings{1, Metric::kL2};
  EXPECT_THAT(BadFields(settings), IsEmpty());
  settings.half_life_micros = kMaxHalfLifeMicros;
  settings.embedding->dimension = kMaxDimension;
  EXPECT_THAT(BadFields(settings), IsEmpty());
}

TEST(CheckSettingsTest, NamesEveryBadField) {
  CollectionRecord settings;
  settings.display_name = "\xFF";
  settings.labels = {{"", "v"}, {"k", std::string(kMaxLabelValueBytes + 1, 'v')}};
  settings.half_life_micros = kMinHalfLifeMicros - 1;
  settings.embedding = EmbeddingSettings{0, Metric::kCosine};
  EXPECT_THAT(BadFields(settings),
              ElementsAre("collection.display_name", "collection.labels[]", "collection.labels[k]",
                          "collection.half_life", "collection.embedding_settings.dimension"));
}

TEST(CheckSettingsTest, RefusesJustBeyondTheBounds) {
  CollectionRecord settings;
  settings.display_name = std::string(kMaxDisplayNameBytes + 1, 'n');
  settings.half_life_micros = kMaxHalfLifeMicros + 1;
  settings.embedding = EmbeddingSettings{kMaxDimension + 1, Metric::kCosine};
  for (int i = 0; i <= kMaxLabels; ++i) settings.labels[absl::StrCat("k", i)] = "";
  EXPECT_THAT(BadFields(settings),
              ElementsAre("collection.display_name", "collection.labels", "collection.half_life",
                          "collection.embedding_settings.dimension"));
  settings = CollectionRecord();
  settings.half_life_micros = -1;
  EXPECT_THAT(BadFields(settings), ElementsAre("collection.half_life"));
}

}  // namespace
}  // namespace negatron
