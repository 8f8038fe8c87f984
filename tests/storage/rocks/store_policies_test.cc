// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/rocks/store.h"
#include "tests/storage/rocks/store_test_base.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StorePoliciesTest : public StoreTestBase {
 protected:
  void SetUp() override { Open(); }

  static PolicyRecord RecordOf(const std::string& id, int64_t version) {
    return {id, version, 1, 2, false, id + " v" + std::to_string(version)};
  }

  // Recipes, in the order of the scan.
  std::vector<std::string> Recipes(int64_t incarnation) {
    std::vector<std::string> recipes;
    const absl::Status status = store_->ScanPolicies(incarnation, [&](const PolicyRecord& record) {
      recipes.push_back(record.deleted ? record.policy_id + " deleted" : record.recipe);
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return recipes;
  }

  void Write(StoreBatch batch) {
    ASSERT_TRUE(store_->Write(batch, ++sequence_, Store::Sync::kYes).ok());
  }

  int64_t sequence_ = 0;
};

TEST_F(StorePoliciesTest, ScansByIdAndVersion) {
  StoreBatch batch;
  for (const int64_t version : {256, 1, 255}) batch.PutPolicy(1, RecordOf("b", version));
  batch.PutPolicy(1, RecordOf("b-2", 1));
  batch.PutPolicy(1, RecordOf("a", 9));
  batch.PutPolicy(2, RecordOf("z", 1));
  Write(std::move(batch));
  LosePower();
  Open();
  EXPECT_THAT(Recipes(1), ElementsAre("a v9", "b v1", "b v255", "b v256", "b-2 v1"));
  EXPECT_THAT(Recipes(2), ElementsAre("z v1"));
}

TEST_F(StorePoliciesTest, ADeletionLeavesTheLastVersionAndOtherPolicies) {
  StoreBatch batch;
  for (const char* const id : {"a", "ab", "a-b"}) {
    for (const int64_t version : {1, 2, 3}) batch.PutPolicy(1, RecordOf(id, version));
  }
  Write(std::move(batch));
  StoreBatch deletion;
  deletion.DeletePolicies(1, "a", 3);
  PolicyRecord left = RecordOf("a", 3);
  left.deleted = true;
  left.recipe.clear();
  deletion.PutPolicy(1, left);
  Write(std::move(deletion));
  Open();
  EXPECT_THAT(Recipes(1),
              ElementsAre("a deleted", "a-b v1", "a-b v2", "a-b v3", "ab v1", "ab v2", "ab v3"));
}

TEST_F(StorePoliciesTest, ADeletedCollectionHasNone) {
  StoreBatch batch;
  batch.PutPolicy(1, RecordOf("a", 1));
  batch.PutPolicy(2, RecordOf("b", 1));
  Write(std::move(batch));
  StoreBatch deletion;
  deletion.DeleteCollection(1);
  Write(std::move(deletion));
  EXPECT_THAT(Recipes(1), IsEmpty());
  EXPECT_THAT(Recipes(2), ElementsAre("b v1"));
}

}  // namespace
}  // namespace negatron
