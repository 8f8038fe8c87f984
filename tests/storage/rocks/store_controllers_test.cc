// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/rocks/store.h"
#include "tests/storage/rocks/record_samples.h"
#include "tests/storage/rocks/store_test_base.h"

namespace negatron {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StoreControllersTest : public StoreTestBase {
 protected:
  void SetUp() override { Open(); }

  std::vector<ControllerRecord> Controllers(int64_t incarnation) {
    std::vector<ControllerRecord> records;
    const absl::Status status =
        store_->ScanControllers(incarnation, [&](const ControllerRecord& record) {
          records.push_back(record);
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
    return records;
  }

  void Write(StoreBatch batch) {
    ASSERT_TRUE(store_->Write(batch, ++sequence_, Store::Sync::kYes).ok());
  }

  int64_t sequence_ = 0;
};

TEST_F(StoreControllersTest, TheLastStateSurvivesALossOfPower) {
  std::vector<ControllerRecord> samples = SampleControllers();
  StoreBatch batch;
  batch.PutController(1, samples[1]);
  batch.PutController(1, samples[0]);
  batch.PutController(2, samples[0]);
  Write(std::move(batch));
  samples[0].state.output = 0.5;
  StoreBatch report;
  report.PutController(1, samples[0]);
  Write(std::move(report));
  LosePower();
  Open();
  EXPECT_THAT(Controllers(1), ElementsAre(samples[0], samples[1]));
  EXPECT_THAT(Controllers(2), ElementsAre(SampleControllers()[0]));
}

TEST_F(StoreControllersTest, ControllersGoAloneAndWithTheirCollection) {
  const std::vector<ControllerRecord> samples = SampleControllers();
  StoreBatch batch;
  for (const int64_t incarnation : {1, 2}) {
    for (const ControllerRecord& sample : samples) batch.PutController(incarnation, sample);
  }
  Write(std::move(batch));
  StoreBatch deletion;
  deletion.DeleteController(1, samples[0].controller_id);
  deletion.DeleteCollection(2);
  Write(std::move(deletion));
  Open();
  EXPECT_THAT(Controllers(1), ElementsAre(samples[1]));
  EXPECT_THAT(Controllers(2), IsEmpty());
}

}  // namespace
}  // namespace negatron
