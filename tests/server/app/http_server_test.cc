// SPDX-License-Identifier: Apache-2.0
#include "server/app/http_server.h"

#include <arpa/inet.h>
#include <cerrno>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <gmock/gmock.h>

namespace negatron {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A connection to a port of this machine.
class Client {
 public:
  explicit Client(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const timeval patience{20, 0};  // A server that hangs fails the test.
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  ~Client() { close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool Send(absl::string_view text) {
    return send(socket_, text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }

  // All that comes until the server closes.
  std::string ReadAll() {
    std::string all;
    char bytes[65536];
    while (true) {
      const ssize_t count = recv(socket_, bytes, sizeof(bytes), 0);
      if (count < 0) return absl::StrCat(all, "<error ", errno, ">");
      if (count == 0) return all;
      all.append(bytes, static_cast<size_t>(count));
    }
  }

 private:
  const int socket_;
};

constexpr size_t kLongBody = 20 << 20;  // More than sockets hold.

class HttpServerTest : public testing::Test {
 protected:
  void Start(int max_connections, absl::Duration deadline) {
    HttpServerOptions options;
    options.address = {"127.0.0.1", 0};
    options.max_connections = max_connections;
    options.connection_deadline = deadline;
    auto server = HttpServer::Start(options, [](absl::string_view path) -> HttpResponse {
      if (path == "/hello") return {200, "text/plain", "hello\n"};
      if (path == "/long") return {200, "text/plain", std::string(kLongBody, 'x')};
      if (path == "/not-yet") return {503, "text/plain", "not yet\n"};
      return {404, "text/plain", "no such page\n"};
    });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void SetUp() override { Start(8, absl::Seconds(10)); }

  std::string Ask(absl::string_view request) {
    Client client(server_->port());
    EXPECT_TRUE(client.Send(request));
    return client.ReadAll();
  }

  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersGet) {
  const std::string response = Ask("GET /hello?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nContent-Length: 6\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\nhello\n"));
}

TEST_F(HttpServerTest, AnswersHeadWithoutTheBody) {
  const std::string response = Ask("HEAD /hello HTTP/1.1\r\n\r\n");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nContent-Length: 6\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\n"));
  EXPECT_THAT(response, Not(HasSubstr("hello")));
}

TEST_F(HttpServerTest, PassesTheHandlersCodeOn) {
  EXPECT_THAT(Ask("GET /nothing HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(Ask("GET /not-yet HTTP/1.0\r\n\r\n"),
              StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
}

TEST_F(HttpServerTest, RefusesOtherMethodsAndOtherProtocols) {
  const std::string response = Ask("POST /hello HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nAllow: GET, HEAD\r\n"));
  for (const char* bad : {"hello\r\n\r\n", "GET /hello\r\n\r\n", "GET hello HTTP/1.1\r\n\r\n",
                          "GET /hello HTTP/2.0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n"}) {
    EXPECT_THAT(Ask(bad), StartsWith("HTTP/1.1 400 Bad Request\r\n")) << bad;
  }
}

TEST_F(HttpServerTest, RefusesLongHeads) {
  EXPECT_THAT(Ask(absl::StrCat("GET /hello HTTP/1.1\r\nX: ", std::string(9000, 'x'), "\r\n\r\n")),
              StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, TakesARequestInPieces) {
  Client client(server_->port());
  for (const char c : std::string("GET /hello HTTP/1.1\r\n\r\n")) {
    ASSERT_TRUE(client.Send(absl::string_view(&c, 1)));
  }
  EXPECT_THAT(client.ReadAll(), EndsWith("hello\n"));
}

TEST_F(HttpServerTest, SendsMoreThanASocketHolds) {
  const std::string response = Ask("GET /long HTTP/1.1\r\n\r\n");
  EXPECT_EQ(response.size() - response.find("\r\n\r\n") - 4, kLongBody);
}

TEST_F(HttpServerTest, CutsOffWhoSendsNothingOrDripsWhileOthersAreServed) {
  Start(2, absl::Milliseconds(300));
  const absl::Time start = absl::Now();
  Client silent(server_->port());
  Client dripping(server_->port());
  ASSERT_TRUE(dripping.Send("GET /hel"));
  // Both places are taken: it waits for the deadline of one of them, not for ever.
  EXPECT_THAT(Ask("GET /hello HTTP/1.1\r\n\r\n"), EndsWith("hello\n"));
  EXPECT_EQ(silent.ReadAll(), "");
  EXPECT_EQ(dripping.ReadAll().find("HTTP/1.1"), std::string::npos);
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(300));
}

TEST_F(HttpServerTest, CutsOffWhoDoesNotRead) {
  Start(1, absl::Milliseconds(300));
  Client lazy(server_->port());
  ASSERT_TRUE(lazy.Send("GET /long HTTP/1.1\r\n\r\n"));
  EXPECT_THAT(Ask("GET /hello HTTP/1.1\r\n\r\n"), EndsWith("hello\n"));
  EXPECT_LT(lazy.ReadAll().size(), kLongBody);
}

TEST_F(HttpServerTest, EndsWhileClientsAreConnected) {
  Client silent(server_->port());
  server_.reset();
  EXPECT_THAT(silent.ReadAll(), testing::AnyOf("", StartsWith("<error")));
}

TEST_F(HttpServerTest, ATakenPortIsAnErrorThatNamesIt) {
  HttpServerOptions options;
  options.address = {"127.0.0.1", server_->port()};
  const auto second = HttpServer::Start(options, [](absl::string_view) { return HttpResponse(); });
  ASSERT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(
      std::string(second.status().message()),
      testing::AllOf(HasSubstr(absl::StrCat("127.0.0.1:", server_->port())), HasSubstr("in use")));
}

TEST_F(HttpServerTest, AnAddressOfAnotherMachineIsAnError) {
  HttpServerOptions options;
  options.address = {"192.0.2.1", 0};  // Of documentation, RFC 5737.
  EXPECT_EQ(
      HttpServer::Start(options, [](absl::string_view) { return HttpResponse(); }).status().code(),
      absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace negatron
