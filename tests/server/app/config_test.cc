// SPDX-License-Identifier: Apache-2.0
#include "server/app/config.h"

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "server/app/settings.h"
#include "tests/support/temp_folder.h"

namespace negatron {
namespace {

using testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

absl::StatusOr<CommandLine> Read(const std::vector<std::string>& arguments,
                                 const Variables& variables = {}) {
  return ReadCommandLine(arguments, [&](const char* name) -> const char* {
    const auto position = variables.find(name);
    return position == variables.end() ? nullptr : position->second.c_str();
  });
}

std::string SourceOf(const CommandLine& line, const std::string& name) {
  for (const EffectiveSetting& setting : line.settings) {
    if (setting.name == name) return setting.source;
  }
  return "";
}

class ConfigTest : public testing::Test {
 protected:
  std::string WriteFile(const std::string& text) {
    const std::string path = folder_.path() + "/negatron.toml";
    std::ofstream(path) << text;
    return path;
  }

  TempFolder folder_;
};

TEST_F(ConfigTest, DefaultsAreThoseOfTheHeader) {
  const auto line = Read({});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->action, Action::kServe);
  EXPECT_EQ(line->config.listen.ToString(), "127.0.0.1:7600");
  EXPECT_EQ(line->config.data_dir, "./negatron-data");
  EXPECT_EQ(line->config.max_message_bytes, 16 << 20);
  EXPECT_EQ(line->config.drain_deadline, absl::Seconds(20));
  EXPECT_GE(line->config.executor_threads, 1);
  EXPECT_FALSE(line->config.accept_data_loss);
  EXPECT_EQ(line->settings.size(), Settings().size());
  for (const EffectiveSetting& setting : line->settings) EXPECT_EQ(setting.source, "default");
}

TEST_F(ConfigTest, FlagWinsOverEnvironmentOverFile) {
  const std::string file = WriteFile(
      "queue-limit = 1\nexecutor-threads = 1\ndata-dir = \"/from/file\"\n"
      "accept-data-loss = true\n");
  const auto line = Read({"--config", file, "--queue-limit", "3"},
                         {{"NEGATRON_QUEUE_LIMIT", "2"}, {"NEGATRON_EXECUTOR_THREADS", "2"}});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->config.queue_limit, 3);
  EXPECT_EQ(SourceOf(*line, "queue-limit"), "flag");
  EXPECT_EQ(line->config.executor_threads, 2);
  EXPECT_EQ(SourceOf(*line, "executor-threads"), "environment");
  EXPECT_EQ(line->config.data_dir, "/from/file");
  EXPECT_EQ(SourceOf(*line, "data-dir"), "file");
  EXPECT_TRUE(line->config.accept_data_loss);
}

TEST_F(ConfigTest, FileMayBeNamedByTheEnvironment) {
  const auto line = Read({}, {{"NEGATRON_CONFIG", WriteFile("log-format = \"json\"\n")}});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->config.log_format, LogFormat::kJson);
}

