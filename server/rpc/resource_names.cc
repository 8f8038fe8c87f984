// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/resource_names.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "storage/model/validate.h"

namespace negatron {
namespace {

constexpr absl::string_view kPrefix = "collections/";
constexpr absl::string_view kVersions = "/embeddingVersions/";

}  // namespace

absl::string_view ReadCollectionName(absl::string_view name, absl::string_view field,
                                     Violations* violations) {
  if (name.empty()) {
    violations->Add(field, "is required: `collections/{id}`");
    return {};
  }
  absl::string_view id = name;
  if (!absl::ConsumePrefix(&id, kPrefix)) {
    violations->Add(field, "must have the form `collections/{id}`");
    return {};
  }
  if (const absl::string_view problem = CollectionIdProblem(id); !problem.empty()) {
    violations->Add(field, absl::StrCat("the id in `collections/{id}` ", problem));
    return {};
  }
  return id;
}

VersionName ReadVersionName(absl::string_view name, absl::string_view field,
                            Violations* violations) {
  VersionName version;
  const size_t at = name.find(kVersions);
  const absl::string_view number =
      at == absl::string_view::npos ? absl::string_view() : name.substr(at + kVersions.size());
  if (!absl::SimpleAtoi(number, &version.model_version) || version.model_version < 1 ||
      absl::StrCat(version.model_version) != number) {
    violations->Add(field,
                    "must have the form `collections/{id}/embeddingVersions/{model_version}`");
    return {};
  }
  version.collection = std::string(ReadCollectionName(name.substr(0, at), field, violations));
  return version;
}

std::string NameOfVersion(absl::string_view collection, int64_t model_version) {
  return absl::StrCat(kPrefix, collection, kVersions, model_version);
}

std::string CollectionName(absl::string_view id) { return absl::StrCat(kPrefix, id); }

}  // namespace negatron
