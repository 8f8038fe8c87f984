// SPDX-License-Identifier: Apache-2.0
// Who may call what: the table of methods against the descriptors, and tokens against a real
// server.
#include "server/rpc/access.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>

#include "negatron/v1/accounts.grpc.pb.h"
#include "negatron/v1/backups.grpc.pb.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace negatron {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
using testing::ElementsAre;
using testing::UnorderedElementsAreArray;

std::vector<const MethodDescriptor*> AllMethods() {
  std::vector<const MethodDescriptor*> methods;
  for (const std::string& name : ServiceSet::Names()) {
    const ServiceDescriptor* service = DescriptorPool::generated_pool()->FindServiceByName(name);
    for (int i = 0; i < service->method_count(); ++i) methods.push_back(service->method(i));
  }
  return methods;
}

std::string ShortName(const MethodDescriptor& method) {
  return absl::StrCat(method.service()->name(), "/", method.name());
}

TEST(MethodAccessTest, HasEveryMethodOfEveryServiceOnce) {
  std::vector<std::string> methods;
  for (const MethodDescriptor* method : AllMethods()) methods.push_back(ShortName(*method));
  std::vector<std::string> table;
  for (const MethodAccess& access : MethodAccesses()) table.emplace_back(access.method);
  EXPECT_THAT(table, UnorderedElementsAreArray(methods));
}

TEST(MethodAccessTest, NamesTheCollectionFieldOfEveryRequestThatHasOne) {
  std::map<std::string, std::string> fields;
  for (const MethodAccess& access : MethodAccesses()) {
    fields[std::string(access.method)] = std::string(access.collection_field);
  }
  for (const MethodDescriptor* method : AllMethods()) {
    const Descriptor* request = method->input_type();
    std::string expected;
    for (const char* path : {"collection", "name", "collection_id"}) {
      const FieldDescriptor* field = request->FindFieldByName(path);
      if (field != nullptr && field->type() == FieldDescriptor::TYPE_STRING) expected = path;
    }
    if (request->FindFieldByName("sample") != nullptr) expected = "sample.collection";
    if (method->name() == "UpdateCollection") expected = "collection.name";
    if (method->service()->name() == "BackupService") expected = "*";
    EXPECT_EQ(fields[ShortName(*method)], expected) << ShortName(*method);
  }
}

// By the meaning of the names, not by the table: whoever reads only must not need more.
TEST(MethodAccessTest, ScopesFollowWhatMethodsDo) {
  const std::set<std::string> administration = {"CreateCollection", "UpdateCollection",
                                                "DeleteCollection"};
  for (const MethodAccess& access : MethodAccesses()) {
    const std::vector<std::string> parts = absl::StrSplit(access.method, '/');
    const std::string& name = parts[1];
    bool reads = false;
    for (const char* verb : {"Get", "List", "BatchGet", "Sample", "Explain", "Replay"}) {
      reads |= absl::StartsWith(name, verb);
    }
    const Scope expected = administration.count(name) > 0 || parts[0] == "BackupService"
                               ? Scope::kAdmin
                           : reads ? Scope::kRead
                                   : Scope::kWrite;
    EXPECT_EQ(access.scope, expected) << name;
  }
}

class AccessTest : public testing::Test {
 protected:
  AccessTest() : access_(Tokens()), server_(Options()) {
    for (const char* id : {"books", "films", "songs"}) {
      v1::CreateCollectionRequest request;
      request.set_collection_id(id);
      EXPECT_TRUE(Call("admin", server_.collections(),
                       &v1::CollectionService::Stub::CreateCollection, request, &collection_)
                      .ok());
    }
  }

