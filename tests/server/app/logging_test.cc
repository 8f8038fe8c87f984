// SPDX-License-Identifier: Apache-2.0
#include "server/app/logging.h"

#include <gtest/gtest.h>

namespace negatron {
namespace {

const absl::Time kTime = absl::FromUnixMillis(1772366400250);

TEST(LoggingTest, TextIsKeysAndValues) {
  EXPECT_EQ(FormatLogLine(
                LogFormat::kText, kTime, LogLevel::kInfo, "serving",
                {{"address", "127.0.0.1:7600"}, {"calls", 3}, {"late", true}, {"seconds", 0.5}}),
            "2026-03-01T12:00:00.250Z info serving address=127.0.0.1:7600 calls=3 late=true "
            "seconds=0.5");
}

TEST(LoggingTest, TextQuotesWhatCouldNotBeReadBack) {
  EXPECT_EQ(FormatLogLine(LogFormat::kText, kTime, LogLevel::kError, "e",
                          {{"a", "two words"}, {"b", ""}, {"c", "x=\"y\"\n\x01"}}),
            "2026-03-01T12:00:00.250Z error e a=\"two words\" b=\"\" c=\"x=\\\"y\\\"\\n\\u0001\"");
}

TEST(LoggingTest, JsonKeepsTypesAndEscapes) {
  EXPECT_EQ(FormatLogLine(LogFormat::kJson, kTime, LogLevel::kWarning, "slow_call",
                          {{"method", "a\\b\"c\"\t"}, {"calls", int64_t{-3}}, {"late", false}}),
            "{\"time\":\"2026-03-01T12:00:00.250Z\",\"level\":\"warning\",\"event\":\"slow_call\","
            "\"method\":\"a\\\\b\\\"c\\\"\\u0009\",\"calls\":-3,\"late\":false}");
}

TEST(LoggingTest, LogWritesFromItsLevelOn) {
  testing::internal::CaptureStderr();
  Log log(LogLevel::kWarning, LogFormat::kText);
  log.Info("quiet");
  log.Error("loud", {{"value", "{braces}"}});
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("quiet"), std::string::npos);
  EXPECT_NE(text.find("error loud value={braces}\n"), std::string::npos) << text;
  EXPECT_FALSE(log.Writes(LogLevel::kInfo));
  EXPECT_TRUE(log.Writes(LogLevel::kWarning));
}

TEST(LoggingTest, LevelsAndFormatsHaveNames) {
  EXPECT_EQ(*ParseLogLevel("warning"), LogLevel::kWarning);
  EXPECT_FALSE(ParseLogLevel("warn").ok());
  EXPECT_EQ(*ParseLogFormat("json"), LogFormat::kJson);
  EXPECT_FALSE(ParseLogFormat("xml").ok());
}

}  // namespace
}  // namespace negatron
