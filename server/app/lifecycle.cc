// SPDX-License-Identifier: Apache-2.0
#include "server/app/lifecycle.h"

#include <memory>
#include <random>
#include <signal.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"

#include "server/app/call_log.h"
#include "server/app/grpc_server.h"
#include "server/app/http_server.h"
#include "server/app/monitoring.h"
#include "server/app/port_file.h"
#include "server/app/security.h"
#include "server/app/signals.h"
#include "server/engine/engine.h"
#include "server/rpc/engine_handle.h"
#include "server/rpc/service_set.h"
#include "storage/base/cancellation.h"
#include "storage/base/mutex.h"
#include "storage/base/status.h"

namespace negatron {
namespace {

// Between the end of the last call and the end of the server: calls that are on their way are still
// told UNAVAILABLE, which clients retry. gRPC cuts those that arrive while it closes with
// CANCELLED.
constexpr absl::Duration kRefusalGrace = absl::Milliseconds(200);

// For what is not a call of ours, such as a health check that watches: it would never end by
// itself.
constexpr absl::Duration kStreamGrace = absl::Seconds(1);

constexpr absl::Duration kProgressInterval = absl::Seconds(1);

// How long recovery may take to notice that it is no longer wanted. The store's own recovery cannot
// be interrupted; a process that ends in the middle of it loses nothing.
constexpr absl::Duration kAbandonRecovery = absl::Seconds(2);

// The wish to stop, and the end of recovery, which it cancels.
//
// Thread-safety: thread-safe.
class StopRequest {
 public:
  void Tell() {
    recovery_.Cancel();
    MutexLock lock(mutex_);
    told_ = true;
    changed_.NotifyAll();
  }

  void Wait() {
    MutexLock lock(mutex_);
    while (!told_) changed_.Wait(mutex_);
  }

  void TellRecoveryEnded() {
    MutexLock lock(mutex_);
    recovery_ended_ = true;
    changed_.NotifyAll();
  }

  // Waits for the end of recovery or, from the wish to stop on, for at most `patience`. Whether
  // recovery has ended.
  bool WaitForRecovery(absl::Duration patience) {
    MutexLock lock(mutex_);
    while (!recovery_ended_ && !told_) changed_.Wait(mutex_);
    const absl::Time limit = absl::Now() + patience;
    while (!recovery_ended_ && absl::Now() < limit) changed_.WaitFor(mutex_, limit - absl::Now());
    return recovery_ended_;
  }

  bool told() const {
    MutexLock lock(mutex_);
    return told_;
  }

  const Cancellation& recovery() const { return recovery_; }