  std::shared_ptr<const TokenList> Tokens(const std::string& without = "") {
    std::string text;
    const auto add = [&](const std::string& id, std::set<Scope> scopes,
                         std::set<std::string, std::less<>> collections, absl::Time expire_time) {
      if (id == without) return;
      TokenEntry& entry = entries_[id];
      if (entry.id.empty()) {
        entry.id = id;
        entry.scopes = std::move(scopes);
        entry.collections = std::move(collections);
        entry.expire_time = expire_time;
        tokens_[id] = DrawToken(&entry);
      }
      absl::StrAppend(&text, FormatTokenEntry(entry), "\n");
    };
    const absl::Time never = absl::InfiniteFuture();
    add("admin", {Scope::kRead, Scope::kWrite, Scope::kAdmin}, {}, never);
    add("reader", {Scope::kRead}, {}, never);
    add("writer", {Scope::kWrite}, {}, never);
    add("films", {Scope::kRead, Scope::kWrite, Scope::kAdmin}, {"films", "unknown"}, never);
    add("past", {Scope::kRead}, {}, absl::FromUnixSeconds(1));
    return std::make_shared<const TokenList>(*TokenList::Parse(text));
  }

  DispatcherOptions Options() {
    DispatcherOptions options = RpcServer::DefaultOptions();
    options.access = &access_;
    return options;
  }

  void Authorize(const std::string& who, grpc::ClientContext* context) {
    context->AddMetadata("authorization", absl::StrCat("Bearer ", tokens_.at(who)));
  }

  template <typename Stub, typename Method, typename Request, typename Response>
  absl::Status Call(const std::string& who, Stub& stub, Method method, const Request& request,
                    Response* response) {
    grpc::ClientContext context;
    Authorize(who, &context);
    return FromGrpcStatus((stub.*method)(&context, request, response));
  }

  absl::Status GetCollection(const std::string& who, const std::string& name) {
    v1::GetCollectionRequest request;
    request.set_name(name);
    return Call(who, server_.collections(), &v1::CollectionService::Stub::GetCollection, request,
                &collection_);
  }
  absl::Status WriteItems(const std::string& who, const std::string& name) {
    v1::BatchWriteItemsRequest request;
    request.set_collection(name);
    SetColumn(std::vector<int64_t>{1}, request.mutable_item_ids());
    v1::WriteReceipt receipt;
    return Call(who, server_.pool(), &v1::PoolService::Stub::BatchWriteItems, request, &receipt);
  }
  absl::Status GetInfo(const std::vector<std::string>& authorizations) {
    grpc::ClientContext context;
    for (const std::string& value : authorizations) context.AddMetadata("authorization", value);
    v1::ServerInfo info;
    return FromGrpcStatus(server_.inspection().GetServerInfo(&context, {}, &info));
  }
  static void ExpectRefused(const absl::Status& status, absl::StatusCode code,
                            const std::string& reason) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_EQ(Reason(status), reason) << status;
  }

  std::map<std::string, TokenEntry> entries_;
  std::map<std::string, std::string> tokens_;
  AccessControl access_;
  RpcServer server_;
  v1::Collection collection_;
};

TEST_F(AccessTest, NobodyCallsWithoutAGoodToken) {
  constexpr auto kCode = absl::StatusCode::kUnauthenticated;
  const std::string good = tokens_["reader"];
  EXPECT_TRUE(GetInfo({"Bearer " + good}).ok());
  EXPECT_TRUE(GetInfo({"bearer " + good}).ok());
  ExpectRefused(GetInfo({}), kCode, "TOKEN_MISSING");
  ExpectRefused(GetInfo({good}), kCode, "TOKEN_INVALID");
  ExpectRefused(GetInfo({"Basic " + good}), kCode, "TOKEN_INVALID");
  ExpectRefused(GetInfo({"Bearer "}), kCode, "TOKEN_INVALID");
  ExpectRefused(GetInfo({"Bearer " + good, "Bearer " + good}), kCode, "TOKEN_INVALID");
  ExpectRefused(GetInfo({"Bearer " + good + "x"}), kCode, "TOKEN_INVALID");
  ExpectRefused(GetInfo({"Bearer " + tokens_["past"]}), kCode, "TOKEN_EXPIRED");
  // Only who has the secret learns that it was good once.
  ExpectRefused(GetInfo({"Bearer " + tokens_["past"].substr(0, 20)}), kCode, "TOKEN_INVALID");
}

