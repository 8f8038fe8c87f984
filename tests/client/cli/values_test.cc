// SPDX-License-Identifier: Apache-2.0
#include "client/cli/values.h"

#include <cstdlib>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/id_list.h"

namespace negatron::client {
namespace {

constexpr int64_t kMillion = 1'000'000;

TEST(ParseTimeTest, TellsTheUnitByTheSize) {
  for (const char* text :
       {"1700000000", "1700000000000", "1700000000000000", "1700000000.0", " 1700000000 ",
        "2023-11-14T22:13:20Z", "2023-11-14 22:13:20", "2023-11-15T00:13:20+02:00"}) {
    EXPECT_EQ(ParseTimeMicros(text, TimeUnit::kAuto).value(), 1'700'000'000 * kMillion) << text;
  }
}

TEST(ParseTimeTest, TakesTheUnitThatIsGiven) {
  EXPECT_EQ(ParseTimeMicros("5", TimeUnit::kSeconds).value(), 5 * kMillion);
  EXPECT_EQ(ParseTimeMicros("5", TimeUnit::kMillis).value(), 5'000);
  EXPECT_EQ(ParseTimeMicros("5", TimeUnit::kMicros).value(), 5);
  EXPECT_EQ(ParseTimeMicros("-1.5", TimeUnit::kSeconds).value(), -1'500'000);
  EXPECT_EQ(ParseTimeMicros("2024-02-29", TimeUnit::kMicros).value(), 1'709'164'800 * kMillion);
  EXPECT_EQ(ParseTimeMicros("1969-12-31T23:59:59.25", TimeUnit::kAuto).value(), -750'000);
}

TEST(ParseTimeTest, DecimalsAreTakenAsTheyStand) {
  // Seconds of that size have steps of 15 microseconds as doubles.
  EXPECT_EQ(ParseTimeMicros("98765432109.123457", TimeUnit::kAuto).value(), 98'765'432'109'123'457);
  EXPECT_EQ(ParseTimeMicros("-98765432109.123457", TimeUnit::kSeconds).value(),
            -98'765'432'109'123'457);
  EXPECT_EQ(ParseTimeMicros("+1.00000049", TimeUnit::kSeconds).value(), kMillion);
  EXPECT_EQ(ParseTimeMicros("1.0000005", TimeUnit::kSeconds).value(), kMillion + 1);
  EXPECT_EQ(ParseTimeMicros("1.0000015", TimeUnit::kMillis).value(), 1'000);
  EXPECT_EQ(ParseTimeMicros("7.5", TimeUnit::kMicros).value(), 8);
  EXPECT_EQ(ParseTimeMicros(".5", TimeUnit::kSeconds).value(), 500'000);
  EXPECT_EQ(ParseTimeMicros("1.5e3", TimeUnit::kSeconds).value(), 1'500 * kMillion);
}

TEST(FormatTest, TimesAndFloatsAreReadBackAsTheyWere) {
  for (const int64_t micros :
       {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{-1'500'000}, 1'700'000'000 * kMillion,
        int64_t{1'700'000'000'123'456}, int64_t{99'999'999'999'999'999},
        int64_t{100'000'000'000'000'000}, int64_t{253'402'300'799'999'999},
        int64_t{-62'135'596'800'000'000}}) {
    EXPECT_EQ(ParseEventTime(FormatSeconds(micros), TimeUnit::kAuto).value(), micros)
        << FormatSeconds(micros);
  }
  EXPECT_EQ(FormatSeconds(1'700'000'000'250'000), "1700000000.25");
  EXPECT_EQ(FormatSeconds(1'700'000'000 * kMillion), "1700000000");
  EXPECT_EQ(FormatSeconds(-250'000), "-0.25");
  EXPECT_EQ(FormatFloat(1), "1");
  EXPECT_EQ(FormatFloat(0.1F), "0.1");
  for (const float value : {1.0F / 3, 4096.0F, 1.0F / 64, 1e-20F, 0.7F}) {
    EXPECT_EQ(std::strtof(FormatFloat(value).c_str(), nullptr), value);
  }
}

TEST(ParseTimeTest, NonsenseIsRefused) {
  for (const char* text : {"", "abc", "12h", "nan", "inf", "2023-13-01", "2023-02-30",
                           "9223372036854775807", "1e300", "infinite-future", "2024-01-01T"}) {
    EXPECT_EQ(ParseTimeMicros(text, TimeUnit::kSeconds).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(ParseDurationTest, DaysAndWeeksAndGoDurations) {
  EXPECT_EQ(ParsePositiveDuration("30d").value(), absl::Hours(720));
  EXPECT_EQ(ParsePositiveDuration("0.5w").value(), absl::Hours(84));
  EXPECT_EQ(ParsePositiveDuration("1h30m").value(), absl::Minutes(90));
  for (const char* text : {"", "d", "0d", "-1d", "nan", "inf", "30", "infd", "nand"}) {
    EXPECT_FALSE(ParsePositiveDuration(text).ok()) << text;
  }
}

TEST(FormatTest, ValuesForPeople) {
  EXPECT_EQ(FormatMicros(1'700'000'000'250'000), "2023-11-14T22:13:20.25Z");
  EXPECT_EQ(FormatMicros(std::numeric_limits<int64_t>::min()), "always");
  EXPECT_EQ(FormatMicros(std::numeric_limits<int64_t>::max()), "never");
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(1'000), "1,000");
  EXPECT_EQ(WithCommas(-123'456), "-123,456");
  EXPECT_EQ(WithCommas(1'234'567), "1,234,567");
  EXPECT_EQ(FormatBytes(512), "512 B");
  EXPECT_EQ(FormatBytes(1'536), "1.5 KiB");
  EXPECT_EQ(FormatBytes(int64_t{2} << 30), "2.0 GiB");
}

TEST(FormatTest, TimestampsBeforeTheEpochKeepTheirNanosPositive) {
  EXPECT_EQ(ToTimestamp(-1).seconds(), -1);
  EXPECT_EQ(ToTimestamp(-1).nanos(), 999'999'000);
  EXPECT_EQ(ToMicros(ToTimestamp(-1)), -1);
  EXPECT_EQ(ToMicros(ToTimestamp(1'234'567)), 1'234'567);
}

TEST(DurationTest, NoneAndBack) {
  EXPECT_EQ(ParseDurationOrNone("none").value(), absl::ZeroDuration());
  EXPECT_EQ(ParseDurationOrNone("0").value(), absl::ZeroDuration());
  EXPECT_EQ(ParseDurationOrNone("2d").value(), absl::Hours(48));
  EXPECT_EQ(ParseDurationOrNone("-2d").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FormatDurationOrNone(ToDuration(absl::ZeroDuration())), "none");
  EXPECT_EQ(FormatDurationOrNone(ToDuration(absl::Hours(36))), "1d12h");
  EXPECT_EQ(FormatDurationOrNone(ToDuration(absl::Minutes(90))), "1h30m");
  EXPECT_EQ(ToDuration(absl::Milliseconds(1'500)).nanos(), 500'000'000);
}

TEST(Utf8Test, OnlyWellFormedSequences) {
  for (const char* good : {"", "abc", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x8E\xAC",
                           "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const char* bad : {"\xE9t\xE9", "\x80", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80",
                          "\xF5\x80\x80\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\xC3"}) {
    EXPECT_FALSE(IsUtf8(bad)) << bad;
  }
}

TEST(IdListTest, AppendsWhatTheTypeAllows) {
  IdList numbers(v1::ID_TYPE_INT64);
  EXPECT_TRUE(numbers.Append("0002844").ok());
  EXPECT_TRUE(numbers.Append("-9223372036854775808").ok());
  for (const char* bad : {"", "x", "1.5", "9223372036854775808", "1 2"}) {
    EXPECT_FALSE(numbers.Append(bad).ok()) << bad;
  }
  EXPECT_THAT(std::get<std::span<const int64_t>>(numbers.span()),
              testing::ElementsAre(2844, std::numeric_limits<int64_t>::min()));
  IdList names(v1::ID_TYPE_STRING);
  EXPECT_TRUE(names.Append("0002844").ok());
  EXPECT_TRUE(names.Append(std::string(128, 'x')).ok());
  EXPECT_FALSE(names.Append("").ok());
  EXPECT_FALSE(names.Append(std::string(129, 'x')).ok());
  EXPECT_FALSE(names.Append("\xFF").ok());
  EXPECT_EQ(names.size(), 2u);
}

}  // namespace
}  // namespace negatron::client