TEST_F(ConfigTest, EverySettingSurvivesTheRoundTripThroughItsText) {
  const auto first = Read({"--listen=[::1]:0",
                           "--data-dir=/a b",
                           "--backup-dir=/b",
                           "--port-file=/p",
                           "--log-level=debug",
                           "--metrics-listen=0.0.0.0:7601",
                           "--metrics-port-file=/m",
                           "--slow-request-threshold=250ms",
                           "--log-format=json",
                           "--executor-threads=3",
                           "--queue-limit=5",
                           "--max-queue-wait=2s",
                           "--memory-limit-bytes=2GiB",
                           "--max-message-bytes=1MiB",
                           "--max-in-flight-bytes=1GiB",
                           "--sync-interval=1500us",
                           "--write-queue-bytes=128KiB",
                           "--excluded-mass-cache-bytes=1MiB",
                           "--index-threads=3",
                           "--index-min-items=7",
                           "--drain-deadline=1m30s",
                           "--accept-data-loss",
                           "--tls-cert=/c",
                           "--tls-key=/k",
                           "--tls-client-ca=/a",
                           "--health-tls-cert=/hc",
                           "--health-tls-key=/hk",
                           "--token-file=/t",
                           "--reload-interval=50ms",
                           "--insecure",
                           "--max-metadata-bytes=8KiB",
                           "--max-concurrent-streams=9",
                           "--max-import-streams=11",
                           "--max-connection-age=2h",
                           "--max-connection-grace=3m",
                           "--max-connection-idle=4m"});
  ASSERT_TRUE(first.ok()) << first.status();
  std::string text;
  for (const EffectiveSetting& setting : first->settings) {
    EXPECT_EQ(setting.source, "flag") << setting.name;
    text += setting.name + " = \"" + setting.value + "\"\n";
  }
  const auto second = Read({"--config", WriteFile(text)});
  ASSERT_TRUE(second.ok()) << second.status();
  for (size_t i = 0; i < first->settings.size(); ++i) {
    EXPECT_EQ(second->settings[i].value, first->settings[i].value) << first->settings[i].name;
    EXPECT_EQ(second->settings[i].source, "file");
  }
  EXPECT_EQ(second->config.max_message_bytes, 1 << 20);
  EXPECT_EQ(second->config.index_threads, 3);
  EXPECT_EQ(second->config.index_min_items, 7);
  EXPECT_EQ(second->config.drain_deadline, absl::Seconds(90));
  ASSERT_TRUE(second->config.metrics_listen.has_value());
  EXPECT_EQ(second->config.metrics_listen->ToString(), "0.0.0.0:7601");
  EXPECT_EQ(second->config.slow_request_threshold, absl::Milliseconds(250));
}

TEST_F(ConfigTest, MetricsAreOffUnlessTheyHaveAnAddress) {
  const auto unset = Read({});
  ASSERT_TRUE(unset.ok()) << unset.status();
  EXPECT_FALSE(unset->config.metrics_listen.has_value());
  const auto off = Read({"--metrics-listen=off"});
  ASSERT_TRUE(off.ok()) << off.status();
  EXPECT_FALSE(off->config.metrics_listen.has_value());
  const auto bad = Read({"--metrics-listen=7601"});
  EXPECT_EQ(bad.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(bad.status().message()), testing::HasSubstr("--metrics-listen: must be"));
}

