// SPDX-License-Identifier: Apache-2.0
// Admission, queue, cancellation and recovery, through a real server.
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <gmock/gmock.h>

#include "storage/base/mutex.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

// Holds the executor's thread at the end of the first call, until it is told to go on, and keeps
// what became of the calls.
class Gate {
 public:
  DispatcherOptions Options(int queue_limit) {
    DispatcherOptions options;
    options.thread_count = 1;
    options.queue_limit = queue_limit;
    options.observer = [this](const CallOutcome& outcome) { Pass(outcome.status); };
    return options;
  }

  void WaitUntilHeld() {
    MutexLock lock(mutex_);
    while (codes_.empty()) changed_.Wait(mutex_);
  }
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    changed_.NotifyAll();
  }
  // Codes of calls in the order in which they ended; waits for `count`.
  std::vector<absl::StatusCode> Codes(size_t count) {
    MutexLock lock(mutex_);
    while (codes_.size() < count) changed_.Wait(mutex_);
    return codes_;
  }

 private:
  void Pass(const absl::Status& status) {
    MutexLock lock(mutex_);
    codes_.push_back(status.code());
    changed_.NotifyAll();
    if (codes_.size() > 1) return;
    while (!open_) changed_.Wait(mutex_);
  }

  Mutex mutex_;
  CondVar changed_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<absl::StatusCode> codes_ ABSL_GUARDED_BY(mutex_);
};

absl::Status GetInfo(RpcServer& server, grpc::ClientContext* context) {
  v1::ServerInfo info;
  return FromGrpcStatus(
      server.inspection().GetServerInfo(context, v1::GetServerInfoRequest(), &info));
}

std::future<absl::Status> GetInfoAsync(RpcServer& server, grpc::ClientContext* context) {
  return std::async(std::launch::async, [&server, context] { return GetInfo(server, context); });
}

TEST(DispatcherTest, FullQueueRefusesWithADelay) {
  Gate gate;
  RpcServer server(gate.Options(1));
  grpc::ClientContext contexts[3];
  std::future<absl::Status> held = GetInfoAsync(server, &contexts[0]);
  gate.WaitUntilHeld();
  // One of the two finds the only place in the queue, the other is refused.
  std::future<absl::Status> second = GetInfoAsync(server, &contexts[1]);
  std::future<absl::Status> third = GetInfoAsync(server, &contexts[2]);
  EXPECT_EQ(gate.Codes(2)[1], absl::StatusCode::kResourceExhausted);
  gate.Open();
  EXPECT_TRUE(held.get().ok());
  absl::Status refused = second.get();
  absl::Status served = third.get();
  if (refused.ok()) std::swap(refused, served);
  EXPECT_TRUE(served.ok()) << served;
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Reason(refused), "QUEUE_FULL");
  EXPECT_GT(GetRetryDelay(refused).value_or(absl::ZeroDuration()), absl::ZeroDuration());
}

using InfoCall = Call<v1::GetServerInfoRequest, v1::ServerInfo>;

// Serves `GetServerInfo` on one thread, so that the second call waits for the first. The first ends
// when nobody waits for the second any more.
class PatientService final : public v1::InspectionService::WithRawCallbackMethod_GetServerInfo<
                                 v1::InspectionService::Service> {
 public:
  PatientService() : dispatcher_(Options(), &handle_) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    stub_ = v1::InspectionService::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
  }
  ~PatientService() override {
    server_->Shutdown();
    dispatcher_.Stop();
  }

  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override {
    auto* const reactor = dispatcher_.Serve<v1::GetServerInfoRequest, v1::ServerInfo>(
        "GetServerInfo", context, request, response, [this](InfoCall* call) { Handle(call); },
        Dispatcher::WhileRecovering::kServe);
    MutexLock lock(mutex_);
    arrived_.push_back(static_cast<InfoCall*>(reactor));
    changed_.NotifyAll();
    return reactor;
  }

  std::future<absl::Status> Invoke(grpc::ClientContext* context) {
    return std::async(std::launch::async, [this, context] {
      v1::ServerInfo info;
      return FromGrpcStatus(stub_->GetServerInfo(context, v1::GetServerInfoRequest(), &info));
    });
  }

  void WaitForArrivals(size_t count) {
    MutexLock lock(mutex_);
    while (arrived_.size() < count) changed_.Wait(mutex_);
  }
  // Codes of calls in the order in which they ended; waits for `count`.
  std::vector<absl::StatusCode> Codes(size_t count) {
    MutexLock lock(mutex_);
    while (codes_.size() < count) changed_.Wait(mutex_);
    return codes_;
  }
  int handled_count() const { return handled_count_; }

 private:
  DispatcherOptions Options() {
    DispatcherOptions options;
    options.observer = [this](const CallOutcome& outcome) {
      MutexLock lock(mutex_);
      codes_.push_back(outcome.status.code());
      changed_.NotifyAll();
    };
    return options;
  }

  void Handle(InfoCall* call) {
    ++handled_count_;
    WaitForArrivals(2);
    const InfoCall* other = nullptr;
    {
      MutexLock lock(mutex_);
      other = arrived_[0] == call ? arrived_[1] : arrived_[0];
    }
    while (other->cancellation().Check().ok()) std::this_thread::yield();
    call->End(absl::OkStatus());
  }

  Mutex mutex_;
  CondVar changed_;
  std::vector<const InfoCall*> arrived_ ABSL_GUARDED_BY(mutex_);
  std::vector<absl::StatusCode> codes_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int> handled_count_ = 0;
  EngineHandle handle_;
  Dispatcher dispatcher_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::InspectionService::Stub> stub_;
};

