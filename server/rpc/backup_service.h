// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_BACKUP_SERVICE_H_
#define NEGATRON_SERVER_RPC_BACKUP_SERVICE_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "negatron/v1/backups.grpc.pb.h"
#include "server/rpc/dispatcher.h"

namespace negatron {

using BackupServiceBase = v1::BackupService::WithRawCallbackMethod_CreateBackup<
    v1::BackupService::WithRawCallbackMethod_ListBackups<
        v1::BackupService::WithRawCallbackMethod_VerifyBackup<
            v1::BackupService::WithRawCallbackMethod_DeleteBackup<v1::BackupService::Service>>>>;

// Serves `negatron.v1.BackupService`.
//
// Thread-safety: thread-safe.
// Ownership: borrows what it is given.
class BackupService final : public BackupServiceBase {
 public:
  explicit BackupService(Dispatcher* dispatcher) : dispatcher_(dispatcher) {}

  grpc::ServerUnaryReactor* CreateBackup(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListBackups(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* VerifyBackup(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeleteBackup(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;

 private:
  Dispatcher* const dispatcher_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_BACKUP_SERVICE_H_
