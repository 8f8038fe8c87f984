// SPDX-License-Identifier: Apache-2.0
#include "storage/rocks/backup_manifest.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

#include "storage/base/crc32c.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

constexpr absl::string_view kTitle = "negatron-backup ";
constexpr int kVersion = 1;
constexpr absl::string_view kIdPattern = "dddddddd-dddddd-dddddd";  // d: a digit.
constexpr size_t kCrcDigits = 8;
constexpr size_t kEndBytes = 4 + kCrcDigits + 1;  // "end " and the line's end.

absl::Status Damaged(absl::string_view what) {
  return WithReason(absl::DataLossError(absl::StrCat("the manifest of the backup ", what)),
                    "BACKUP_DAMAGED");
}

std::string Hex(uint32_t crc) { return absl::StrFormat("%08x", crc); }

bool ReadHex(absl::string_view text, uint32_t* crc) {
  return text.size() == kCrcDigits && absl::SimpleHexAtoi(text, crc) && Hex(*crc) == text;
}

// Below db/ or index/, or the receipt: nothing else is written by a restore.
bool IsPath(absl::string_view path) {
  if (path == kReceiptName) return true;
  if (!absl::ConsumePrefix(&path, "db/") && !absl::ConsumePrefix(&path, "index/")) return false;
  return !path.empty() && path[0] != '.' && std::all_of(path.begin(), path.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
  });
}

// Takes the lines of a manifest in their order.
class Lines {
 public:
  explicit Lines(std::vector<absl::string_view> lines) : lines_(std::move(lines)) {}

  // The rest of the next line, if that begins with `key` and a blank; else it is not taken.
  bool Take(absl::string_view key, absl::string_view* value) {
    if (next_ >= lines_.size()) return false;
    absl::string_view line = lines_[next_];
    if (!absl::ConsumePrefix(&line, key) || !absl::ConsumePrefix(&line, " ")) return false;
    *value = line;
    ++next_;
    return true;
  }
  template <typename Number>
  bool TakeNumber(absl::string_view key, Number* number) {
    absl::string_view value;
    return Take(key, &value) && absl::SimpleAtoi(value, number);
  }
  bool at_end() const { return next_ + 1 == lines_.size() && lines_[next_].empty(); }

 private:
  const std::vector<absl::string_view> lines_;
  size_t next_ = 0;
};

bool ReadIdentity(Lines* lines, Identity* identity) {
  absl::string_view hex;
  if (!lines->Take("identity", &hex) || hex.size() != 2 * identity->size()) return false;
  for (uint8_t& byte : *identity) {
    uint32_t value = 0;
    const absl::string_view digits = hex.substr(0, 2);
    if (!absl::SimpleHexAtoi(digits, &value) || absl::StrFormat("%02x", value) != digits) {
      return false;
    }
    byte = static_cast<uint8_t>(value);
    hex.remove_prefix(2);
  }
  return true;
}

bool ReadFiles(Lines* lines, std::vector<BackupFile>* files) {
  absl::string_view value;
  while (lines->Take("file", &value)) {
    const std::vector<absl::string_view> words = absl::StrSplit(value, ' ');
    BackupFile file;
    if (words.size() != 3 || !ReadHex(words[0], &file.sum.crc32c) ||
        !absl::SimpleAtoi(words[1], &file.sum.size_bytes) || !IsPath(words[2])) {
      return false;
    }
    file.path = std::string(words[2]);
    if (!files->empty() && files->back().path >= file.path) return false;
    files->push_back(file);
  }
  return true;
}

}  // namespace

int64_t BackupManifest::size_bytes() const {
  int64_t bytes = 0;
  for (const BackupFile& file : files) bytes += file.sum.size_bytes;
  return bytes;
}

std::string BackupIdOf(Micros time) {
  return absl::StrCat(
      absl::FormatTime("%Y%m%d-%H%M%S", absl::FromUnixMicros(time), absl::UTCTimeZone()), "-",
      absl::StrFormat("%06d", time % 1000000));
}

bool IsBackupId(absl::string_view id) {
  return id.size() == kIdPattern.size() &&
         std::equal(id.begin(), id.end(), kIdPattern.begin(), [](char c, char wanted) {
           return wanted == 'd' ? absl::ascii_isdigit(static_cast<unsigned char>(c)) : c == wanted;
         });
}

std::string EncodeManifest(const BackupManifest& manifest) {
  const std::string identity(manifest.identity.begin(), manifest.identity.end());
  std::string text =
      absl::StrCat(kTitle, kVersion, "\nid ", manifest.id, "\ncreate_time_micros ",
                   manifest.create_time, "\nformat_version ", manifest.format_version,
                   "\nidentity ", absl::BytesToHexString(identity), "\ncommit_sequence ",
                   manifest.commit_sequence, "\ncopied_bytes ", manifest.copied_bytes, "\n");
  for (const BackupFile& file : manifest.files) {
    absl::StrAppend(&text, "file ", Hex(file.sum.crc32c), " ", file.sum.size_bytes, " ", file.path,
                    "\n");
  }
  absl::StrAppend(&text, "end ", Hex(Crc32c(text.data(), text.size())), "\n");
  return text;
}

absl::StatusOr<BackupManifest> DecodeManifest(absl::string_view bytes) {
  if (bytes.size() < kEndBytes) return Damaged("is cut off");
  const absl::string_view text = bytes.substr(0, bytes.size() - kEndBytes);
  if (bytes.substr(text.size()) !=
      absl::StrCat("end ", Hex(Crc32c(text.data(), text.size())), "\n")) {
    return Damaged("has a wrong checksum");
  }
  std::vector<absl::string_view> split = absl::StrSplit(text, '\n');
  Lines lines(std::move(split));
  int version = 0;
  if (!lines.TakeNumber(absl::StripSuffix(kTitle, " "), &version)) return Damaged("is none");
  if (version != kVersion) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(
                          "the backup has manifest version ", version, "; this program knows ",
                          kVersion, ": use the version of Negatron that made the backup")),
                      "FORMAT_TOO_NEW");
  }
  BackupManifest manifest;
  absl::string_view id;
  if (!lines.Take("id", &id) || !IsBackupId(id) ||
      !lines.TakeNumber("create_time_micros", &manifest.create_time) ||
      !lines.TakeNumber("format_version", &manifest.format_version) ||
      !ReadIdentity(&lines, &manifest.identity) ||
      !lines.TakeNumber("commit_sequence", &manifest.commit_sequence) ||
      !lines.TakeNumber("copied_bytes", &manifest.copied_bytes) ||
      !ReadFiles(&lines, &manifest.files) || !lines.at_end()) {
    return Damaged("has a line that is not understood");
  }
  manifest.id = std::string(id);
  return manifest;
}

}  // namespace negatron
