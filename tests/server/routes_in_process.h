#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "ipfs_accelerate/endpoints.h"
#include "server/http/site.h"
#include "server/metrics.h"
#include "server/service.h"

namespace accelerate {

/// All routes of the server over a few endpoints, asked without a socket: `mean` embeds, `judge` reranks, `labels` classifies,
/// `entails` knows entailment, `tags` tags, `masks` fills masks, `asks` answers questions, `tale` goes on with texts.
class RoutesInProcess {
 public:
  explicit RoutesInProcess(http::AccessRules access = {});

  /// The answer to a request of that target and body; waits for it. `fields` are lines of a head.
  http::Response call(std::string_view method, std::string_view target, std::string_view body = {}, std::string_view fields = {});

  /// The same for a client that leaves as soon as it has asked.
  void leave(std::string_view target, std::string_view body);

  Endpoints& endpoints() { return endpoints_; }
  const http::Site& site() const { return site_; }

 private:
  /// One request on its way.
  struct Call;
  std::shared_ptr<Call> begin(std::string_view method, std::string_view target, std::string_view body, std::string_view fields);

  server::Metrics metrics_;
  Endpoints endpoints_;
  http::Site site_;
};

}  // namespace accelerate
