// SPDX-License-Identifier: Apache-2.0
#include "client/cli/row_hash.h"

#include <span>
#include <variant>
#include <vector>

#include "absl/strings/str_format.h"

namespace negatron::client {
namespace {

constexpr absl::uint128 kPrime = absl::MakeUint128(0x1000000, 0x13B);

}  // namespace

void RowHash::AddBytes(const void* data, size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < size; ++i) hash_ = (hash_ ^ bytes[i]) * kPrime;
}

void RowHash::Add(absl::string_view text) {
  AddNumber(static_cast<int64_t>(text.size()));
  AddBytes(text.data(), text.size());
}

void RowHash::AddIds(const IdSpan& ids) {
  AddNumber(static_cast<int64_t>(ids.index()));
  if (const auto* names = std::get_if<std::span<const std::string>>(&ids)) {
    for (const std::string& name : *names) Add(name);
  } else {
    const auto numbers = std::get<std::span<const int64_t>>(ids);
    AddBytes(numbers.data(), numbers.size_bytes());
  }
}

void RowHash::Add(const EventChunk& chunk) {
  AddNumber(static_cast<int64_t>(chunk.lines.size()));
  AddIds(chunk.users.span());
  AddIds(chunk.items.span());
  // Sizes first: a column that is not there differs from one that is.
  const auto add = [this](const auto& column) {
    AddNumber(static_cast<int64_t>(column.size()));
    AddBytes(column.data(), column.size() * sizeof(column[0]));
  };
  add(chunk.time_micros);
  add(chunk.weights);
  add(chunk.kinds);
  add(chunk.propensities);
  add(chunk.cohorts);
}

std::string RowHash::Hex() const {
  return absl::StrFormat("%016x%016x", absl::Uint128High64(hash_), absl::Uint128Low64(hash_));
}

}  // namespace negatron::client
