// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/tokens.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include <gmock/gmock.h>
#include <openssl/sha.h>

namespace negatron {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct Made {
  std::string token;
  std::string line;
};

Made Make(const std::string& id, Scope scope = Scope::kRead) {
  TokenEntry entry;
  entry.id = id;
  entry.scopes = {scope};
  Made made;
  made.token = DrawToken(&entry);
  made.line = FormatTokenEntry(entry);
  return made;
}

std::string Problem(const std::string& text) {
  const auto list = TokenList::Parse(text);
  EXPECT_EQ(list.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(list.status().message());
}

TEST(TokensTest, EntrySurvivesTheRoundTripThroughItsLine) {
  TokenEntry entry;
  entry.id = "trainer-1";
  entry.scopes = {Scope::kRead, Scope::kWrite};
  entry.collections = {"films", "books"};
  entry.expire_time = absl::FromUnixSeconds(1800000000);
  DrawToken(&entry);
  const auto list = TokenList::Parse(FormatTokenEntry(entry));
  ASSERT_TRUE(list.ok()) << list.status();
  const TokenEntry* read = list->Find("trainer-1");
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->scopes, entry.scopes);
  EXPECT_EQ(read->collections, entry.collections);
  EXPECT_EQ(read->expire_time, entry.expire_time);
  EXPECT_EQ(read->salt, entry.salt);
  EXPECT_EQ(read->digest, entry.digest);
  EXPECT_TRUE(read->MayUse("films"));
  EXPECT_FALSE(read->MayUse("film"));
  EXPECT_FALSE(read->MayUse(""));
}

TEST(TokensTest, RecognisesATokenAndNothingNearIt) {
  const Made a = Make("a");
  const Made b = Make("b");
  const auto list = TokenList::Parse(absl::StrCat("# people\n\n", a.line, "\r\n", b.line, "\n"));
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ(list->Recognise(a.token), list->Find("a"));
  EXPECT_EQ(list->Recognise(b.token), list->Find("b"));
  const std::string stranger = Make("c").token;
  std::vector<std::string> wrong = {"",
                                    "ngt_",
                                    "ngt_a.",
                                    a.token + "A",
                                    a.token.substr(0, a.token.size() - 1),
                                    " " + a.token,
                                    absl::StrReplaceAll(a.token, {{"ngt_a", "ngt_b"}}),
                                    stranger,
                                    "a"};
  for (size_t i = 0; i < a.token.size(); ++i) {
    std::string near = a.token;
    near[i] = near[i] == 'x' ? 'y' : 'x';
    wrong.push_back(near);
  }
  for (const std::string& token : wrong) EXPECT_EQ(list->Recognise(token), nullptr) << token;
}

TEST(TokensTest, TokensAndSaltsNeverRepeat) {
  const Made first = Make("a");
  const Made second = Make("a");
  EXPECT_NE(first.token, second.token);
  EXPECT_NE(first.line, second.line);
  EXPECT_THAT(first.line, Not(HasSubstr(first.token.substr(first.token.find('.') + 1))));
}

TEST(TokensTest, ASecretThatSomebodyChoseIsNone) {
  TokenEntry entry;
  entry.id = "a";
  entry.scopes = {Scope::kRead};
  const auto recognised = [&](const std::string& token) {
    entry.salt.assign(TokenEntry::kSaltBytes, 's');
    const std::string input = entry.salt + token;
    entry.digest.resize(TokenEntry::kDigestBytes);
    SHA256(reinterpret_cast<const unsigned char*>(input.data()), input.size(),
           reinterpret_cast<unsigned char*>(entry.digest.data()));
    return TokenList::Parse(FormatTokenEntry(entry))->Recognise(token) != nullptr;
  };
  EXPECT_TRUE(recognised("ngt_a." + std::string(43, 'x')));
  EXPECT_FALSE(recognised("ngt_a.hunter2"));
  EXPECT_FALSE(recognised("ngt_a." + std::string(42, 'x') + "!"));
}

TEST(TokensTest, EveryBadLineIsNamedByItsNumberAndNotQuoted) {
  const std::string good = Make("good").line;
  const std::string hash = good.substr(good.find("sha256:"));
  const std::vector<std::string> bad = {
      "one two three",
      absl::StrCat("UPPER read * never ", hash),
      absl::StrCat("a read,read * never ", hash),
      absl::StrCat("a peek * never ", hash),
      absl::StrCat("a , * never ", hash),
      absl::StrCat("a read films,films never ", hash),
      absl::StrCat("a read films,, never ", hash),
      absl::StrCat("a read *,films never ", hash),
      absl::StrCat("a read * tomorrow ", hash),
      absl::StrCat("a read * infinite-future ", hash),
      "a read * never sha256:AAAA:AAAA",
      absl::StrCat("a read * never ", hash.substr(7)),
      absl::StrCat("a read * never ", hash, "A"),
      absl::StrCat("a read * never ", hash, " more"),
      good,  // The id is there already.
  };
  std::string text = absl::StrCat("# first\n", good, "\n");
  for (const std::string& line : bad) absl::StrAppend(&text, line, "\n");
  const std::string problem = Problem(text);
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_THAT(problem, HasSubstr(absl::StrCat("line ", i + 3, ": "))) << bad[i];
  }
  EXPECT_THAT(problem, AllOf(Not(HasSubstr("line 1:")), Not(HasSubstr("line 2:"))));
  EXPECT_THAT(problem, Not(HasSubstr(hash.substr(30, 20))));
  EXPECT_THAT(problem, HasSubstr("line 17: an earlier line has the same id"));
}

TEST(TokensTest, ManyBadLinesAreCounted) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "bad\n";
  EXPECT_THAT(Problem(text), AllOf(HasSubstr("line 20:"), Not(HasSubstr("line 21:")),
                                   HasSubstr("and 30 more lines")));
}

TEST(TokensTest, AFileWithoutEntriesIsRefused) {
  EXPECT_THAT(Problem(""), HasSubstr("no entry"));
  EXPECT_THAT(Problem("# nobody\n\n"), HasSubstr("no entry"));
}

TEST(TokensTest, ComparesAllBytes) {
  const std::string text("a\0b", 3);
  EXPECT_TRUE(EqualInConstantTime(text, text));
  EXPECT_TRUE(EqualInConstantTime("", ""));
  EXPECT_FALSE(EqualInConstantTime(text, std::string("a\0c", 3)));
  EXPECT_FALSE(EqualInConstantTime(text, "a"));
}

}  // namespace
}  // namespace negatron
