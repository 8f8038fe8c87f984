// SPDX-License-Identifier: Apache-2.0
#include "server/index/vector_table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "server/index/bfloat16.h"

namespace negatron {
namespace {

constexpr Micros kMicrosPerSecond = 1000000;

uint32_t ToSeconds(Micros time) {
  return static_cast<uint32_t>(
      std::clamp<Micros>(time / kMicrosPerSecond, 0, std::numeric_limits<uint32_t>::max()));
}

void WriteRow(ElementType type, std::span<const float> vector, std::byte* row) {
  if (type == ElementType::kFloat32) {
    std::memcpy(row, vector.data(), vector.size_bytes());
    return;
  }
  for (size_t i = 0; i < vector.size(); ++i) {
    const Bfloat16 number = ToBfloat16(vector[i]);
    std::memcpy(row + Bfloat16Place(i, vector.size()) * sizeof(number), &number, sizeof(number));
  }
}

void ReadRow(ElementType type, const std::byte* row, std::span<float> vector) {
  if (type == ElementType::kFloat32) {
    std::memcpy(vector.data(), row, vector.size_bytes());
    return;
  }
  for (size_t i = 0; i < vector.size(); ++i) {
    Bfloat16 number;
    std::memcpy(&number, row + Bfloat16Place(i, vector.size()) * sizeof(number), sizeof(number));
    vector[i] = ToFloat(number);
  }
}

}  // namespace

const VectorTable::Page* VectorTable::PageOf(Ordinal item) const {
  const uint32_t page_index = item / kPageItems;
  if (page_index >= pages_.size() || pages_[page_index] == nullptr) return nullptr;
  const Page& page = *pages_[page_index];
  return (page.present >> (item % kPageItems) & 1) != 0 ? &page : nullptr;
}

bool VectorTable::Contains(Ordinal item) const { return PageOf(item) != nullptr; }

bool VectorTable::Read(Ordinal item, std::span<float> vector) const {
  const Page* page = PageOf(item);
  if (page == nullptr) return false;
  ReadRow(settings_.element_type, page->rows.data() + item % kPageItems * row_bytes(), vector);
  return true;
}

std::vector<Ordinal> VectorTable::Items() const {
  std::vector<Ordinal> items;
  items.reserve(static_cast<size_t>(size_));
  for (size_t p = 0; p < pages_.size(); ++p) {
    if (pages_[p] == nullptr) continue;
    for (uint64_t rest = pages_[p]->present; rest != 0; rest &= rest - 1) {
      items.push_back(static_cast<Ordinal>(p * kPageItems + std::countr_zero(rest)));
    }
  }
  return items;
}

VectorStamp VectorTable::Stamp(Ordinal item) const {
  const Page* page = PageOf(item);
  if (page == nullptr) return {};
  const uint32_t row = item % kPageItems;
  return {page->model_versions.at(row), page->write_seconds.at(row) * kMicrosPerSecond};
}

int64_t VectorTable::bytes() const {
  int64_t bytes = static_cast<int64_t>(pages_.capacity() * sizeof(pages_[0]));
  for (const auto& page : pages_) {
    if (page != nullptr) {
      bytes += static_cast<int64_t>(sizeof(Page) + page->rows.capacity()) +
               page->model_versions.bytes() + page->write_seconds.bytes();
    }
  }
  return bytes;
}

VectorTable::Page& VectorTableBuilder::OwnPageOf(Ordinal item) {
  const size_t page_index = item / VectorTable::kPageItems;
  if (page_index >= table_.pages_.size()) {
    table_.pages_.resize(page_index + 1);
    owned_.resize(page_index + 1, false);
  }
  std::shared_ptr<VectorTable::Page>& page = table_.pages_[page_index];
  if (!owned_[page_index]) {
    page = page == nullptr ? std::make_shared<VectorTable::Page>()
                           : std::make_shared<VectorTable::Page>(*page);
    page->rows.resize(VectorTable::kPageItems * table_.row_bytes());
    owned_[page_index] = true;
  }
  return *page;
}

void VectorTableBuilder::Set(Ordinal item, std::span<const float> vector,
                             const VectorStamp& stamp) {
  VectorTable::Page& page = OwnPageOf(item);
  const uint32_t row = item % VectorTable::kPageItems;
  if ((page.present >> row & 1) == 0) ++table_.size_;
  page.present |= uint64_t{1} << row;
  WriteRow(table_.settings_.element_type, vector, page.rows.data() + row * table_.row_bytes());
  page.model_versions.Set(row, stamp.model_version);
  page.write_seconds.Set(row, ToSeconds(stamp.write_time));
  table_.highest_model_version_ = std::max(table_.highest_model_version_, stamp.model_version);
}

void VectorTableBuilder::Erase(Ordinal item) {
  if (!table_.Contains(item)) return;
  VectorTable::Page& page = OwnPageOf(item);
  const uint32_t row = item % VectorTable::kPageItems;
  page.present &= ~(uint64_t{1} << row);
  // Nothing of it stays in memory that later tables share.
  std::fill_n(page.rows.begin() + static_cast<int64_t>(row * table_.row_bytes()),
              table_.row_bytes(), std::byte{0});
  --table_.size_;
}

std::shared_ptr<const VectorTable> VectorTableBuilder::Build() && {
  return std::make_shared<const VectorTable>(std::move(table_));
}

std::string_view PrepareVector(Metric metric, std::span<float> vector) {
  double squares = 0;
  for (const float component : vector) {
    if (!std::isfinite(component)) return "every component must be finite";
    squares += double{component} * component;
  }
  if (squares > 1e37) return "the squared norm must be at most 1e37, so that scores are finite";
  if (metric == Metric::kCosine) {
    const double norm = std::sqrt(squares);
    if (norm < 1e-30) return "a vector of norm 0 has no direction (metric COSINE)";
    for (float& component : vector) component = static_cast<float>(component / norm);
  }
  return {};
}

// No component rounds to infinity: the bound on the norm keeps all below 3.2e18.
std::string_view PrepareToStore(const EmbeddingSettings& settings, std::span<float> vector) {
  const std::string_view problem = PrepareVector(settings.metric, vector);
  if (!problem.empty() || settings.element_type == ElementType::kFloat32) return problem;
  for (float& component : vector) component = ToFloat(ToBfloat16(component));
  return {};
}

}  // namespace negatron
