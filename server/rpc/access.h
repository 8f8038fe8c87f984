// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_RPC_ACCESS_H_
#define NEGATRON_SERVER_RPC_ACCESS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include <google/protobuf/message.h>
#include <grpcpp/support/server_callback.h>

#include "server/rpc/tokens.h"
#include "storage/base/mutex.h"

namespace negatron {

// What a method asks of a token.
struct MethodAccess {
  absl::string_view method;  // "PoolService/ListItems" say.
  Scope scope;
  // Path of the field that names the collection, or something in it; empty: the method is of none
  // (and shows no more than the caller may see). `collection_id` holds an id instead of a name;
  // `*`: the method is of all of them, and not for tokens that are bound to some.
  absl::string_view collection_field;
  bool adds = false;  // Whether collections hold more when it is done, and so more memory.

  // Whether a request is of the one collection that its `collection_field` names.
  bool IsOfOneCollection() const;
  // The collection's id in the text of that field; empty if the text is no name of one.
  absl::string_view CollectionId(absl::string_view text) const;
};

// All methods of all services; a test compares it with the descriptors.
const std::vector<MethodAccess>& MethodAccesses();
// Null if there is no such method.
const MethodAccess* FindMethodAccess(absl::string_view method);

// Who calls: the holder of a token, or anybody where access control is off.
//
// Thread-safety: immutable.
class Caller {
 public:
  Caller() = default;
  Caller(std::shared_ptr<const TokenList> list, const TokenEntry* entry)
      : list_(std::move(list)), entry_(entry) {}

  // Whether the caller may use a collection, and see that it exists.
  bool MayUse(absl::string_view collection_id) const {
    return entry_ == nullptr || entry_->MayUse(collection_id);
  }

  // Whether there are collections that it may not use.
  bool bound() const { return entry_ != nullptr && !entry_->collections.empty(); }

  // Null: anybody.
  const TokenEntry* entry() const { return entry_; }

 private:
  std::shared_ptr<const TokenList> list_;  // Holds the entry.
  const TokenEntry* entry_ = nullptr;
};

// PERMISSION_DENIED unless the caller may use the collection.
absl::Status CheckCollection(const Caller& caller, absl::string_view collection_id);

// Who may call what, by the tokens of the newest list.
//
// Refusals: UNAUTHENTICATED with TOKEN_MISSING, TOKEN_INVALID or TOKEN_EXPIRED; PERMISSION_DENIED
// with SCOPE_MISSING or COLLECTION_NOT_ALLOWED. They hold nothing of the token's secret, and the
// last one does not tell whether the collection exists.
//
// Thread-safety: thread-safe.
class AccessControl {
 public:
  explicit AccessControl(std::shared_ptr<const TokenList> tokens);

  // From the next check on.
  void Set(std::shared_ptr<const TokenList> tokens);

  // Checks the `authorization` of a call, and the scope that the method needs.
  absl::StatusOr<Caller> Admit(absl::string_view method,
                               const grpc::CallbackServerContext& context) const;

  // For a call that goes on: whether its token is still in the list, with that scope, and not over.
  absl::Status CheckStill(absl::string_view method, const Caller& caller) const;

  // Whether the caller may use the collection that `request` names. A bound token may only give
  // names that begin with a collection of its own.
  static absl::Status CheckRequest(absl::string_view method, const Caller& caller,
                                   const google::protobuf::Message& request);

 private:
  std::shared_ptr<const TokenList> tokens() const;

  mutable Mutex mutex_;
  std::shared_ptr<const TokenList> tokens_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_RPC_ACCESS_H_
