// SPDX-License-Identifier: Apache-2.0
//
// Matrix factorisation by sampled softmax, on generated data, with negatives from a server:
//
//     negatron_sampled_softmax [TARGET [EPOCHS]]
//
// Each batch gets its negatives as of the times of its events, and with the log of the probability
// that each was drawn with, which corrects the softmax. While the model learns from a batch, the
// calls for the next ones are under way.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <future>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "client/cpp/client.h"
#include "client/cpp/examples/factor_model.h"
#include "client/cpp/examples/generated_events.h"

namespace negatron::examples {
namespace {

constexpr int kNegatives = 16;
constexpr size_t kBatch = 256, kCallsInFlight = 4;
constexpr const char* kId = "example-softmax";
constexpr const char* kCollection = "collections/example-softmax";

// The result of a call that must not fail.
template <typename T>
T Need(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
  std::_Exit(1);  // Also in the thread of a call.
}

void Write(client::Client& server, const Events& events) {
  v1::DeleteCollectionRequest remove;  // Of an earlier run.
  remove.set_name(kCollection);
  remove.set_allow_missing(true);
  server.DeleteCollection(remove).IgnoreError();
  v1::CreateCollectionRequest create;
  create.set_collection_id(kId);
  Need(server.CreateCollection(create));
  std::vector<int64_t> ids(kItems);
  std::iota(ids.begin(), ids.end(), 0);
  client::ItemBatch items;
  items.collection = kCollection;
  items.ids = std::span<const int64_t>(ids);
  Need(server.WriteItems(items, {}));
  client::EventBatch training;
  training.collection = kCollection;
  training.user_ids = std::span(events.users).first(kTraining);
  training.item_ids = std::span(events.items).first(kTraining);
  training.time_micros = std::span(events.times).first(kTraining);
  Need(server.WriteEvents(training, {}));
}

client::SampleResult Sample(client::Client& server, const Events& batch) {
  client::SampleRequest request;
  request.collection = kCollection;
  request.negative_count = kNegatives;
  request.user_ids = std::span<const int64_t>(batch.users);
  request.positive_ids = std::span<const int64_t>(batch.items);
  request.as_of_micros = batch.times;
  request.outputs = {v1::SAMPLE_OUTPUT_LOG_Q, v1::SAMPLE_OUTPUT_POSITIVE_LOG_Q};
  for (int i = 0; i < 2; ++i) request.policy.add_components()->set_share(1);
  request.policy.mutable_components(0)->mutable_uniform();
  request.policy.mutable_components(1)->mutable_popularity();
  return Need(server.Sample(request));
}

struct Pending {
  std::unique_ptr<Events> batch;  // Borrowed by the call.
  std::future<client::SampleResult> sample;
};

// Starts the call for a batch: events by their numbers.
Pending Start(client::Client& server, const Events& events, std::span<const int64_t> numbers) {
  auto batch = std::make_unique<Events>();
  for (const int64_t n : numbers) batch->Add(events.users[n], events.items[n], events.times[n]);
  const auto call = [&server, rows = batch.get()] { return Sample(server, *rows); };
  return {std::move(batch), std::async(std::launch::async, call)};
}

// Returns the sum of the losses.
double Learn(const Events& batch, const client::SampleResult& sample, FactorModel* model) {
  double loss = 0;
  for (size_t row = 0; row < batch.users.size(); ++row) {
    std::vector<int64_t> items = {batch.items[row]};
    std::vector<float> log_q = {sample.positive_log_q[row]};
    for (size_t k = row * kNegatives; k < (row + 1) * kNegatives; ++k) {
      if (sample.item_ids[k] < 0) break;  // Padding of a short row.
      items.push_back(sample.item_ids[k]);
      log_q.push_back(sample.log_q[k]);
    }
    loss += model->Step(batch.users[row], items, log_q);
  }
  return loss;
}

// Learns from each event once; returns the mean loss.
double TrainEpoch(client::Client& server, const Events& events, std::span<const int64_t> order,
                  FactorModel* model) {
  std::deque<Pending> pending;
  double loss = 0;
  for (size_t first = 0; first < order.size() || !pending.empty();) {
    for (; first < order.size() && pending.size() < kCallsInFlight; first += kBatch) {
      const size_t count = std::min(kBatch, order.size() - first);
      pending.push_back(Start(server, events, order.subspan(first, count)));
    }
    loss += Learn(*pending.front().batch, pending.front().sample.get(), model);
    pending.pop_front();
  }
  return loss / static_cast<double>(order.size());
}

void Train(client::Client& server, int epochs) {
  std::mt19937 random(1);
  const Events events = MakeEvents(random);
  Write(server, events);
  FactorModel model(kUsers, kItems, random);
  std::vector<int64_t> order(kTraining), counts(kItems);
  std::iota(order.begin(), order.end(), 0);
  for (const int64_t n : order) ++counts[events.items[n]];
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    std::shuffle(order.begin(), order.end(), random);
    std::printf("epoch %d: loss %.4f\n", epoch, TrainEpoch(server, events, order, &model));
  }
  std::printf("recall@%d %.4f, by popularity %.4f\n", kTop,
              Recall(events, [&](int64_t user, int64_t item) { return model.Score(user, item); }),
              Recall(events, [&](int64_t, int64_t item) { return counts[item]; }));
}

}  // namespace
}  // namespace negatron::examples

int main(int argc, char** argv) {
  negatron::client::ClientOptions options;
  if (argc > 1) options.target = argv[1];
  const auto server = negatron::examples::Need(negatron::client::Client::Create(options));
  negatron::examples::Train(*server, argc > 2 ? std::atoi(argv[2]) : 10);
  return 0;
}
