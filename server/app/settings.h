// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_SETTINGS_H_
#define NEGATRON_SERVER_APP_SETTINGS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "server/app/config.h"

namespace negatron {

// One value of Config: its name, and how it is read from text and written back.
struct Setting {
  std::string name;  // Of the flag, without dashes.
  std::string help;
  bool is_switch = false;  // The flag may stand without a value, for `true`.
  // Fails with INVALID_ARGUMENT, saying what would be good.
  std::function<absl::Status(absl::string_view text, Config* config)> read;
  std::function<std::string(const Config& config)> write;

  // NEGATRON_SOME_NAME for `some-name`.
  std::string EnvironmentName() const;
};

// All settings, in the order in which they are shown.
const std::vector<Setting>& Settings();

// Rules that concern several settings at once.
absl::Status CheckTogether(const Config& config);

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_SETTINGS_H_
