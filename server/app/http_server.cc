// SPDX-License-Identifier: Apache-2.0
#include "server/app/http_server.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace negatron {
namespace {

// Browsers send some 1 KiB, scrapers less.
constexpr size_t kMaxHeadBytes = 8 << 10;

// After this, accepting is tried again when the process has no descriptors left.
constexpr absl::Duration kAcceptPause = absl::Milliseconds(100);

constexpr char kHeadEnd[] = "\r\n\r\n";

absl::string_view Reason(int code) {
  switch (code) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

std::string Format(const HttpResponse& response, bool with_body) {
  return absl::StrCat(
      "HTTP/1.1 ", response.code, " ", Reason(response.code),
      "\r\nContent-Type: ", response.content_type, "\r\nContent-Length: ", response.body.size(),
      response.code == 405 ? "\r\nAllow: GET, HEAD" : "",
      "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n", with_body ? response.body : "");
}

std::string Refusal(int code) {
  return Format({code, "text/plain; charset=utf-8", absl::StrCat(Reason(code), "\n")}, true);
}

std::string ErrnoText() { return std::generic_category().message(errno); }

bool WouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

struct AddressListCloser {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

// A socket that listens on one of the addresses that the host's name has.
absl::StatusOr<int> Listen(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failure =
      getaddrinfo(address.host.c_str(), absl::StrCat(address.port).c_str(), &hints, &found);
  if (failure != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", address.ToString(), ": ", gai_strerror(failure)));
  }
  const std::unique_ptr<addrinfo, AddressListCloser> list(found);
  std::string problem;
  for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
    const int listener =
        socket(entry->ai_family, entry->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int yes = 1;
    // So that a restart need not wait for the connections of the process before it to be forgotten.
    if (listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
        bind(listener, entry->ai_addr, entry->ai_addrlen) == 0 &&
        listen(listener, SOMAXCONN) == 0) {
      return listener;
    }
    problem = ErrnoText();
    if (listener >= 0) close(listener);
  }
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", address.ToString(), ": ", problem));
}

int PortOf(int listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  char port[NI_MAXSERV] = "0";
  if (getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, nullptr, 0, port, sizeof(port),
                NI_NUMERICSERV);
  }
  return std::atoi(port);
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                              Handler handler) {
  const absl::StatusOr<int> listener = Listen(options.address);
  if (!listener.ok()) return listener.status();
  const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0) {
    const std::string problem = ErrnoText();
    close(*listener);
    return absl::UnavailableError(absl::StrCat("cannot make an eventfd: ", problem));
  }
  return std::unique_ptr<HttpServer>(
      new HttpServer(options, std::move(handler), *listener, wake, PortOf(*listener)));
}

HttpServer::HttpServer(const HttpServerOptions& options, Handler handler, int listener, int wake,
                       int port)
    : options_(options),
      handler_(std::move(handler)),
      listener_(listener),
      wake_(wake),
      port_(port),
      thread_([this] { Run(); }) {}

HttpServer::~HttpServer() {
  stopping_.store(true);
  eventfd_write(wake_, 1);
  thread_.join();
  for (const Connection& connection : connections_) close(connection.socket);
  close(listener_);
  close(wake_);
}

void HttpServer::Run() {
  std::vector<pollfd> waits;
  while (!stopping_.load()) {
    absl::Time next = absl::InfiniteFuture();
    waits.assign({{wake_, POLLIN, 0}});
    const bool full = connections_.size() >= static_cast<size_t>(options_.max_connections);
    waits.push_back({full ? -1 : listener_, POLLIN, 0});
    for (const Connection& connection : connections_) {
      const bool sending = !connection.response.empty() && !connection.closing;
      waits.push_back({connection.socket, static_cast<int16_t>(sending ? POLLOUT : POLLIN), 0});
      next = std::min(next, connection.deadline);
    }
    const absl::Duration patience = next - absl::Now();
    const int timeout = patience == absl::InfiniteDuration()
                            ? -1
                            : static_cast<int>(absl::ToInt64Milliseconds(
                                  std::clamp(absl::Ceil(patience, absl::Milliseconds(1)),
                                             absl::ZeroDuration(), absl::Minutes(1))));
    poll(waits.data(), waits.size(), timeout);
    const absl::Time now = absl::Now();
    size_t wait = 2;
    for (auto connection = connections_.begin(); connection != connections_.end(); ++wait) {
      const bool keep =
          now < connection->deadline && (waits[wait].revents == 0 || Serve(*connection));
      if (!keep) close(connection->socket);
      connection = keep ? std::next(connection) : connections_.erase(connection);
    }
    if (waits[1].revents != 0) Accept();
  }
}

void HttpServer::Accept() {
  while (connections_.size() < static_cast<size_t>(options_.max_connections)) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) {
      // Else the listener would stay readable, and the thread would spin.
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) absl::SleepFor(kAcceptPause);
      return;
    }
    Connection& connection = connections_.emplace_back();
    connection.socket = socket;
    connection.deadline = absl::Now() + options_.connection_deadline;
  }
}

bool HttpServer::Serve(Connection& connection) {
  if (connection.response.empty() || connection.closing) return Receive(connection);
  return Send(connection);
}

bool HttpServer::Receive(Connection& connection) {
  char bytes[4096];
  const ssize_t count = recv(connection.socket, bytes, sizeof(bytes), 0);
  if (count < 0) return WouldBlock();
  if (count == 0) return false;
  if (connection.closing) return true;  // Nobody reads it any more.
  connection.received.append(bytes, static_cast<size_t>(count));
  const size_t end = connection.received.find(kHeadEnd);
  if (end != std::string::npos && end <= kMaxHeadBytes) {
    connection.response = Answer(absl::string_view(connection.received).substr(0, end));
  } else if (connection.received.size() > kMaxHeadBytes) {
    connection.response = Refusal(431);
  } else {
    return true;
  }
  return Send(connection);
}

bool HttpServer::Send(Connection& connection) {
  const absl::string_view rest = absl::string_view(connection.response).substr(connection.sent);
  const ssize_t count = send(connection.socket, rest.data(), rest.size(), MSG_NOSIGNAL);
  if (count < 0) return WouldBlock();
  connection.sent += static_cast<size_t>(count);
  if (connection.sent < connection.response.size()) return true;
  // Closing at once, with bytes of the request unread, would reset the connection, and the client
  // might lose the response.
  connection.closing = true;
  return shutdown(connection.socket, SHUT_WR) == 0;
}

std::string HttpServer::Answer(absl::string_view head) const {
  const absl::string_view line = head.substr(0, head.find("\r\n"));
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  if (words.size() != 3 || words[1].empty() || words[1][0] != '/' ||
      (words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0")) {
    return Refusal(400);
  }
  if (words[0] != "GET" && words[0] != "HEAD") return Refusal(405);
  const absl::string_view path = words[1].substr(0, words[1].find('?'));
  return Format(handler_(path), words[0] == "GET");
}

}  // namespace negatron
