// SPDX-License-Identifier: Apache-2.0
#ifndef NEGATRON_SERVER_APP_HTTP_SERVER_H_
#define NEGATRON_SERVER_APP_HTTP_SERVER_H_

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "server/app/address.h"

namespace negatron {

struct HttpResponse {
  int code = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

struct HttpServerOptions {
  Address address;  // Port 0: any free one.
  // Connections at once; more wait to be accepted.
  int max_connections = 32;
  // From the connection's opening to the last byte of the response. Who takes longer is cut off.
  absl::Duration connection_deadline = absl::Seconds(5);
};

// Answers GET and HEAD, one request a connection, on one thread: for probes and scrapes, which are
// few. No client can hold more than its connection, nor that for longer than the deadline. Request
// heads are bounded, and what follows them is not read.
//
// Thread-safety: thread-safe.
class HttpServer {
 public:
  // Answers for a path without its query, on the server's thread; must not take long.
  using Handler = std::function<HttpResponse(absl::string_view path)>;

  // Binds the address and answers. UNAVAILABLE, saying why, if it cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                           Handler handler);
  // Closes the port and all connections.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const { return port_; }

 private:
  struct Connection {
    int socket = -1;
    absl::Time deadline;
    std::string received;
    std::string response;  // Empty until the request's head is there.
    size_t sent = 0;
    bool closing = false;  // All is sent; waits for the client's end.
  };

  HttpServer(const HttpServerOptions& options, Handler handler, int listener, int wake, int port);
  void Run();
  void Accept();
  // False if the connection is to be closed.
  bool Serve(Connection& connection);
  bool Receive(Connection& connection);
  bool Send(Connection& connection);
  std::string Answer(absl::string_view head) const;

  const HttpServerOptions options_;
  const Handler handler_;
  const int listener_;
  const int wake_;  // An eventfd.
  const int port_;
  std::atomic<bool> stopping_{false};
  std::list<Connection> connections_;  // Confined to the thread.
  std::thread thread_;
};

}  // namespace negatron

#endif  // NEGATRON_SERVER_APP_HTTP_SERVER_H_
