// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_CONFIG_H_
#define NEGATRON_SERVER_APP_CONFIG_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "server/app/address.h"
#include "server/app/logging.h"

namespace negatron {

// How the server is to run. Every value is set by a flag `--some-name`, else by the environment as
// NEGATRON_SOME_NAME, else by the configuration file as `some-name = value`, else as here.
struct Config {
  Address listen{"127.0.0.1", 7600};
  std::string data_dir = "./negatron-data";
  std::string backup_dir;  // Empty: no backups are made.
  std::string port_file;   // Empty: none.
  // For metrics and probes over HTTP. Unset: none, as a second server on this machine would need
  // another port.
  std::optional<Address> metrics_listen;
  std::string metrics_port_file;  // Empty: none.
  absl::Duration slow_request_threshold = absl::Seconds(1);
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  int executor_threads = 1;  // Unless set: the number of cores.
  int queue_limit = 1024;
  absl::Duration max_queue_wait = absl::Seconds(5);
  int64_t max_message_bytes = 16 << 20;
  int64_t max_in_flight_bytes = 512 << 20;
  int64_t memory_limit_bytes = 0;  // Unless set: that of the control group, or of the machine.
  absl::Duration sync_interval = absl::Milliseconds(200);
  int64_t write_queue_bytes = 256 << 20;
  int64_t excluded_mass_cache_bytes = 64 << 20;
  int index_threads = 1;  // Unless set: half of the cores.
  int index_min_items = 40000;
  absl::Duration drain_deadline = absl::Seconds(20);
  bool accept_data_loss = false;

  // Security. Paths are of PEM files; empty: none.
  std::string tls_cert;
  std::string tls_key;
  std::string tls_client_ca;    // Clients must have a certificate of it.
  std::string health_tls_cert;  // Of the health check's client; empty: the server's own.
  std::string health_tls_key;
  std::string token_file;  // Empty: anybody may call anything.
  absl::Duration reload_interval = absl::Seconds(10);
  bool insecure = false;  // Plain text may leave this machine.

  // What one client may take of the transport.
  int64_t max_metadata_bytes = 16 << 10;
  int max_concurrent_streams = 256;
  int max_import_streams = 1000;  // Of each service, on all connections.
  absl::Duration max_connection_age = absl::Hours(1);
  absl::Duration max_connection_grace = absl::Minutes(5);
  absl::Duration max_connection_idle = absl::Minutes(30);
};

// A setting as it took effect.
struct EffectiveSetting {
  std::string name;    // Of the flag, without dashes.
  std::string value;   // In a form that can be given again.
  std::string source;  // "flag", "environment", "file" or "default".
};

enum class Action { kServe, kHelp, kVersion, kPrintConfig, kCheckConfig, kHealthCheck, kRestore };

struct CommandLine {
  Action action = Action::kServe;
  Config config;
  std::vector<EffectiveSetting> settings;
  std::string help;       // Of kHelp.
  std::string backup_id;  // Of kRestore.
};

// The value of an environment variable; null if it is not set.
using Environment = std::function<const char*(const char*)>;

// Reads flags, environment and file. `arguments` are those of main without the name of the program.
// Fails with INVALID_ARGUMENT, naming the setting and where it was set, for unknown flags, unknown
// keys in the file, and values that are not valid. An empty environment variable counts as not set.
absl::StatusOr<CommandLine> ReadCommandLine(const std::vector<std::string>& arguments,
                                            const Environment& environment);

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_CONFIG_H_
