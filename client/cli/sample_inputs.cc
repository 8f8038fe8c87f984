// SPDX-License-Identifier: Apache-2.0
#include "client/cli/sample_inputs.h"

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "client/cli/id_list.h"
#include "client/cli/session.h"
#include "client/cli/source_spec.h"
#include "client/cli/values.h"
#include "proto/cc/columns.h"

namespace negatron::client {

absl::Status AddSources(const std::vector<std::string>& specs, v1::Policy* policy) {
  for (const std::string& spec : specs) {
    const absl::StatusOr<v1::PolicyComponent> component = ParseSource(spec);
    if (!component.ok()) {
      return UsageError(absl::StrCat("--source ", spec, ": ", component.status().message()));
    }
    *policy->add_components() = *component;
  }
  return absl::OkStatus();
}

absl::Status CheckSources(const v1::Policy& policy, const GivenColumns& given) {
  for (const v1::PolicyComponent& component : policy.components()) {
    if ((component.has_exposure() || component.has_mined()) && !given.users) {
      return UsageError("sources exposure and mined need --user, whose events they draw from");
    }
    const char* name = nullptr;
    v1::NearestAnchor anchor = v1::NEAREST_ANCHOR_UNSPECIFIED;
    const auto set = [&](const char* source_name, const auto& source) {
      name = source_name;
      anchor = source.anchor();
    };
    if (component.has_nearest()) set("nearest", component.nearest());
    if (component.has_adversarial()) set("adversarial", component.adversarial());
    if (component.has_dynamic()) set("dynamic", component.dynamic());
    if (name == nullptr) continue;
    if (anchor == v1::NEAREST_ANCHOR_POSITIVE) {
      if (!given.positives) {
        return UsageError(
            absl::StrCat("source ", name, " needs --positive, whose embedding is the anchor"));
      }
    } else if (anchor == v1::NEAREST_ANCHOR_USER) {
      if (!given.users) {
        return UsageError(
            absl::StrCat("source ", name, " with anchor=user needs --user, whose embedding it is"));
      }
    } else if (!given.queries) {
      return UsageError(absl::StrCat("source ", name,
                                     " with anchor=query needs --query, the anchor of each row"));
    }
  }
  return absl::OkStatus();
}

absl::Status FillIds(const std::vector<std::string>& texts, v1::IdType type,
                     absl::string_view option, v1::IdColumn* column) {
  IdList ids(type);
  for (const std::string& text : texts) {
    if (absl::Status status = ids.Append(text); !status.ok()) {
      return UsageError(absl::StrCat(option, ": ", status.message()));
    }
  }
  ids.Write(column);
  return absl::OkStatus();
}

absl::Status FillQueries(const std::vector<std::string>& texts, v1::FloatMatrix* matrix) {
  std::vector<float> values;
  size_t dimension = 0;
  for (const std::string& text : texts) {
    const size_t begin = values.size();
    for (const absl::string_view part : absl::StrSplit(text, ',')) {
      float value = 0;
      if (!absl::SimpleAtof(part, &value) || !std::isfinite(value)) {
        return UsageError(absl::StrCat("--query: `", part, "` is not a number"));
      }
      values.push_back(value);
    }
    if (begin > 0 && values.size() - begin != dimension) {
      return UsageError("--query: vectors must be equally long");
    }
    dimension = values.size() - begin;
  }
  WriteMatrix(values, static_cast<int32_t>(texts.size()), static_cast<int32_t>(dimension),
              v1::COLUMN_ENCODING_TYPED, matrix);
  return absl::OkStatus();
}

absl::Status FillTime(const std::string& text, absl::string_view option,
                      google::protobuf::Timestamp* time) {
  const absl::StatusOr<int64_t> micros = ParseTimeMicros(text, TimeUnit::kAuto);
  if (!micros.ok()) return UsageError(absl::StrCat(option, ": ", micros.status().message()));
  *time = ToTimestamp(*micros);
  return absl::OkStatus();
}

}  // namespace negatron::client