TEST_F(ConfigTest, RestoreTakesABackupAndNeedsItsFolder) {
  const auto line = Read({"--restore=20260131-235959-123456", "--backup-dir=/b"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->action, Action::kRestore);
  EXPECT_EQ(line->backup_id, "20260131-235959-123456");
  EXPECT_EQ(Read({"--restore=20260131-235959-123456"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ConfigTest, BackupsMustNotLieInTheDataFolder) {
  for (const char* folder : {"/d", "/d/", "/d/backups", "/x/../d/b"}) {
    for (const char* data : {"--data-dir=/d", "--data-dir=/d/"}) {
      EXPECT_EQ(Read({data, std::string("--backup-dir=") + folder}).status().code(),
                absl::StatusCode::kInvalidArgument)
          << folder;
    }
  }
  EXPECT_TRUE(Read({"--data-dir=/d", "--backup-dir=/d-backups"}).ok());
  EXPECT_TRUE(Read({"--data-dir=/d/data", "--backup-dir=/d/backups"}).ok());
}

TEST_F(ConfigTest, ErrorsNameTheSettingAndWhereItWasSet) {
  const auto message = [](const absl::StatusOr<CommandLine>& line) {
    EXPECT_EQ(line.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(line.status().message());
  };
  EXPECT_THAT(message(Read({"--nonsense"})), HasSubstr("nonsense"));
  EXPECT_THAT(message(Read({"extra"})), HasSubstr("extra"));
  EXPECT_THAT(message(Read({"--queue-limit", "0"})), HasSubstr("--queue-limit"));
  EXPECT_THAT(message(Read({}, {{"NEGATRON_SYNC_INTERVAL", "soon"}})),
              HasSubstr("environment, sync-interval"));
  const std::string unknown = WriteFile("queue-limt = 5\n");
  EXPECT_THAT(message(Read({"--config", unknown})), HasSubstr(unknown + ": `queue-limt`"));
  EXPECT_THAT(message(Read({"--config", WriteFile("[server]\nqueue-limit = 5\n")})),
              HasSubstr("server"));
  EXPECT_THAT(message(Read({"--config", WriteFile("queue-limit = 5\nqueue-limit = 6\n")})),
              HasSubstr("queue-limit"));
  EXPECT_THAT(message(Read({"--config", WriteFile("drain-deadline = \"2h\"\n")})),
              HasSubstr("drain-deadline"));
  EXPECT_THAT(message(Read({"--config", folder_.path() + "/missing"})), HasSubstr("cannot read"));
  EXPECT_THAT(message(Read({"--max-in-flight-bytes", "64KiB"})), HasSubstr("max-message-bytes"));
  EXPECT_THAT(message(Read({"--max-message-bytes", "9999999999999999GiB"})),
              HasSubstr("--max-message-bytes"));
  EXPECT_THAT(message(Read({"--log-level", "loud"})), HasSubstr("--log-level"));
}

TEST_F(ConfigTest, PlainTextStaysOnThisMachineUnlessTold) {
  for (const char* listen : {"0.0.0.0:1", "[::]:1", "10.0.0.5:1", "127.example.com:1"}) {
    const std::string flag = std::string("--listen=") + listen;
    const auto refused = Read({flag});
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument) << listen;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("insecure"));
    EXPECT_TRUE(Read({flag, "--insecure"}).ok()) << listen;
    EXPECT_TRUE(Read({flag, "--tls-cert=/c", "--tls-key=/k"}).ok()) << listen;
    // Tokens alone would travel in clear.
    EXPECT_FALSE(Read({flag, "--token-file=/t"}).ok()) << listen;
  }
}

TEST_F(ConfigTest, HalfATlsConfigurationIsRefused) {
  for (const char* flag : {"--tls-cert=/c", "--tls-key=/k", "--tls-client-ca=/a",
                           "--health-tls-cert=/c", "--health-tls-key=/k"}) {
    EXPECT_EQ(Read({flag}).status().code(), absl::StatusCode::kInvalidArgument) << flag;
  }
}

TEST_F(ConfigTest, ActionsAreFlags) {
  EXPECT_EQ(Read({"--version"})->action, Action::kVersion);
  EXPECT_EQ(Read({"--print-config"})->action, Action::kPrintConfig);
  EXPECT_EQ(Read({"--check-config"})->action, Action::kCheckConfig);
  EXPECT_EQ(Read({"--healthcheck"})->action, Action::kHealthCheck);
  const auto help = Read({"--help"});
  ASSERT_TRUE(help.ok());
  EXPECT_EQ(help->action, Action::kHelp);
  for (const Setting& setting : Settings()) EXPECT_THAT(help->help, HasSubstr("--" + setting.name));
}

TEST(AddressTest, TellsHostAndPort) {
  EXPECT_EQ(ParseAddress("0.0.0.0:80")->host, "0.0.0.0");
  EXPECT_EQ(ParseAddress("[::1]:7600")->host, "::1");
  EXPECT_EQ(ParseAddress("[::1]:7600")->ToString(), "[::1]:7600");
  EXPECT_EQ(ParseAddress("localhost:0")->port, 0);
  for (const char* text : {"", "7600", ":7600", "host", "host:", "host:-1", "host:65536", "::1:80",
                           "[::1:80", "host]:80", "[host]:80", "[]:80"}) {
    EXPECT_FALSE(ParseAddress(text).ok()) << text;
  }
}

TEST(AddressTest, KnowsLoopback) {
  EXPECT_TRUE(ParseAddress("127.0.0.1:1")->IsLoopback());
  EXPECT_TRUE(ParseAddress("[::1]:1")->IsLoopback());
  EXPECT_TRUE(ParseAddress("localhost:1")->IsLoopback());
  EXPECT_FALSE(ParseAddress("0.0.0.0:1")->IsLoopback());
  EXPECT_FALSE(ParseAddress("127.example.com:1")->IsLoopback());
  EXPECT_FALSE(ParseAddress("[::]:1")->IsLoopback());
  EXPECT_EQ(ParseAddress("0.0.0.0:1")->ForLocalClient().ToString(), "127.0.0.1:1");
  EXPECT_EQ(ParseAddress("[::]:1")->ForLocalClient().ToString(), "[::1]:1");
  EXPECT_EQ(ParseAddress("10.0.0.5:1")->ForLocalClient().ToString(), "10.0.0.5:1");
}

}  // namespace
}  // namespace negatron
