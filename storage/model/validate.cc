// SPDX-License-Identifier: Apache-2.0
#include "storage/model/validate.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "storage/model/limits.h"

namespace negatron {
namespace {

// Whether `text` is well-formed UTF-8 without overlong forms and surrogates
// (RFC 3629, section 4).
bool IsUtf8(absl::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    size_t extra = 0;
    unsigned char low = 0x80, high = 0xBF;
    if (lead < 0x80) {
      ++i;
      continue;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
      extra = 1;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      extra = 2;
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      extra = 3;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    } else {
      return false;
    }
    if (i + extra >= text.size()) return false;
    for (size_t k = 1; k <= extra; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if (next < low || next > high) return false;
      low = 0x80;
      high = 0xBF;
    }
    i += extra + 1;
  }
  return true;
}

// Reports what is wrong with the list `field` of at most `limit` distinct durations.
template <typename IsGood>
void CheckDurations(const std::vector<int64_t>& durations, int limit, const std::string& field,
                    IsGood is_good, absl::string_view rule, Violations* violations) {
  if (durations.size() > static_cast<size_t>(limit)) {
    violations->Add(field, absl::StrCat("at most ", limit, " are kept"));
  }
  for (size_t i = 0; i < durations.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    if (!is_good(durations[i])) violations->AddRow(field, row, rule);
    const auto end = durations.begin() + row;
    if (std::find(durations.begin(), end, durations[i]) != end) {
      violations->AddRow(field, row, "repeats an earlier one");
    }
  }
}

void CheckPopularity(const CollectionRecord& settings, absl::string_view prefix,
                     Violations* violations) {
  const auto field = [&](absl::string_view name) { return absl::StrCat(prefix, name); };
  CheckDurations(settings.half_lives, kMaxHalfLives, field("half_lives"), IsHalfLife,
                 "must be 0 (no decay), or one minute to 36,500 days", violations);
  CheckDurations(
      settings.windows, kMaxWindows, field("windows"),
      [](int64_t window) { return window != 0 && IsWindow(window); },
      "must be one minute to 36,500 days", violations);
  if (!IsWindow(settings.popularity_grid_micros)) {
    violations->Add(field("popularity_grid"), "must be unset, or one minute to 36,500 days");
  }
  if (settings.mined_per_user < 1 || settings.mined_per_user > kMaxMinedPerUser) {
    violations->Add(field("mined_per_user"), "must be in [1, 4096], or 0 for 256");
  }
  const int64_t retention = settings.event_retention_micros;
  if (retention != 0 && (retention < kMinRetentionMicros || retention > kMaxWindowMicros)) {
    violations->Add(field("event_retention"), "must be unset, or one hour to 36,500 days");
  }
}

bool IsIdCharacter(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-'; }

}  // namespace

absl::string_view CollectionIdProblem(absl::string_view id) {
  if (id.empty() || id.size() > kMaxCollectionIdBytes || !absl::ascii_islower(id[0]) ||
      !std::all_of(id.begin(), id.end(), IsIdCharacter)) {
    return "must be 1 to 63 characters of [a-z0-9-], starting with a letter";
  }
  return {};
}

absl::string_view PolicyIdProblem(absl::string_view id) { return CollectionIdProblem(id); }

absl::string_view ControllerIdProblem(absl::string_view id) { return CollectionIdProblem(id); }

absl::string_view NameProblem(absl::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) return "must have 1 to 128 bytes";
  if (!IsUtf8(name)) return "must be UTF-8";
  return {};
}

absl::string_view RequestIdProblem(absl::string_view id) {
  if (id.size() > kMaxRequestIdBytes ||
      !std::all_of(id.begin(), id.end(), [](char c) { return absl::ascii_isgraph(c); })) {
    return "must have 1 to 64 printable ASCII characters without spaces";
  }
  return {};
}

absl::string_view StreamIdProblem(absl::string_view id) {
  if (id.empty() || id.size() > kMaxStreamIdBytes ||
      !std::all_of(id.begin(), id.end(), [](char c) { return absl::ascii_isgraph(c); })) {
    return "must have 1 to 64 printable ASCII characters without spaces";
  }
  return {};
}

absl::string_view CategoryProblem(absl::string_view name) {
  if (name.empty() || name.size() > kMaxCategoryBytes) return "must have 1 to 128 bytes";
  if (!IsUtf8(name)) return "must be UTF-8";
  return {};
}

absl::string_view CategoriesProblem(const std::vector<std::string>& categories) {
  if (categories.size() > kMaxCategories) return "an item has at most 16 categories";
  for (size_t i = 1; i < categories.size(); ++i) {
    const auto end = categories.begin() + static_cast<int64_t>(i);
    if (std::find(categories.begin(), end, categories[i]) != end) {
      return "the categories of an item must be distinct";
    }
  }
  return {};
}

bool IsHalfLife(int64_t micros) {
  return micros == 0 || (micros >= kMinHalfLifeMicros && micros <= kMaxHalfLifeMicros);
}

bool IsWindow(int64_t micros) {
  return micros == 0 || (micros >= kMinWindowMicros && micros <= kMaxWindowMicros);
}

void CheckSettings(const CollectionRecord& settings, absl::string_view prefix,
                   Violations* violations) {
  const auto add = [&](absl::string_view field, absl::string_view text) {
    violations->Add(absl::StrCat(prefix, field), text);
  };
  if (settings.display_name.size() > kMaxDisplayNameBytes || !IsUtf8(settings.display_name)) {
    add("display_name", "must be UTF-8 of at most 256 bytes");
  }
  if (settings.labels.size() > kMaxLabels) add("labels", "at most 64 labels are kept");
  for (const auto& [key, value] : settings.labels) {
    if (key.empty() || key.size() > kMaxLabelKeyBytes || !IsUtf8(key)) {
      add(absl::StrCat("labels[", key, "]"), "a key must be UTF-8 of 1 to 63 bytes");
    }
    if (value.size() > kMaxLabelValueBytes || !IsUtf8(value)) {
      add(absl::StrCat("labels[", key, "]"), "a value must be UTF-8 of at most 256 bytes");
    }
  }
  if (!IsHalfLife(settings.half_life_micros)) {
    add("half_life", "must be unset, or one minute to 36,500 days");
  }
  CheckPopularity(settings, prefix, violations);
  if (settings.audit.has_value()) {
    const AuditSettings& audit = *settings.audit;
    // Written so that NaN fails.
    if (!(audit.rate >= 0 && audit.rate <= 1)) add("audit.rate", "must be in [0, 1]");
    if (audit.max_age_micros < kMinAuditAgeMicros || audit.max_age_micros > kMaxWindowMicros) {
      add("audit.max_age", "must be unset, or one minute to 36,500 days");
    }
    if (audit.max_bytes < kMinAuditBytes || audit.max_bytes > kMaxAuditBytes) {
      add("audit.max_bytes", "must be 0, or 1 MiB to 1 TiB");
    }
  }
  if (settings.embedding.has_value() &&
      (settings.embedding->dimension < 1 || settings.embedding->dimension > kMaxDimension)) {
    add("embedding_settings.dimension", "must be in [1, 4096]");
  }
}

}  // namespace negatron
