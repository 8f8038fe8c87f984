// SPDX-License-Identifier: Apache-2.0
#include "server/app/settings.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr int64_t kKibi = 1024;
constexpr int64_t kMebi = kKibi * 1024;
constexpr int64_t kGibi = kMebi * 1024;

absl::StatusOr<int64_t> ParseWhole(absl::string_view text, int64_t min, int64_t max) {
  int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value) || value < min || value > max) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be a whole number in [", min, ", ", max, "]"));
  }
  return value;
}

absl::StatusOr<int64_t> ParseBytes(absl::string_view text, int64_t min, int64_t max) {
  int64_t unit = 1;
  absl::string_view digits = text;
  for (const auto& [suffix, size] :
       {std::pair<absl::string_view, int64_t>{"KiB", kKibi}, {"MiB", kMebi}, {"GiB", kGibi}}) {
    if (absl::ConsumeSuffix(&digits, suffix)) unit = size;
  }
  int64_t count = 0;
  if (!absl::SimpleAtoi(digits, &count) || count < 0 || count > max / unit || count * unit < min) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be a number of bytes (or KiB, MiB, GiB) in [", min, ", ", max, "]"));
  }
  return count * unit;
}

absl::StatusOr<absl::Duration> ParseTime(absl::string_view text, absl::Duration min,
                                         absl::Duration max) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration) || duration < min || duration > max) {
    return absl::InvalidArgumentError(absl::StrCat("must be a time such as 200ms or 20s, from ",
                                                   absl::FormatDuration(min), " to ",
                                                   absl::FormatDuration(max)));
  }
  return duration;
}

Setting Text(std::string name, std::string help, std::string Config::*field) {
  return {std::move(name), std::move(help), false,
          [field](absl::string_view text, Config* config) {
            config->*field = std::string(text);
            return absl::OkStatus();
          },
          [field](const Config& config) { return config.*field; }};
}

Setting Whole(std::string name, std::string help, int Config::*field, int max) {
  return {std::move(name), std::move(help), false,
          [field, max](absl::string_view text, Config* config) -> absl::Status {
            NEGATRON_ASSIGN_OR_RETURN(const int64_t value, ParseWhole(text, 1, max));
            config->*field = static_cast<int>(value);
            return absl::OkStatus();
          },
          [field](const Config& config) { return absl::StrCat(config.*field); }};
}

Setting Bytes(std::string name, std::string help, int64_t Config::*field, int64_t max,
              int64_t min = 64 * kKibi) {
  return {std::move(name), std::move(help), false,
          [field, min, max](absl::string_view text, Config* config) -> absl::Status {
            NEGATRON_ASSIGN_OR_RETURN(config->*field, ParseBytes(text, min, max));
            return absl::OkStatus();
          },
          [field](const Config& config) { return absl::StrCat(config.*field); }};
}

Setting Time(std::string name, std::string help, absl::Duration Config::*field, absl::Duration min,
             absl::Duration max) {
  return {std::move(name), std::move(help), false,
          [field, min, max](absl::string_view text, Config* config) -> absl::Status {
            NEGATRON_ASSIGN_OR_RETURN(config->*field, ParseTime(text, min, max));
            return absl::OkStatus();
          },
          [field](const Config& config) { return absl::FormatDuration(config.*field); }};
}

Setting Switch(std::string name, std::string help, bool Config::*field) {
  return {std::move(name), std::move(help), true,
          [field](absl::string_view text, Config* config) {
            return absl::SimpleAtob(text, &(config->*field))
                       ? absl::OkStatus()
                       : absl::InvalidArgumentError("must be true or false");
          },
          [field](const Config& config) { return std::string(config.*field ? "true" : "false"); }};
}