 private:
  Cancellation recovery_;
  mutable Mutex mutex_;
  CondVar changed_;
  bool told_ ABSL_GUARDED_BY(mutex_) = false;
  bool recovery_ended_ ABSL_GUARDED_BY(mutex_) = false;
};

uint64_t RandomSeed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

DispatcherOptions MakeDispatcherOptions(const Config& config, const Security& security,
                                        CallLog* call_log) {
  DispatcherOptions options;
  options.thread_count = config.executor_threads;
  options.queue_limit = config.queue_limit;
  options.max_queue_wait = config.max_queue_wait;
  options.max_in_flight_bytes = config.max_in_flight_bytes;
  options.memory_limit_bytes = config.memory_limit_bytes;
  options.streams.max_count = config.max_import_streams;
  options.access = security.access();
  options.slow_call = config.slow_request_threshold;
  options.observer = [call_log](const CallOutcome& outcome) {
    call_log->Write(outcome, absl::Now());
  };
  return options;
}

EngineOptions MakeEngineOptions(const Config& config, GrpcServer* server, Executor* executor,
                                Log& log) {
  EngineOptions options;
  options.data_dir = config.data_dir;
  options.backup_dir = config.backup_dir;
  options.accept_data_loss = config.accept_data_loss;
  options.sync_interval = config.sync_interval;
  options.write_queue_bytes = config.write_queue_bytes;
  options.excluded_mass_cache_bytes = config.excluded_mass_cache_bytes;
  options.executor = executor;
  options.index_threads = config.index_threads;
  options.index_min_items = config.index_min_items;
  options.on_warning = [&log](const std::string& collection, const std::string& what) {
    log.Warning("index", {{"collection", collection}, {"message", what}});
  };
  options.on_index_health = [server](bool healthy) { server->SetIndexHealthy(healthy); };
  return options;
}

absl::StatusOr<std::unique_ptr<Engine>> Recover(const EngineOptions& options, EngineHandle* handle,
                                                const Cancellation& cancellation, Log& log) {
  const absl::Time start = absl::Now();
  log.Info("recovery_started", {{"data_dir", options.data_dir}});
  std::string stage;
  absl::Time logged = absl::InfinitePast();
  const auto report = [&](const RecoveryProgress& progress) {
    handle->SetProgress(progress);
    if (progress.stage == stage && absl::Now() - logged < kProgressInterval) return;
    stage = progress.stage;
    logged = absl::Now();
    log.Info("recovery", {{"stage", progress.stage}, {"fraction", progress.fraction}});
  };
  absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open(options, report, cancellation);
  if (engine.ok()) {
    log.Info("recovery_done", {{"seconds", absl::ToDoubleSeconds(absl::Now() - start)},
                               {"durable_sequence", (*engine)->durable_sequence()}});
  }
  return engine;
}

// Recovers on a thread of its own; ends the process if it is told to stop and recovery does not
// notice in time.
absl::StatusOr<std::unique_ptr<Engine>> RecoverUnlessStopped(const EngineOptions& options,
                                                             EngineHandle* handle,
                                                             StopRequest* stop, Log& log) {
  absl::StatusOr<std::unique_ptr<Engine>> engine = absl::UnknownError("not opened yet");
  std::thread recovery([&] {
    engine = Recover(options, handle, stop->recovery(), log);
    stop->TellRecoveryEnded();
  });
  if (!stop->WaitForRecovery(kAbandonRecovery)) {
    log.Info("stopped", {{"recovery", "abandoned"}});
    _exit(kExitClean);
  }
  recovery.join();
  return engine;
}

// Ends calls in flight, then the server.
void Drain(const Config& config, GrpcServer* server, ServiceSet* services, Log& log) {
  server->SetServing(false);
  Admission& admission = services->dispatcher().admission();
  services->Close();
  log.Info("draining", {{"calls", admission.call_count()},
                        {"deadline_seconds", absl::ToDoubleSeconds(config.drain_deadline)}});
  if (!admission.WaitUntilEmpty(config.drain_deadline)) {
    log.Warning("drain_deadline_passed", {{"cancelled_calls", admission.call_count()}});
  }
  absl::SleepFor(kRefusalGrace);
  server->Shutdown(kStreamGrace);
  services->dispatcher().Stop();
}

// Serves metrics and probes, and logs where, or why not.
absl::StatusOr<std::unique_ptr<HttpServer>> Monitor(const Config& config, GrpcServer* server,
                                                    const ServiceSet& services,
                                                    const EngineHandle* handle, Log& log) {
  NEGATRON_ASSIGN_OR_RETURN(std::unique_ptr<HttpServer> monitoring,
                            StartMonitoring(config, {&services.dispatcher(), handle,
                                                     [server] { return server->serving(); }}));
  if (monitoring != nullptr) {
    Address address = *config.metrics_listen;
    address.port = monitoring->port();
    log.Info("metrics", {{"address", address.ToString()}});
    if (!address.IsLoopback()) {
      log.Warning("metrics_open", {{"address", address.ToString()},
                                   {"message",
                                    "other machines can read metrics at this address, which tell "
                                    "the names of collections: limit who reaches it"}});
    }
    NEGATRON_RETURN_IF_ERROR(WritePortFile(config.metrics_port_file, address.port));
  }
  return monitoring;
}

void LogStart(const Config& config, int port, Log& log) {
  Address address = config.listen;
  address.port = port;
  log.Info("listening", {{"address", address.ToString()}, {"serving", false}});
  log.Info("security", {{"tls", !config.tls_cert.empty()},
                        {"client_certificates", !config.tls_client_ca.empty()},
                        {"tokens", !config.token_file.empty()}});
  if (!address.IsLoopback() && config.tls_cert.empty()) {
    log.Warning("insecure", {{"address", address.ToString()},
                             {"message", "other machines can reach this address, in plain text"}});
  }
}

}  // namespace

int RunServer(const Config& config, Log& log) {
  StopRequest stop;
  SignalWatcher watcher([&](int signal) {
    log.Info("stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
    stop.Tell();
  });
  const absl::StatusOr<std::unique_ptr<Security>> security = Security::Load(config, &log);
  if (!security.ok()) {
    log.Error("security_failed", {{"message", security.status().message()}});
    return kExitBadConfig;
  }
  EngineHandle handle;
  CallLog call_log(config.slow_request_threshold, &log);
  ServiceSet services(MakeDispatcherOptions(config, **security, &call_log), &handle, RandomSeed());
  RemovePortFile(config.port_file);
  RemovePortFile(config.metrics_port_file);
  absl::StatusOr<std::unique_ptr<GrpcServer>> server =
      GrpcServer::Start(config, (*security)->credentials(), &services);
  if (!server.ok()) {
    log.Error("bind_failed", {{"message", server.status().message()}});
    return kExitBadConfig;
  }
  LogStart(config, (*server)->port(), log);
  absl::StatusOr<std::unique_ptr<HttpServer>> monitoring =
      Monitor(config, server->get(), services, &handle, log);
  if (!monitoring.ok()) {
    log.Error("metrics_failed",
              {{"setting", "metrics-listen"}, {"message", monitoring.status().message()}});
    Drain(config, server->get(), &services, log);
    return kExitBadConfig;
  }
  if (const absl::Status status = WritePortFile(config.port_file, (*server)->port());
      !status.ok()) {
    log.Error("port_file_failed", {{"message", status.message()}});
    Drain(config, server->get(), &services, log);
    return kExitBadConfig;
  }

  const absl::StatusOr<std::unique_ptr<Engine>> engine = RecoverUnlessStopped(
      MakeEngineOptions(config, server->get(), &services.dispatcher().executor(), log), &handle,
      &stop, log);
  if (engine.ok()) {
    handle.Set(engine->get());
    (*server)->SetServing(true);
    log.Info("serving", {{"port", (*server)->port()}});
    stop.Wait();
  }
  Drain(config, server->get(), &services, log);
  if (!engine.ok() && !stop.told()) {
    log.Error("start_refused", {{"code", absl::StatusCodeToString(engine.status().code())},
                                {"message", engine.status().message()}});
    return kExitStartRefused;
  }
  if (engine.ok()) (*engine)->Shutdown();
  monitoring->reset();  // Reads the engine, which goes first.
  log.Info("stopped");
  return kExitClean;
}

}  // namespace negatron
