// SPDX-License-Identifier: Apache-2.0
#include "server/app/monitoring.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include <prometheus/text_serializer.h>

namespace negatron {
namespace {

HttpResponse Text(int code, absl::string_view text) {
  HttpResponse response;
  response.code = code;
  response.body = absl::StrCat(text, "\n");
  return response;
}

HttpResponse Answer(absl::string_view path, const MetricSources& sources) {
  if (path == "/healthz") return Text(200, "alive");
  if (path == "/readyz") {
    if (sources.serving()) return Text(200, "ready");
    return Text(503, sources.engine->engine() == nullptr ? "recovering" : "not serving");
  }
  if (path == "/metrics") {
    HttpResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = prometheus::TextSerializer().Serialize(ServerMetrics(sources).Collect());
    return response;
  }
  return Text(404, "there are /metrics, /healthz and /readyz");
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> StartMonitoring(const Config& config,
                                                            const MetricSources& sources) {
  if (!config.metrics_listen.has_value()) return nullptr;
  HttpServerOptions options;
  options.address = *config.metrics_listen;
  return HttpServer::Start(options,
                           [sources](absl::string_view path) { return Answer(path, sources); });
}

}  // namespace negatron
