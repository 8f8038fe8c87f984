// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_TESTS_CLIENT_CLI_CLI_FIXTURE_H_
#define NEGATRON_TESTS_CLIENT_CLI_CLI_FIXTURE_H_

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "client/cli/cli.h"
#include "tests/client/cpp/fake_server.h"

namespace negatron::client {

// The program against a fake server that has the collection `movies`.
class CliTest : public testing::Test {
 protected:
  CliTest() {
    server_.handlers.get_collection = [this](const v1::GetCollectionRequest& request,
                                             v1::Collection* collection) {
      if (request.name() != "collections/movies") {
        return grpc::Status(grpc::StatusCode::NOT_FOUND, "no collection " + request.name());
      }
      *collection = collection_;
      return grpc::Status::OK;
    };
    collection_.set_name("collections/movies");
    collection_.set_item_id_type(v1::ID_TYPE_INT64);
    collection_.set_user_id_type(v1::ID_TYPE_INT64);
  }

  ExitCode Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--server", server_.target()});
    return RunAlone(arguments);
  }

  ExitCode RunAlone(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    return RunCli(arguments, out_, err_, false);
  }

  std::string File(const std::string& name, const std::string& text) {
    const std::string path = testing::TempDir() + "/" +
                             testing::UnitTest::GetInstance()->current_test_info()->name() + "_" +
                             name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  // A .npy file, version 1.
  std::string Npy(const std::string& name, const std::string& type, const std::string& shape,
                  const void* data, size_t bytes) {
    std::string header =
        absl::StrCat("{'descr': '", type, "', 'fortran_order': False, 'shape': ", shape, ", }");
    header.resize(117, ' ');
    header.push_back('\n');
    std::string file("\x93NUMPY\x01\x00", 8);
    file.push_back(static_cast<char>(header.size()));
    file.push_back('\0');
    return File(name, file + header + std::string(static_cast<const char*>(data), bytes));
  }

  google::protobuf::Struct Json() {
    google::protobuf::Struct json;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(out_.str(), &json).ok()) << out_.str();
    return json;
  }

  FakeServer server_;
  v1::Collection collection_;
  std::ostringstream out_;
  std::ostringstream err_;
};

}  // namespace negatron::client

#endif  // NEGATRON_TESTS_CLIENT_CLI_CLI_FIXTURE_H_