// Whether a path leads to `folder` or into it; links are followed as far as there is something.
bool IsWithin(const std::string& path, const std::string& folder) {
  std::error_code ignored;
  const auto inner = std::filesystem::weakly_canonical(std::filesystem::absolute(path), ignored);
  auto outer = std::filesystem::weakly_canonical(std::filesystem::absolute(folder), ignored);
  if (!outer.has_filename()) outer = outer.parent_path();  // It ended with a slash.
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

Setting Listen() {
  return {"listen", "Address to listen on, host:port; port 0: any free one.", false,
          [](absl::string_view text, Config* config) -> absl::Status {
            NEGATRON_ASSIGN_OR_RETURN(config->listen, ParseAddress(text));
            return absl::OkStatus();
          },
          [](const Config& config) { return config.listen.ToString(); }};
}

Setting MetricsListen() {
  return {
      "metrics-listen",
      "Address for /metrics, /healthz and /readyz over HTTP, host:port; `off`: none.", false,
      [](absl::string_view text, Config* config) -> absl::Status {
        config->metrics_listen.reset();
        if (text == "off") return absl::OkStatus();
        const absl::StatusOr<Address> address = ParseAddress(text);
        if (!address.ok()) {
          return absl::InvalidArgumentError(absl::StrCat(address.status().message(), ", or `off`"));
        }
        config->metrics_listen = *address;
        return absl::OkStatus();
      },
      [](const Config& config) {
        return config.metrics_listen.has_value() ? config.metrics_listen->ToString() : "off";
      }};
}

Setting Level() {
  return {"log-level", "Least level that is logged: debug, info, warning or error.", false,
          [](absl::string_view text, Config* config) -> absl::Status {
            NEGATRON_ASSIGN_OR_RETURN(config->log_level, ParseLogLevel(text));
            return absl::OkStatus();
          },
          [](const Config& config) { return std::string(LogLevelName(config.log_level)); }};
}

Setting Format() {
  return {"log-format", "Form of the log lines: text or json.", false,
          [](absl::string_view text, Config* config) -> absl::Status {
            NEGATRON_ASSIGN_OR_RETURN(config->log_format, ParseLogFormat(text));
            return absl::OkStatus();
          },
          [](const Config& config) {
            return std::string(config.log_format == LogFormat::kJson ? "json" : "text");
          }};
}

}  // namespace

std::string Setting::EnvironmentName() const {
  return absl::StrCat("NEGATRON_", absl::AsciiStrToUpper(absl::StrReplaceAll(name, {{"-", "_"}})));
}