TEST_F(AccessTest, RefusalsHoldNothingOfTheToken) {
  const std::string wrong = tokens_["reader"] + "x";
  const absl::Status status = GetInfo({"Bearer " + wrong});
  EXPECT_FALSE(absl::StrContains(status.ToString(), wrong.substr(0, 20))) << status;
}

TEST_F(AccessTest, AScopeIncludesNoOther) {
  constexpr auto kCode = absl::StatusCode::kPermissionDenied;
  EXPECT_TRUE(GetCollection("reader", "collections/films").ok());
  ExpectRefused(WriteItems("reader", "collections/films"), kCode, "SCOPE_MISSING");
  EXPECT_TRUE(WriteItems("writer", "collections/films").ok());
  ExpectRefused(GetCollection("writer", "collections/films"), kCode, "SCOPE_MISSING");
  v1::DeleteCollectionRequest request;
  request.set_name("collections/films");
  google::protobuf::Empty nothing;
  const absl::Status status =
      Call("writer", server_.collections(), &v1::CollectionService::Stub::DeleteCollection, request,
           &nothing);
  ExpectRefused(status, kCode, "SCOPE_MISSING");
  EXPECT_EQ(GetErrorInfo(status)->metadata().at("scope"), "admin");
}

TEST_F(AccessTest, ABoundTokenSeesItsCollectionsOnly) {
  constexpr auto kCode = absl::StatusCode::kPermissionDenied;
  EXPECT_TRUE(GetCollection("films", "collections/films").ok());
  EXPECT_TRUE(WriteItems("films", "collections/films").ok());
  EXPECT_EQ(GetCollection("films", "collections/unknown").code(), absl::StatusCode::kNotFound);
  // Also of names that are none: there must be no way around the check.
  for (const char* name :
       {"collections/books", "collections/never-made", "books", "", "films", "collections/",
        "collections//films", "/collections/films", "collections/filmsx", "xcollections/films"}) {
    ExpectRefused(GetCollection("films", name), kCode, "COLLECTION_NOT_ALLOWED");
    ExpectRefused(WriteItems("films", name), kCode, "COLLECTION_NOT_ALLOWED");
  }
  // Behind the id the handler's own check follows.
  EXPECT_EQ(GetCollection("films", "collections/films/x").code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(AccessTest, NestedNamesAreChecked) {
  v1::GetCandidatesRequest candidates;
  candidates.mutable_sample()->set_collection("collections/books");
  v1::GetCandidatesResponse candidates_response;
  ExpectRefused(Call("films", server_.sampling(), &v1::SamplingService::Stub::GetCandidates,
                     candidates, &candidates_response),
                absl::StatusCode::kPermissionDenied, "COLLECTION_NOT_ALLOWED");
  v1::UpdateCollectionRequest update;
  update.mutable_collection()->set_name("collections/books");
  ExpectRefused(Call("films", server_.collections(), &v1::CollectionService::Stub::UpdateCollection,
                     update, &collection_),
                absl::StatusCode::kPermissionDenied, "COLLECTION_NOT_ALLOWED");
  v1::CreateCollectionRequest create;
  create.set_collection_id("mine");
  ExpectRefused(Call("films", server_.collections(), &v1::CollectionService::Stub::CreateCollection,
                     create, &collection_),
                absl::StatusCode::kPermissionDenied, "COLLECTION_NOT_ALLOWED");
  v1::GetPolicyRequest policy;
  policy.set_name("collections/books/policies/p");
  v1::StoredPolicy stored;
  ExpectRefused(
      Call("films", server_.policies(), &v1::PolicyService::Stub::GetPolicy, policy, &stored),
      absl::StatusCode::kPermissionDenied, "COLLECTION_NOT_ALLOWED");
}

TEST_F(AccessTest, BackupsAreForTokensOfAllCollections) {
  const auto backups = v1::BackupService::NewStub(server_.channel());
  const auto list = [&](const std::string& who) {
    v1::ListBackupsResponse response;
    return Call(who, *backups, &v1::BackupService::Stub::ListBackups, v1::ListBackupsRequest(),
                &response);
  };
  ExpectRefused(list("reader"), absl::StatusCode::kPermissionDenied, "SCOPE_MISSING");
  ExpectRefused(list("films"), absl::StatusCode::kPermissionDenied, "COLLECTION_NOT_ALLOWED");
  EXPECT_EQ(Reason(list("admin")), "BACKUPS_OFF");
}

TEST_F(AccessTest, ListsShowWhatTheTokenMaySee) {
  const auto list = [&](const std::string& who, int page_size) {
    std::vector<std::string> names;
    v1::ListCollectionsRequest request;
    request.set_page_size(page_size);
    do {
      v1::ListCollectionsResponse response;
      EXPECT_TRUE(Call(who, server_.collections(), &v1::CollectionService::Stub::ListCollections,
                       request, &response)
                      .ok());
      for (const auto& collection : response.collections()) names.push_back(collection.name());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return names;
  };
  for (const int page_size : {0, 1, 2}) {
    EXPECT_THAT(list("films", page_size), ElementsAre("collections/films"));
    EXPECT_THAT(list("reader", page_size),
                ElementsAre("collections/books", "collections/films", "collections/songs"));
  }
}

TEST_F(AccessTest, AWithdrawnTokenIsRefusedAtOnce) {
  EXPECT_TRUE(GetCollection("reader", "collections/films").ok());
  access_.Set(Tokens("reader"));
  ExpectRefused(GetCollection("reader", "collections/films"), absl::StatusCode::kUnauthenticated,
                "TOKEN_INVALID");
  access_.Set(Tokens());
  EXPECT_TRUE(GetCollection("reader", "collections/films").ok());
}

TEST_F(AccessTest, StreamsAskForTheTokenWithEachChunk) {
  const auto chunk = [](int number, const std::string& collection) {
    v1::ImportItemsRequest request;
    if (!collection.empty()) {
      request.set_collection(collection);
      request.set_stream_id("s");
    }
    request.set_chunk_number(number);
    SetColumn(std::vector<int64_t>{number}, request.mutable_batch()->mutable_item_ids());
    return request;
  };
  const auto import = [&](const std::string& who, const std::string& collection, bool withdraw) {
    grpc::ClientContext context;
    if (!who.empty()) Authorize(who, &context);
    const auto stream = server_.pool().ImportItems(&context);
    stream->Write(chunk(1, collection));
    v1::ImportResponse response;
    while (response.durable_chunk_number() < 1 && stream->Read(&response)) {
    }
    if (withdraw) access_.Set(Tokens(who));
    stream->Write(chunk(2, ""));
    stream->WritesDone();
    while (stream->Read(&response)) {
    }
    return FromGrpcStatus(stream->Finish());
  };
  EXPECT_TRUE(import("writer", "collections/books", false).ok());
  ExpectRefused(import("", "collections/films", false), absl::StatusCode::kUnauthenticated,
                "TOKEN_MISSING");
  ExpectRefused(import("reader", "collections/films", false), absl::StatusCode::kPermissionDenied,
                "SCOPE_MISSING");
  ExpectRefused(import("films", "collections/songs", false), absl::StatusCode::kPermissionDenied,
                "COLLECTION_NOT_ALLOWED");
  ExpectRefused(import("writer", "collections/films", true), absl::StatusCode::kUnauthenticated,
                "TOKEN_INVALID");
}

}  // namespace
}  // namespace negatron
