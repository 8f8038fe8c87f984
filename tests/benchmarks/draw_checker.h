// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_BENCHMARKS_DRAW_CHECKER_H_
#define NEGATRON_TESTS_BENCHMARKS_DRAW_CHECKER_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/benchmarks/check_catalogue.h"

namespace negatron::bench {

// What rows are drawn by.
struct CheckedLaw {
  // kMix: of uniform and popularity.
  enum class Kind : uint8_t { kUniform, kPopularity, kMix, kExposure, kMined };

  Kind kind = Kind::kUniform;
  int category = -1;      // -1: any.
  bool windowed = false;  // Of kPopularity: only events within the checker's window count.
};

struct CheckedRow {
  int64_t as_of = 0;
  int64_t user = -1;      // -1: none.
  int64_t positive = -1;  // -1: none.
  std::span<const uint32_t> named;
};

struct CheckedDraw {
  uint32_t item;
  float log_q;        // Of the law.
  uint8_t component;  // Of kMix: 0 uniform, 1 popularity.
};

// What must not happen. Of each draw the first that applies is counted.
enum class Violation : uint8_t {
  kHistory,      // A positive of the row's user before the row's time.
  kOwnPositive,  // The row's positive.
  kNamed,        // An item that the row names.
  kDead,         // An item not alive at the row's time.
  kFuture,       // No event before the row's time, or within the window.
  kCategory,     // Not of the category that was asked for.
  kNotHanded,    // Neither shown to the user before, nor handed back.
  kLogQ,         // Not finite, or above 0.
  kEmptyRow,     // A row without draws for which something is eligible.
  kFullRow,      // A row with draws for which nothing is eligible.
};
inline constexpr int kViolationCount = 10;

struct DrawCounts {
  int64_t rows = 0;
  int64_t draws = 0;
  std::array<int64_t, kViolationCount> violations{};
  // Of 1 / (q * items that the law gives a probability for the row): its mean is
  // 1 if the law is the one drawn from.
  double sum = 0;
  double sum_of_squares = 0;

  void Add(const DrawCounts& other);
  double mean() const { return sum / static_cast<double>(draws); }
  double standard_error() const;
};

// Counts of intervals around an instant.
class IntervalCounter {
 public:
  void Add(int64_t from, int64_t until);
  // Behind the last Add, before the first CountAt.
  void Seal();
  int64_t CountAt(int64_t time) const;

 private:
  std::vector<int64_t> starts_;
  std::vector<int64_t> ends_;
};

// Judges draws by the plain columns that they were drawn from, with arrays of
// its own: it shares nothing with the server, so the two agree only by both being right.
//
// Thread-safety: immutable; a Scratch belongs to one thread.
class DrawChecker {
 public:
  // What a row must not get, as a hash set that forgets at once.
  class Scratch {
   public:
    Scratch() : slots_(1024) {}

   private:
    friend class DrawChecker;
    struct Slot {
      uint64_t stamp = 0;
      uint32_t item = 0;
      Violation reason{};
    };

    void Clear() { ++stamp_, items_.clear(); }
    void Insert(uint32_t item, Violation reason);
    const Slot* Find(uint32_t item) const;

    uint64_t stamp_ = 0;
    std::vector<Slot> slots_;  // A power of two, at most half full.
    std::vector<uint32_t> items_;
  };

  DrawChecker(const CheckCatalogue& catalogue, int64_t window_micros);

  // Judges a row. `draws` is all that was drawn for it.
  void CheckRow(const CheckedLaw& law, const CheckedRow& row, std::span<const CheckedDraw> draws,
                Scratch* scratch, DrawCounts* counts) const;

 private:
  struct Item {
    int64_t from;
    int64_t until;
    int64_t gap_from;
    int64_t gap_until;
    int64_t first_event;
    int category;
  };
  struct Entry {
    uint32_t item;
    int64_t time;
  };
  // Entries by user or by item.
  struct Groups {
    std::vector<int64_t> offsets;
    std::vector<Entry> entries;

    std::span<const Entry> Of(int64_t key) const;
  };

  static Groups Group(int64_t count, std::span<const int64_t> keys, std::span<const int64_t> items,
                      std::span<const int64_t> times);
  void MakeItems(const CheckCatalogue& catalogue);
  void MakeCounters();
  void CountEvents(int64_t item, int64_t from, int64_t until);

  bool IsAlive(uint32_t item, int64_t time) const;
  bool HasEvent(const CheckedLaw& law, uint32_t item, int64_t time) const;
  bool WasHanded(const CheckedLaw& law, const CheckedRow& row, uint32_t item) const;
  std::span<const Entry> Handed(const CheckedLaw& law, const CheckedRow& row) const;
  // Whether the law gives the item a probability, but for exclusions.
  bool Admits(const CheckedLaw& law, const CheckedRow& row, uint32_t item) const;
  int64_t AdmittedCount(const CheckedLaw& law, int64_t time) const;
  int64_t EligibleCount(const CheckedLaw& law, const CheckedRow& row, const Scratch& scratch) const;
  void CheckDraw(const CheckedLaw& law, const CheckedRow& row, const CheckedDraw& draw,
                 const Scratch& scratch, DrawCounts* counts) const;

  const int64_t window_;
  std::vector<Item> items_;
  Groups events_;     // By item, in order of time.
  Groups histories_;  // By user.
  Groups exposures_;  // By user.
  Groups mined_;      // By user.
  // By category + 1; the first is of all items.
  std::vector<IntervalCounter> alive_;
  std::vector<IntervalCounter> popular_;  // Alive with an event before.
  IntervalCounter recent_;                // Alive with an event in the window before.
};

}  // namespace negatron::bench

#endif  // NEGATRON_TESTS_BENCHMARKS_DRAW_CHECKER_H_
