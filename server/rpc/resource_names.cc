// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/resource_names.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "storage/model/validate.h"

namespace negatron {
namespace {

constexpr absl::string_view kPrefix = "collections/";

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

std::string CollectionName(absl::string_view id) { return absl::StrCat(kPrefix, id); }

}  // namespace negatron
