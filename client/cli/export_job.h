// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_CLIENT_CLI_EXPORT_JOB_H_
#define NEGATRON_CLIENT_CLI_EXPORT_JOB_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

#include "client/cli/export_run.h"
#include "client/cli/filled_column.h"
#include "client/cli/progress.h"
#include "client/cli/session.h"

namespace negatron::client {

// An export under way: the connection, what it is about, and how far it has come.
//
// Thread-safety: thread-compatible. Ownership: borrows what it is given.
class ExportJob {
 public:
  // `unit` is what is counted, such as "events".
  ExportJob(Session* session, const ExportRun* run, std::string unit)
      : session_(*session), run_(*run), unit_(std::move(unit)) {}

  // Before all that follows: connects and looks the collection up.
  absl::Status Connect();

  // `total`: of `done` in Report; 0: not known.
  void ExpectTotal(int64_t total);
  void Report(int64_t done) { progress_->Update(done, written_); }
  void Count(int64_t rows) { written_ += rows; }  // Written.

  // At the end: says how much was written.
  absl::Status PrintOutcome();

  Session& session() { return session_; }
  const ExportRun& run() const { return run_; }
  Client& client() { return *client_; }
  const v1::Collection& collection() const { return collection_; }
  const v1::CollectionStatistics& statistics() const { return statistics_; }

 private:
  Session& session_;
  const ExportRun& run_;
  const std::string unit_;
  const absl::Time start_ = absl::Now();
  Client* client_ = nullptr;
  v1::Collection collection_;
  v1::CollectionStatistics statistics_;
  std::unique_ptr<Progress> progress_;
  int64_t written_ = 0;
};

}  // namespace negatron::client

#endif  // NEGATRON_CLIENT_CLI_EXPORT_JOB_H_