const std::vector<Setting>& Settings() {
  // Never destroyed: threads may still read it while the process exits.
  static const auto* const settings = new std::vector<Setting>{
      Listen(),
      Text("data-dir", "Folder that holds the data; made if it does not exist.", &Config::data_dir),
      Text("backup-dir", "Folder that backups are made in; not in the data folder. Empty: none.",
           &Config::backup_dir),
      Text("port-file", "File that gets the port's number once it is bound.", &Config::port_file),
      MetricsListen(),
      Text("metrics-port-file", "File that gets the number of the metrics' port.",
           &Config::metrics_port_file),
      Level(),
      Format(),
      Whole("executor-threads",
            "Threads that do the work of calls. Idle ones help with the rows of large calls.",
            &Config::executor_threads, 1024),
      Whole("queue-limit", "Calls that may wait for a thread; more are RESOURCE_EXHAUSTED.",
            &Config::queue_limit, 1000000),
      Time("max-queue-wait",
           "Calls that are expected to wait longer for a thread are RESOURCE_EXHAUSTED.",
           &Config::max_queue_wait, absl::Milliseconds(1), absl::Hours(1)),
      Bytes("max-message-bytes", "Largest request.", &Config::max_message_bytes, kGibi),
      Bytes("max-in-flight-bytes", "Messages of all calls in flight.", &Config::max_in_flight_bytes,
            1024 * kGibi),
      Bytes("memory-limit-bytes",
            "Memory of the process; 0: no limit. From 90% on nothing can be added, from 95% on no\n"
            "call waits.",
            &Config::memory_limit_bytes, 1024 * kGibi, 0),
      Time("sync-interval", "APPLIED writes are on disk after at most this.",
           &Config::sync_interval, absl::Milliseconds(1), absl::Minutes(1)),
      Bytes("write-queue-bytes", "Writes that may wait for the commit thread.",
            &Config::write_queue_bytes, 1024 * kGibi),
      Bytes("excluded-mass-cache-bytes",
            "Memory for what the histories of users weigh, remembered between calls.",
            &Config::excluded_mass_cache_bytes, 64 * kGibi),
      Whole("index-threads",
            "Threads that build indexes of embeddings, where no other thread wants the core.",
            &Config::index_threads, 1024),
      Whole("index-min-items", "Collections with fewer embeddings have no index, but exact search.",
            &Config::index_min_items, 1000000000),
      Time("slow-request-threshold",
           "Calls that take this long are logged as warnings; 0s: all, at a bounded rate.",
           &Config::slow_request_threshold, absl::ZeroDuration(), absl::Hours(1)),
      Time("drain-deadline", "How long calls in flight may go on after SIGTERM.",
           &Config::drain_deadline, absl::ZeroDuration(), absl::Hours(1)),
      Switch("accept-data-loss",
             "Start although acknowledged writes are missing from the data folder.",
             &Config::accept_data_loss),
      Text("tls-cert", "PEM file of the server's certificate, and those that lead to its root.",
           &Config::tls_cert),
      Text("tls-key", "PEM file of its private key.", &Config::tls_key),
      Text("tls-client-ca", "PEM file: clients must have a certificate signed by one of these.",
           &Config::tls_client_ca),
      Text("health-tls-cert",
           "PEM file of --healthcheck's own certificate; without it, it shows the server's.",
           &Config::health_tls_cert),
      Text("health-tls-key", "PEM file of its private key.", &Config::health_tls_key),
      Text("token-file", "File of token entries: calls need a token then (`negatrond token`).",
           &Config::token_file),
      Time("reload-interval", "How often certificates and tokens are looked at for changes.",
           &Config::reload_interval, absl::Milliseconds(10), absl::Hours(1)),
      Switch("insecure", "Allow an address that other machines can reach, without TLS.",
             &Config::insecure),
      Bytes("max-metadata-bytes", "Largest metadata of a call, its token included.",
            &Config::max_metadata_bytes, kMebi, 4 * kKibi),
      Whole("max-concurrent-streams", "Calls in flight on one connection; more wait at the client.",
            &Config::max_concurrent_streams, 100000),
      Whole("max-import-streams",
            "Import streams of a service; idle ones make room, more are RESOURCE_EXHAUSTED.",
            &Config::max_import_streams, 100000),
      Time("max-connection-age", "Clients are asked to connect again after this, give or take 10%.",
           &Config::max_connection_age, absl::Seconds(1), absl::Hours(240)),
      Time("max-connection-grace", "How long the calls of such a connection may go on.",
           &Config::max_connection_grace, absl::Seconds(1), absl::Hours(24)),
      Time("max-connection-idle", "Connections without a call are closed after this.",
           &Config::max_connection_idle, absl::Seconds(1), absl::Hours(240)),
  };
  return *settings;
}

namespace {

absl::Status CheckTls(const Config& config) {
  if (config.tls_cert.empty() != config.tls_key.empty()) {
    return absl::InvalidArgumentError("tls-cert and tls-key: give both or none");
  }
  if (config.health_tls_cert.empty() != config.health_tls_key.empty()) {
    return absl::InvalidArgumentError("health-tls-cert and health-tls-key: give both or none");
  }
  if (!config.tls_client_ca.empty() && config.tls_cert.empty()) {
    return absl::InvalidArgumentError("tls-client-ca: needs tls-cert and tls-key");
  }
  if (config.tls_cert.empty() && !config.insecure && !config.listen.IsLoopback()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "listen: other machines can reach ", config.listen.ToString(),
        ", and there is no TLS: give tls-cert and tls-key, or `insecure` if a proxy or "
        "the network protects it"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckTogether(const Config& config) {
  NEGATRON_RETURN_IF_ERROR(CheckTls(config));
  if (config.data_dir.empty()) return absl::InvalidArgumentError("data-dir: must not be empty");
  if (!config.backup_dir.empty() && IsWithin(config.backup_dir, config.data_dir)) {
    return absl::InvalidArgumentError(
        "backup-dir: must not be the data folder or lie in it: what takes the one would take both");
  }
  if (config.max_in_flight_bytes < config.max_message_bytes) {
    return absl::InvalidArgumentError(
        "max-in-flight-bytes: must be at least max-message-bytes, or the largest request would "
        "never be admitted beside another");
  }
  return absl::OkStatus();
}

}  // namespace negatron