TEST(DispatcherTest, CancelledCallIsDroppedBeforeItStarts) {
  PatientService service;
  grpc::ClientContext contexts[2];
  std::future<absl::Status> first = service.Invoke(&contexts[0]);
  service.WaitForArrivals(1);
  std::future<absl::Status> second = service.Invoke(&contexts[1]);
  service.WaitForArrivals(2);
  contexts[1].TryCancel();
  EXPECT_EQ(second.get().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(first.get().ok());
  EXPECT_THAT(service.Codes(2),
              testing::ElementsAre(absl::StatusCode::kOk, absl::StatusCode::kCancelled));
  EXPECT_EQ(service.handled_count(), 1);
}

TEST(DispatcherTest, ExpiredCallIsDroppedBeforeItStarts) {
  PatientService service;
  grpc::ClientContext contexts[2];
  std::future<absl::Status> first = service.Invoke(&contexts[0]);
  service.WaitForArrivals(1);
  // Long enough to arrive.
  contexts[1].set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(2)));
  std::future<absl::Status> second = service.Invoke(&contexts[1]);
  EXPECT_EQ(second.get().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(first.get().ok());
  // gRPC cancels an expired call, so either may be seen first.
  EXPECT_THAT(service.Codes(2)[1],
              testing::AnyOf(absl::StatusCode::kDeadlineExceeded, absl::StatusCode::kCancelled));
  EXPECT_EQ(service.handled_count(), 1);
}

TEST(DispatcherTest, MethodsButServerInfoWaitForRecovery) {
  RpcServer server(RpcServer::DefaultOptions(), /*recovered=*/false);
  v1::ListCollectionsRequest list;
  v1::ListCollectionsResponse response;
  const auto call = [&] {
    return Invoke(server.collections(), &v1::CollectionService::Stub::ListCollections, list,
                  &response);
  };
  const absl::Status refused = call();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Reason(refused), "RECOVERING");
  v1::ServerInfo info;
  const auto get_info = [&] {
    return Invoke(server.inspection(), &v1::InspectionService::Stub::GetServerInfo,
                  v1::GetServerInfoRequest(), &info);
  };
  ASSERT_TRUE(get_info().ok());
  EXPECT_FALSE(info.serving());
  server.Recover();
  EXPECT_TRUE(call().ok());
  ASSERT_TRUE(get_info().ok());
  EXPECT_TRUE(info.serving());
}

TEST(DispatcherTest, ClosedServerRefusesNewCalls) {
  RpcServer server;
  Admission& admission = server.services().dispatcher().admission();
  admission.Close();
  grpc::ClientContext context;
  const absl::Status status = GetInfo(server, &context);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Reason(status), "SHUTTING_DOWN");
  EXPECT_TRUE(admission.WaitUntilEmpty(absl::ZeroDuration()));
}

TEST(AdmissionTest, BoundsBytesButAlwaysLetsOneIn) {
  Admission admission(100);
  EXPECT_TRUE(admission.Enter(500).ok());
  const absl::Status refused = admission.Enter(1);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused), "TOO_MANY_BYTES_IN_FLIGHT");
  EXPECT_TRUE(RetryDelayOf(refused).has_value());
  EXPECT_FALSE(admission.WaitUntilEmpty(absl::Milliseconds(1)));
  admission.Leave(500);
  EXPECT_TRUE(admission.WaitUntilEmpty(absl::ZeroDuration()));
  EXPECT_TRUE(admission.Enter(60).ok());
  EXPECT_TRUE(admission.Enter(40).ok());
  EXPECT_FALSE(admission.Enter(1).ok());
  admission.Leave(40);
  admission.Grow(50);  // A response.
  EXPECT_FALSE(admission.Enter(1).ok());
  admission.Leave(110);
  EXPECT_TRUE(admission.Enter(100).ok());
}

}  // namespace
}  // namespace negatron
